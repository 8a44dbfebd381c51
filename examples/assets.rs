//! A program with its static files inside it: one file to copy, no folder beside it. A debug build reads them from
//! their folder instead, so that a change is seen at once.
//!
//! Run with: cargo run --release --example assets
//! Then open http://127.0.0.1:8080/site.css

use std::process::ExitCode;

use foobar::Server;
use foobar::files::{Embedded, rust_embed::RustEmbed};

#[derive(RustEmbed)]
#[folder = "examples/site/public"]
#[crate_path = "foobar::files::rust_embed"]
struct Assets;

fn main() -> ExitCode {
    Server::new().files("assets", Embedded::<Assets>::new()).preset("sites.*.root", "embed:assets").run()
}
