//! The server and its routes.

mod pages;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use foobar::{App, Server, web};

fn main() -> ExitCode {
    server().run()
}

/// The whole server. What is preset here can be changed by the configuration.
fn server() -> Server {
    Server::new()
        .name(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
        .public(foobar::embed!("public"))
        .app(Site)
}

struct Site;

impl App for Site {
    fn routes(&self, routes: &mut web::ServiceConfig) {
        routes
            .service(web::resource("/").get(pages::home))
            .default_service(web::to(pages::not_found));
    }
}
