//! The guide as documentation tests: each Rust block of a page compiles, and runs unless it says `no_run`. A failure names
//! the page and the line. `tests/integration/book.rs` holds that no page is missing here, and tries all other blocks.

#[doc = include_str!("src/introduction.md")]
mod introduction {}

#[doc = include_str!("src/projects.md")]
mod projects {}

#[doc = include_str!("src/tutorial.md")]
mod tutorial {}

#[doc = include_str!("src/configuration.md")]
mod configuration {}

#[doc = include_str!("src/routing.md")]
mod routing {}

#[doc = include_str!("src/database.md")]
mod database {}

#[doc = include_str!("src/migrations.md")]
mod migrations {}

#[doc = include_str!("src/forms.md")]
mod forms {}

#[doc = include_str!("src/sessions.md")]
mod sessions {}

#[doc = include_str!("src/accounts.md")]
mod accounts {}

#[doc = include_str!("src/streams.md")]
mod streams {}

#[doc = include_str!("src/errors.md")]
mod errors {}

#[doc = include_str!("src/testing.md")]
mod testing {}

#[doc = include_str!("src/logs.md")]
mod logs {}

#[doc = include_str!("src/dns.md")]
mod dns {}

#[doc = include_str!("src/https.md")]
mod https {}

#[doc = include_str!("src/deployment.md")]
mod deployment {}

#[doc = include_str!("src/maintenance.md")]
mod maintenance {}

#[doc = include_str!("src/from-nginx.md")]
mod from_nginx {}

#[doc = include_str!("src/from-actix-web.md")]
mod from_actix_web {}

#[doc = include_str!("src/from-axum.md")]
mod from_axum {}

#[doc = include_str!("src/from-rails.md")]
mod from_rails {}

#[doc = include_str!("src/features.md")]
mod features {}

#[doc = include_str!("src/limits.md")]
mod limits {}

#[doc = include_str!("src/messages.md")]
mod messages {}
