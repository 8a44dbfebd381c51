//! Run with: cargo run --example hello

use foobar::{App, Server, web};

struct Hello;

impl App for Hello {
    fn routes(&self, routes: &mut web::ServiceConfig) {
        routes.route("/", web::get().to(async || "Hello, World!\n"));
    }
}

fn main() -> std::process::ExitCode {
    Server::new().app(Hello).run()
}
