//! On Foobar.

use std::process::ExitCode;

use foobar::web::{self, Form, Json, ServiceConfig};
use foobar::{App, Server};
use servers::{HELLO, Order, TEA};

struct Shop;

impl App for Shop {
    fn routes(&self, routes: &mut ServiceConfig) {
        routes
            .route("/", web::get().to(async || HELLO))
            .route("/json", web::get().to(async || Json(TEA)))
            .route("/order", web::post().to(async |order: Form<Order>| order.confirmation()));
    }
}

fn main() -> ExitCode {
    Server::new().app(Shop).run()
}
