//! Reloads while requests are under way on many streams: none is lost, and no connection ends.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Sender, channel};

use super::case::{get, post, request};
use super::server::Server;
use crate::support::http2::{END_STREAM, Event, Http2, data};
use crate::support::{PATIENCE, number_of};

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
    let (answers, is_over) = (Answers::new(requests.div_ceil(reloads).max(1)), AtomicBool::new(false));
    let (reached, milestones) = channel();
    let all = std::thread::scope(|scope| {
        let (answers, is_over) = (&answers, &is_over);
        let ask = |http| {
            let reached = reached.clone();
            scope.spawn(move || ask(http, answers, &reached, is_over))
        };
        let asking: Vec<_> = connections.into_iter().map(ask).collect();
        drop(reached);
        // Where none comes somebody has failed, and says why.
        for number in (1..=reloads).take_while(|_| milestones.recv_timeout(PATIENCE).is_ok()) {
            server.reload(&format!("version {number}"));
        }
        is_over.store(true, Relaxed);
        asking.into_iter().map(|asking| asking.join().expect("every stream is answered")).sum::<u64>()
    });
    println!("{all} requests were answered during {reloads} reloads");
    assert!(all >= requests && all == answers.number.load(Relaxed), "{all} of {requests}");
    server.program.signal("TERM");
    assert!(server.program.wait().0.success());
}

/// The answers on all connections; each time that so many more have come is a milestone.
struct Answers {
    number: AtomicU64,
    between_milestones: u64,
}

impl Answers {
    fn new(between_milestones: u64) -> Self {
        Self { number: AtomicU64::new(0), between_milestones }
    }

    /// Counts one more; whether it is a milestone.
    fn add(&self) -> bool {
        (self.number.fetch_add(1, Relaxed) + 1).is_multiple_of(self.between_milestones)
    }
}

/// Keeps so many requests under way until it is over; gives how many there were, which are all answered.
fn ask(mut http: Http2, answers: &Answers, reached: &Sender<()>, is_over: &AtomicBool) -> u64 {
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
                if answers.add() {
                    let _is_waited_for = reached.send(()); // nobody waits after the last reload
                }
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
