//! Serves a folder, or the sites of a `foobar.toml`, without an application.

use std::process::ExitCode;

fn main() -> ExitCode {
    foobar::Server::new().run()
}
