//! The server.

mod error;
mod pages;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use foobar::Server;

fn main() -> ExitCode {
    server().run()
}

/// The whole server. What is preset here can be changed by the configuration.
fn server() -> Server {
    Server::new()
        .name(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
        .public(foobar::embed!("public"))
        .service_with(pages::router)
}
