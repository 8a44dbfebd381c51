//! The server.

mod error;
mod message;
mod pages;
mod schema;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use foobar::{Migrations, Server, embed_migrations};

fn main() -> ExitCode {
    server().run()
}

/// The whole server. What is preset here can be changed by the configuration.
fn server() -> Server {
    Server::new()
        .name(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
        .preset(
            "database.url",
            concat!("sqlite:", env!("CARGO_PKG_NAME"), ".db"),
        )
        .public(foobar::embed!("public"))
        .migrations(migrations())
        .service_with(pages::router)
}

fn migrations() -> Migrations {
    Migrations::none()
        .sqlite(embed_migrations!("migrations/sqlite"))
        .mysql(embed_migrations!("migrations/mysql"))
}
