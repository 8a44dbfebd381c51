//! An axum router as the application; any `tower::Service` can take its place.
//!
//! Run with: cargo run --example axum
//! Then:     curl http://127.0.0.1:8080/hello/World

use std::process::ExitCode;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use foobar::Server;

fn main() -> ExitCode {
    let router =
        Router::new().route("/", get(async || "An axum router, served by Foobar\n")).route("/hello/{name}", get(hello));
    Server::new().service(router).run()
}

async fn hello(Path(name): Path<String>) -> String {
    format!("Hello, {name}!\n")
}
