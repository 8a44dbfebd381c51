//! The guide as documentation tests: each Rust block of a page compiles, and runs unless it says `no_run`. A failure names
//! the page and the line. `tests/integration/book.rs` holds that no page is missing here, and tries all other blocks.

#[doc = include_str!("src/introduction.md")]
mod introduction {}

#[doc = include_str!("src/tutorial.md")]
mod tutorial {}

#[doc = include_str!("src/configuration.md")]
mod configuration {}

#[doc = include_str!("src/routing.md")]
mod routing {}

#[doc = include_str!("src/https.md")]
mod https {}

#[doc = include_str!("src/errors.md")]
mod errors {}

#[doc = include_str!("src/messages.md")]
mod messages {}
