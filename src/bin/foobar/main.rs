//! Serves a folder, or the sites of a `foobar.toml`, without an application; `foobar new` makes a package that has one.

mod new;

use std::process::ExitCode;

fn main() -> ExitCode {
    foobar::Server::new().verb("new", new::ABOUT, new::run).run()
}
