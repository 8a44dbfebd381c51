//! A stream of events that is one of bytes.
//~ is not an event
//~ `foobar::sse` takes a stream of `foobar::sse::Event`
use foobar::actix_web::Responder;
use foobar::web;

async fn events(body: web::Payload) -> impl Responder {
    foobar::sse(body)
}

fn main() {}
