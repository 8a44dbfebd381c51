//! A program with its static files inside it: one file to copy, no folder beside it. A debug build reads them from
//! their folder instead, so that a change is seen at once.
//!
//! Run with: cargo run --release --example assets
//! Then open http://127.0.0.1:8080/site.css

fn main() -> std::process::ExitCode {
    foobar::Server::new().public(foobar::embed!("examples/site/public")).run()
}
