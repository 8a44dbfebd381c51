//! The server and its routes.

mod api;
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
        .app(Api)
}

struct Api;

impl App for Api {
    fn routes(&self, routes: &mut web::ServiceConfig) {
        routes
            .service(web::resource("/").get(api::hello))
            .service(web::resource("/greetings").post(api::greet));
    }
}
