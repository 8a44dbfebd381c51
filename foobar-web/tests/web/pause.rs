//! What a pause holds, for how long, and what goes on.

use std::sync::Arc;

use foobar_core::{Request, Response, ResponseBody, handler_fn};
use foobar_web::{Gate, WebTier};

use crate::drain::gated;
use crate::support::{Client, Server, folder, wait_until};

fn gate(server: &Server) -> Arc<Gate> {
    server.web.gate().expect("the tier has one")
}

fn held(server: &Server) -> usize {
    gate(server).status().pause.map_or(0, |pause| pause.held)
}

/// A client whose request is held, as the one of this number.
fn hold(server: &Server, number: usize, request: &str) -> Client {
    let mut client = server.connect();
    client.send(request);
    wait_until("the request is held", || held(server) == number);
    client
}

const GET: &str = "GET /page HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn a_request_waits_for_the_end_of_a_pause_and_is_answered_then() {
    let server = Server::start("");
    assert!(gate(&server).pause());
    let mut client = hold(&server, 1, GET);
    assert_eq!(server.figure("paused"), 1);
    assert_eq!(server.figure("requests_held"), 1);
    assert_eq!(gate(&server).resume().map(|ended| ended.released), Some(1));
    assert_eq!(client.answer().body, "GET /page");
    assert_eq!((server.figure("paused"), server.figure("requests_held")), (0, 0));
    assert_eq!(client.get("/again").body, "GET /again");
}

#[test]
fn a_body_is_held_with_its_request_and_comes_whole() {
    let server = Server::start("");
    gate(&server).pause();
    let mut client = hold(&server, 1, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello");
    client.send("world");
    gate(&server).resume();
    assert_eq!(client.answer().body, "helloworld");
}

#[test]
fn files_redirects_and_fixed_answers_go_on() {
    let folder = folder(&[("file.txt", "a file")]);
    let routes = "[sites.a.routes.'/fixed']\nrespond = 200\nbody = 'fixed'\n[sites.a.routes.'= /to']\nredirect = '/'\n";
    let server = Server::start(&format!("[sites.a]\nroot = {:?}\n{routes}", folder.path()));
    gate(&server).pause();
    let mut client = server.connect();
    assert_eq!(client.get("/file.txt").body, "a file");
    assert_eq!(client.get("/fixed").body, "fixed");
    assert_eq!(client.get("/to").status(), 301);
}

#[test]
fn one_request_more_than_may_be_held_gets_503_and_when_to_come_again() {
    let server = Server::start("[web]\npause_requests = 1\npause_timeout = '50m'\n");
    gate(&server).pause();
    let mut first = hold(&server, 1, GET);
    let answer = server.connect().get("/page");
    assert_eq!(answer.status(), 503);
    let seconds: u32 = answer.header("retry-after").and_then(|text| text.parse().ok()).expect("it is a number");
    assert!((2900..=3000).contains(&seconds), "{answer:?}");
    assert!(answer.body.contains("The site pauses for a moment."), "{answer:?}");
    assert_eq!(server.figure("requests_paused_out_total"), 1);
    gate(&server).resume();
    assert_eq!(first.answer().status(), 200);
}

#[test]
fn a_request_that_is_held_for_too_long_gets_503() {
    let server = Server::start("[web]\npause_wait = '2s'\n");
    gate(&server).pause();
    let mut client = hold(&server, 1, GET);
    let time = server.time_until_told(&mut client);
    assert!((1900..=2200).contains(&time.as_millis()), "{time:?}");
    assert_eq!(client.answer().status(), 503);
    assert_eq!(held(&server), 0);
}

#[test]
fn a_client_that_goes_leaves_the_queue_whatever_it_asked_for() {
    let server = Server::start("");
    gate(&server).pause();
    let get = hold(&server, 1, GET);
    let post = hold(&server, 2, "POST /page HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    for client in [get, post] {
        let before = held(&server);
        drop(client);
        server.time_until(|| held(&server) < before);
    }
    gate(&server).resume();
    assert_eq!(server.connect().get("/page").status(), 200);
}

#[test]
fn what_the_application_has_ends_and_then_it_is_quiet() {
    let (app, arrivals, open) = gated();
    let server = Server::with("", Some(app));
    let mut busy = server.connect();
    busy.send(GET);
    arrivals.recv().expect("the request arrives");
    gate(&server).pause();
    assert_eq!(gate(&server).status().in_flight, 1);
    assert_eq!(server.figure("requests_in_application"), 1);
    open.add_permits(1);
    assert_eq!(busy.answer().body, "done");
    wait_until("it is quiet", || gate(&server).status().in_flight == 0);
    gate(&server).resume();
}

#[test]
fn a_pause_does_not_wait_for_event_streams() {
    let app = handler_fn(async |_: Request| {
        let events = http_body_util::StreamBody::new(futures_util::stream::pending());
        let mut response = Response::new(ResponseBody::stream(events));
        response.headers_mut().insert("content-type", http::HeaderValue::from_static("text/event-stream"));
        response
    });
    let server = Server::with("", Some(Arc::new(app)));
    let mut client = server.connect();
    client.send(GET);
    wait_until("the stream has begun", || client.is_told());
    assert_eq!(gate(&server).status().in_flight, 0);
}

#[test]
fn a_pause_outlives_a_reload_and_what_is_held_is_answered_after_it() {
    let server = Server::start("");
    gate(&server).pause();
    let mut client = hold(&server, 1, GET);
    server.reload("[web]\npause_requests = 1\n").expect("the settings are good");
    assert!(!gate(&server).pause(), "it goes on");
    assert_eq!(server.connect().get("/page").status(), 503, "the new limit counts");
    gate(&server).resume();
    assert_eq!(client.answer().body, "GET /page");
}
