//! Reloads while requests are under way on many streams: none is lost, and no connection ends.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use super::case::{get, post, request};
use super::server::Server;
use crate::support::http2::{END_STREAM, Event, Http2, data};
use crate::support::number_of;

/// As many connections without TLS, and as many over it.
const CONNECTIONS: usize = 4;
/// Of each connection.
const STREAMS: u32 = 32;
const PAGE: &[(&str, &str)] =
    &[(":method", "GET"), (":scheme", "http"), (":path", "/page"), (":authority", "localhost")];

#[test]
fn no_stream_is_lost_while_configurations_come_and_go() {
    let mut server = Server::start();
    let (reloads, requests) = (number_of("FOOBAR_RELOADS", 20), number_of("FOOBAR_REQUESTS", 10_000));
    server.reload("version 0");
    let connections: Vec<Http2> =
        (0..CONNECTIONS).flat_map(|_| [Http2::open(server.wire()), Http2::open(server.tls(&["h2"]))]).collect();
    let (answered, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
    let all = std::thread::scope(|scope| {
        let ask = |http| scope.spawn(|| ask(http, &answered, &is_over));
        let asking: Vec<_> = connections.into_iter().map(ask).collect();
        let is_going_on = || asking.iter().all(|asking| !asking.is_finished());
        for number in 1..=reloads {
            while is_going_on() && answered.load(Relaxed) < number * requests / reloads {
                std::thread::yield_now();
            }
            server.reload(&format!("version {number}"));
        }
        is_over.store(true, Relaxed);
        asking.into_iter().map(|asking| asking.join().expect("every stream is answered")).sum::<u64>()
    });
    println!("{all} requests were answered during {reloads} reloads");
    assert!(all >= requests && all == answered.load(Relaxed));
    server.program.signal("TERM");
    assert!(server.program.wait().0.success());
}

/// Keeps so many requests under way until it is over; gives how many there were, which are all answered.
fn ask(mut http: Http2, answered: &AtomicU64, is_over: &AtomicBool) -> u64 {
    let (mut asked, mut open) = (0, 0);
    loop {
        while open < STREAMS && !is_over.load(Relaxed) {
            assert!(http.send(of_number(asked)));
            (asked, open) = (asked + 1, open + 1);
        }
        if open == 0 {
            return asked.into();
        }
        match http.event() {
            Event::Answer(stream, reply) => {
                let body = String::from_utf8_lossy(&reply.body).into_owned();
                assert!(reply.status == 200 && is_right(stream / 2, &body), "{stream}: {} {body}", reply.status);
                answered.fetch_add(1, Relaxed);
                open -= 1;
            }
            Event::Head(200) | Event::Data(..) | Event::WindowUpdate(..) | Event::SettingsAck => {}
            other => panic!("{other:?} in a reload"),
        }
    }
}

/// A request to a route that each reload changes, the application, or a file; or content that comes back.
fn of_number(number: u32) -> Vec<u8> {
    let stream = 1 + 2 * number;
    match number % 4 {
        0 => request(stream, PAGE),
        1 => get(stream),
        2 => request(stream, FILE),
        _ => [post(stream), data(stream, END_STREAM, b"content")].concat(),
    }
}

const FILE: &[(&str, &str)] =
    &[(":method", "GET"), (":scheme", "http"), (":path", "/seven.txt"), (":authority", "localhost")];

fn is_right(number: u32, body: &str) -> bool {
    match number % 4 {
        0 => body.starts_with("version "),
        1 | 2 => body == "proving",
        _ => body == "content",
    }
}
