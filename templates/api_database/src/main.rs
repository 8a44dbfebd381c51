//! The server and its routes.

mod api;
mod message;
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
        .app(Api)
}

struct Api;

impl App for Api {
    fn routes(&self, routes: &mut web::ServiceConfig) {
        let messages = web::resource("/messages")
            .get(api::latest)
            .post(api::leave_message);
        routes
            .service(web::resource("/").get(api::hello))
            .service(messages);
    }

    fn migrations(&self) -> Migrations {
        Migrations::none()
            .sqlite(embed_migrations!("migrations/sqlite"))
            .mysql(embed_migrations!("migrations/mysql"))
    }
}
