//! The order of the answers on one HTTP/2 connection (RFC 9218), whose client asks for all before it reads.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use foobar_core::{BoxError, Request, Response, ResponseBody, handler_fn};
use futures_util::stream::{pending, poll_fn};
use http_body::Frame;
use http_body_util::StreamBody;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::support::http2::{PREFACE, frame};
use super::support::{Client, Server};

const MIB: usize = 1 << 20;
/// More than what is on its way to a client at any time: what was handed out before cannot be called back.
const UNDER_WAY: usize = 3 * MIB / 2;
const LARGEST_WINDOW: u32 = (1 << 31) - 1;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const WINDOW_UPDATE: u8 = 8;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// A client in frames. It gives all room that there can be, unless a test begins otherwise.
struct Frames {
    client: Client,
    /// How much of each stream has come.
    came: BTreeMap<u32, usize>,
    ended: Vec<u32>,
}

impl Frames {
    fn new(server: &Server) -> Self {
        Self::with_window(server, LARGEST_WINDOW)
    }

    /// Each stream has this window at first.
    fn with_window(server: &Server, window: u32) -> Self {
        let mut client = server.connect();
        let settings = frame(SETTINGS, 0, 0, &[&[0, 4][..], &window.to_be_bytes()].concat());
        let room = frame(WINDOW_UPDATE, 0, 0, &(LARGEST_WINDOW - 65_535).to_be_bytes());
        client.send([PREFACE, &settings, &room].concat());
        Self { client, came: BTreeMap::new(), ended: Vec::new() }
    }

    /// Asks for these, in this order, by streams from 1 on; each with its `priority`, if it has one.
    fn ask(&mut self, requests: &[(&str, &str)]) {
        let all =
            requests.iter().zip((1..).step_by(2)).map(|((path, priority), stream)| request(stream, path, priority));
        self.client.send(all.collect::<Vec<_>>().concat());
    }

    /// Reads a frame.
    fn read(&mut self) {
        let mut header = [0; 9];
        self.client.stream.read_exact(&mut header).expect("a frame comes");
        let length = u32::from_be_bytes([0, header[0], header[1], header[2]]) as usize;
        let stream = u32::from_be_bytes([header[5], header[6], header[7], header[8]]);
        let mut payload = vec![0; length];
        self.client.stream.read_exact(&mut payload).expect("a frame comes whole");
        if header[3] == DATA {
            *self.came.entry(stream).or_default() += length;
        }
        if [DATA, HEADERS].contains(&header[3]) && header[4] & END_STREAM != 0 {
            self.ended.push(stream);
        }
    }

    fn came(&self, stream: u32) -> usize {
        self.came.get(&stream).copied().unwrap_or(0) // nothing of it has
    }

    /// Reads until this much of a stream has come.
    fn read_until(&mut self, stream: u32, bytes: usize) {
        while self.came(stream) < bytes {
            self.read();
        }
    }

    /// Reads to the end of a stream; gives how much of all others has come by then.
    fn read_to_end_of(&mut self, stream: u32) -> usize {
        while !self.ended.contains(&stream) {
            self.read();
        }
        self.came.iter().filter(|(other, _)| **other != stream).map(|(_, bytes)| bytes).sum()
    }
}

/// A request in its frame, with literal fields.
fn request(stream: u32, path: &str, priority: &str) -> Vec<u8> {
    let text = |text: &str| [&[text.len() as u8][..], text.as_bytes()].concat();
    let mut block = [&b"\x82\x86\x04"[..], &text(path), b"\x01", &text("a")].concat();
    if !priority.is_empty() {
        block.extend([&b"\0"[..], &text("priority"), &text(priority)].concat());
    }
    frame(HEADERS, END_STREAM | END_HEADERS, stream, &block)
}

/// Answers `/N` with so many MiB, `/silent` with a body that never comes, and `/events` with the first of these.
fn server(events: Events) -> Server {
    let events = Arc::new(Mutex::new(Some(events)));
    let app = handler_fn(move |request: Request| {
        let events = Arc::clone(&events);
        async move {
            match request.uri().path() {
                "/events" => event_stream(events.lock().expect("nobody panics").take().expect("it is asked for once")),
                "/silent" => Response::new(ResponseBody::stream(StreamBody::new(pending::<Piece>()))),
                path => {
                    let size: usize = path[1..].parse().expect("it is a number");
                    Response::new(ResponseBody::full(vec![b'x'; size * MIB]))
                }
            }
        }
    });
    Server::with("[web]\nhttp2 = 'cleartext'\n", Some(Arc::new(app)))
}

type Piece = Result<Frame<Bytes>, BoxError>;
type Events = UnboundedReceiver<&'static str>;

fn event_stream(mut events: Events) -> Response {
    let pieces =
        poll_fn(move |cx| events.poll_recv(cx).map(|event| event.map(|event| Piece::Ok(Frame::data(event.into())))));
    let mut response = Response::new(ResponseBody::stream(StreamBody::new(pieces)));
    response.headers_mut().insert("content-type", http::HeaderValue::from_static("text/event-stream"));
    response
}

fn server_without_events() -> Server {
    server(unbounded_channel().1)
}

#[test]
fn the_more_urgent_answer_comes_first_though_it_was_asked_for_last() {
    let server = server_without_events();
    let mut client = Frames::new(&server);
    client.ask(&[("/2", "u=5, i"), ("/2", "u=5"), ("/2", ""), ("/4", "u=1"), ("/4", "u=0")]);
    assert!(client.read_to_end_of(9) < UNDER_WAY, "{:?}", client.came);
    assert!(client.read_to_end_of(7) < 4 * MIB + UNDER_WAY, "{:?}", client.came);
    assert!(client.read_to_end_of(5) < 8 * MIB + UNDER_WAY, "{:?}", client.came);
}

#[test]
fn answers_of_one_urgency_come_beside_each_other_if_they_are_incremental_or_nothing_is_said() {
    for priority in ["", "i", "u=0, i", "u=7, i"] {
        let server = server_without_events();
        let mut client = Frames::new(&server);
        client.ask(&[("/4", priority); 3]);
        client.read_to_end_of(1);
        assert!([3, 5].iter().all(|stream| client.came(*stream) > 4 * MIB - UNDER_WAY), "{priority} {:?}", client.came);
    }
}

#[test]
fn others_of_one_urgency_come_one_after_the_other() {
    let server = server_without_events();
    let mut client = Frames::new(&server);
    client.ask(&[("/4", "u=3"); 3]);
    assert!(client.read_to_end_of(1) < UNDER_WAY, "{:?}", client.came);
    assert!(client.read_to_end_of(3) < 4 * MIB + UNDER_WAY, "{:?}", client.came);
}

#[test]
fn an_answer_without_a_window_holds_nobody_up() {
    let server = server_without_events();
    let mut client = Frames::with_window(&server, 0);
    client.ask(&[("/1", "u=0"), ("/1", "u=7")]);
    client.client.send(frame(WINDOW_UPDATE, 0, 3, &LARGEST_WINDOW.to_be_bytes()));
    assert_eq!(client.read_to_end_of(3), 0);
    client.client.send(frame(WINDOW_UPDATE, 0, 1, &LARGEST_WINDOW.to_be_bytes()));
    client.read_to_end_of(1);
}

#[test]
fn an_answer_of_which_nothing_is_ready_holds_nobody_up() {
    let server = server_without_events();
    let mut client = Frames::new(&server);
    client.ask(&[("/silent", "u=0"), ("/4", "u=7")]);
    assert_eq!(client.read_to_end_of(3), 0);
}

#[test]
fn an_answer_that_is_given_up_holds_nobody_up() {
    let server = server_without_events();
    let mut client = Frames::new(&server);
    client.ask(&[("/64", "u=0"), ("/4", "u=7"), ("/64", "u=1")]);
    client.read_until(1, MIB);
    [1, 5].iter().for_each(|stream| client.client.send(frame(RST_STREAM, 0, *stream, &[0, 0, 0, 8])));
    assert!(client.read_to_end_of(3) < 64 * MIB, "{:?}", client.came);
}

#[test]
fn an_event_comes_when_it_happens_whatever_else_is_sent() {
    let (sender, events) = unbounded_channel();
    let server = server(events);
    let mut client = Frames::new(&server);
    client.ask(&[("/events", "u=7"), ("/64", "u=0")]);
    client.read_until(3, MIB);
    sender.send("data: x\n\n").expect("it is asked for");
    client.read_until(1, 9);
    assert!(client.came(3) < 48 * MIB, "{:?}", client.came);
}

#[test]
fn all_answers_come_whole_whatever_their_order() {
    let server = server_without_events();
    let mut client = Frames::new(&server);
    let priorities = ["", "u=0", "u=7", "u=3, i", "u=2", "i", "u=0, i", "u=5"];
    let requests: Vec<_> = (0..96).map(|number| ("/1", priorities[number % priorities.len()])).collect();
    client.ask(&requests);
    while client.ended.len() < requests.len() {
        client.read();
    }
    assert!(client.came.values().all(|bytes| *bytes == MIB), "{:?}", client.came);
}
