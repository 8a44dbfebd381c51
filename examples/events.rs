//! A stream of events and a page that shows them. Run with: cargo run --example events

use std::process::ExitCode;
use std::time::Duration;

use foobar::actix_web::Responder;
use foobar::actix_web::rt::time::sleep;
use foobar::sse::{Event, LastEventId};
use foobar::{Server, web};
use futures_util::stream;

const PAGE: &str = "<!doctype html><title>Seconds</title><p>…</p><script src=/page.js></script>\n";
const SCRIPT: &str =
    "new EventSource('/seconds').onmessage = event => { document.querySelector('p').textContent = event.data; };\n";

/// Counts the seconds; a browser that was cut off goes on where it was.
async fn seconds(last: LastEventId) -> impl Responder {
    let first = last.parse().map_or(1, |last: u64| last.saturating_add(1));
    foobar::sse(stream::unfold(first, async |second| {
        sleep(Duration::from_secs(1)).await;
        Some((Event::new(second.to_string()).id(second), second.saturating_add(1)))
    }))
}

fn routes(routes: &mut web::ServiceConfig) {
    routes
        .route("/", web::get().to(async || web::Html::new(PAGE)))
        .route(
            "/page.js",
            web::get().to(async || SCRIPT.customize().insert_header(("content-type", "text/javascript"))),
        )
        .route("/seconds", web::get().to(seconds));
}

fn main() -> ExitCode {
    Server::new().app(foobar::routes(routes)).run()
}
