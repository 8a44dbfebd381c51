//! On axum, and hyper under it, as its documentation shows it, on one thread.
//!
//! Run with: axum LISTEN

use axum::http::{HeaderName, HeaderValue};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use axum::{Form, Json, Router};
use servers::{FIELDS, HELLO, Order, REQUEST_ID, TEA, request_id};
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let listen = std::env::args().nth(1).expect("an address to listen on");
    let router = Router::new()
        .route("/", get(async || HELLO))
        .route("/json", get(async || Json(TEA)))
        .route("/order", post(async |Form(order): Form<Order>| order.confirmation()))
        .layer(map_response(with_fields));
    let listener = TcpListener::bind(listen).await?;
    let without_delay = listener.tap_io(|stream| stream.set_nodelay(true).expect("a socket has this option"));
    axum::serve(without_delay, router).await
}

async fn with_fields(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in FIELDS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let id = HeaderValue::try_from(request_id()).expect("hexadecimal digits");
    headers.insert(HeaderName::from_static(REQUEST_ID), id);
    response
}
