//! The server and its routes.

mod message;
mod pages;
mod schema;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use foobar::{App, Migrations, Server, embed_migrations, web};

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
        .app(Site)
}

struct Site;

impl App for Site {
    fn routes(&self, routes: &mut web::ServiceConfig) {
        routes
            .service(web::resource("/").get(pages::home))
            .service(web::resource("/messages").post(pages::leave_message))
            .default_service(web::to(pages::not_found));
    }

    fn migrations(&self) -> Migrations {
        Migrations::none()
            .sqlite(embed_migrations!("migrations/sqlite"))
            .mysql(embed_migrations!("migrations/mysql"))
    }
}
