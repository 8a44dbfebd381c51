use std::collections::BTreeMap;

use super::connection::{Opened, Socket};
use crate::support::http2::{
    Code, DEFAULT_WINDOW, END_HEADERS, END_STREAM, Event, Http2, Reply, data, headers, literals, reset, window_update,
};

/// The WebSockets of one connection of HTTP/2 (RFC 8441), and other requests beside them.
pub(super) struct Streams {
    http: Http2,
    scheme: &'static str,
    next: u32,
    streams: BTreeMap<u32, Stream>,
    /// What may be sent on all of them.
    window: i64,
}

/// One of them, as far as it has come.
struct Stream {
    status: u16,
    headers: Vec<(String, String)>,
    /// What nobody has read yet.
    content: Vec<u8>,
    end: Option<End>,
    /// What may be sent.
    window: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The server has nothing more to send.
    Announced,
    Reset(Code),
}

impl Default for Stream {
    fn default() -> Self {
        let (headers, content) = (Vec::new(), Vec::new());
        Self { status: 0, headers, content, end: None, window: DEFAULT_WINDOW.into() }
    }
}

impl Stream {
    fn take(&mut self, reply: Reply) {
        (self.status, self.headers) = (reply.status, reply.headers);
        self.content.extend(reply.body);
    }
}

impl Streams {
    pub(super) fn new(http: Http2, scheme: &'static str) -> Self {
        Self { http, scheme, next: 1, streams: BTreeMap::new(), window: DEFAULT_WINDOW.into() }
    }

    pub(super) fn ask(&mut self, path: &str, fields: &[(&str, &str)]) -> Opened {
        let connect = [
            (":method", "CONNECT"),
            (":protocol", "websocket"),
            (":scheme", self.scheme),
            (":path", path),
            (":authority", "a"),
            ("sec-websocket-version", "13"),
        ];
        let stream = self.begin(&[&connect, fields].concat(), 0);
        let answered = self.until(stream, |stream| stream.status > 0);
        Opened { status: answered.status, headers: answered.headers.clone(), socket: Socket(stream) }
    }

    pub(super) fn get(&mut self, path: &str) -> u16 {
        let get = [(":method", "GET"), (":scheme", self.scheme), (":path", path), (":authority", "a")];
        let stream = self.begin(&get, END_STREAM);
        self.until(stream, |stream| stream.end.is_some()).status
    }

    pub(super) fn send(&mut self, Socket(stream): Socket, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let window = self.window.min(self.streams.entry(stream).or_default().window);
            let Ok(window @ 1..) = usize::try_from(window) else {
                self.follow();
                continue;
            };
            let (piece, rest) = bytes.split_at(bytes.len().min(window).min(FRAME));
            self.window -= piece.len() as i64;
            self.streams.entry(stream).or_default().window -= piece.len() as i64;
            self.http.send(data(stream, 0, piece));
            bytes = rest;
        }
    }

    pub(super) fn end(&mut self, Socket(stream): Socket) {
        self.http.send(data(stream, END_STREAM, b""));
    }

    /// Breaks a WebSocket off, as a browser does whose page is left.
    pub(super) fn cancel(&mut self, Socket(stream): Socket) {
        self.http.send(reset(stream, 8));
    }

    pub(super) fn read(&mut self, Socket(stream): Socket, length: usize) -> Vec<u8> {
        let come = self.until(stream, |stream| stream.content.len() >= length || stream.end.is_some());
        assert!(come.content.len() >= length, "it has ended: {:?} after {:?}", come.end, come.content);
        come.content.drain(..length).collect()
    }

    /// What comes until the server announces the end.
    pub(super) fn rest(&mut self, Socket(stream): Socket) -> Vec<u8> {
        let ended = self.until(stream, |stream| stream.end.is_some());
        assert_eq!(ended.end, Some(End::Announced));
        std::mem::take(&mut ended.content)
    }

    fn begin(&mut self, fields: &[(&str, &str)], flags: u8) -> u32 {
        let stream = self.next;
        self.next += 2;
        self.streams.insert(stream, Stream::default());
        self.http.send(headers(stream, END_HEADERS | flags, &literals(fields)));
        stream
    }

    fn until(&mut self, stream: u32, is_so: impl Fn(&Stream) -> bool) -> &mut Stream {
        while !is_so(self.streams.entry(stream).or_default()) {
            self.follow();
        }
        self.streams.entry(stream).or_default()
    }

    /// Takes what the server does next, and lets as much more come as has come.
    fn follow(&mut self) {
        let event = self.http.event();
        for (number, stream) in &mut self.streams {
            if let Some(reply) = self.http.so_far(*number) {
                stream.take(reply);
            }
        }
        match event {
            Event::Data(stream, length @ 1..) => {
                let length = u32::try_from(length).unwrap();
                self.http.send([window_update(0, length), window_update(stream, length)].concat());
            }
            Event::Answer(number, reply) => {
                let stream = self.streams.entry(number).or_default();
                stream.take(reply);
                stream.end = Some(End::Announced);
            }
            Event::Reset(number, code) => {
                self.streams.entry(number).or_default().end.get_or_insert(End::Reset(code));
            }
            Event::WindowUpdate(0, more) => self.window += i64::from(more),
            Event::WindowUpdate(number, more) => {
                self.streams.entry(number).or_default().window += i64::from(more);
            }
            Event::End => panic!("the connection has ended"),
            _ => {}
        }
    }
}

/// The longest content of a frame that everybody takes (RFC 9113 §4.2).
const FRAME: usize = 16 << 10;
