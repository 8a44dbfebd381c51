//! The guide as documentation tests: each Rust block of a page compiles, and runs unless it says `no_run`. A failure names
//! the page and the line. `tests/integration/book.rs` holds that no page is missing here, and tries all other blocks.

#[doc = include_str!("src/introduction.md")]
mod introduction {}
