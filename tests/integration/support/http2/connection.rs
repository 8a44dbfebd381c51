use std::collections::{BTreeMap, VecDeque};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use super::Code;
use super::frame::{
    ACK, END_HEADERS, END_STREAM, Frame, PREFACE, Type, continuation, data, headers, ping, settings, settings_ack,
    window_update,
};
use super::hpack::literals;
use super::replies::{Replies, Reply};
use crate::support::{PATIENCE, Wire};

/// One connection of HTTP/2. It acknowledges settings, and does nothing else by itself.
pub(crate) struct Http2 {
    wire: Wire,
    read: Vec<u8>,
    replies: Replies,
    /// What became of streams before anybody asked.
    ended: BTreeMap<u32, Option<Reply>>,
    windows: Windows,
    next_stream: u32,
    /// The latest frames of the server, for who waits for another in vain.
    latest: VecDeque<String>,
}

/// What the server grants for content: to the connection, and to each new stream.
struct Windows {
    connection: i64,
    stream: i64,
}

/// What the server has done.
#[derive(Debug)]
pub(crate) enum Event {
    /// A stream was answered to its end.
    Answer(u32, Reply),
    /// The head of a stream has come, with its status.
    Head(u16),
    /// A part of a stream's content has come, this many bytes.
    Data(u32, usize),
    Reset(u32, Code),
    /// The last stream that is or may be processed, and why the others are not.
    Goaway(u32, Code),
    Pong(Vec<u8>),
    Settings(BTreeMap<u16, u32>),
    SettingsAck,
    WindowUpdate(u32, u32),
    /// The connection has ended.
    End,
}

/// RFC 9113 §6.9.1.
pub(crate) const LARGEST_WINDOW: u32 = (1 << 31) - 1;
/// §6.9.2.
pub(crate) const DEFAULT_WINDOW: u32 = 65_535;
/// The setting of that (§6.5.2).
pub(crate) const INITIAL_WINDOW_SIZE: u16 = 4;
/// The longest payload that everybody takes (§4.2).
pub(crate) const FRAME: usize = 16 << 10;
const LATEST: usize = 8;

impl Http2 {
    /// A connection on which nothing has been sent.
    pub(crate) fn bare(wire: Wire) -> Self {
        let windows = Windows { connection: DEFAULT_WINDOW.into(), stream: DEFAULT_WINDOW.into() };
        let (read, replies, ended) = (Vec::new(), Replies::default(), BTreeMap::new());
        Self { wire, read, replies, ended, windows, next_stream: 1, latest: VecDeque::new() }
    }

    /// A connection after both sides have sent their settings; these are the client's.
    pub(crate) fn with(wire: Wire, values: &[(u16, u32)]) -> Self {
        let mut this = Self::bare(wire);
        this.send([PREFACE, &settings(values)].concat());
        let first = this.event();
        assert!(matches!(first, Event::Settings(_)), "the server begins with its settings (§3.4), not {first:?}");
        this
    }

    /// The same with windows that nothing fills.
    pub(crate) fn open(wire: Wire) -> Self {
        let mut this = Self::with(wire, &[(INITIAL_WINDOW_SIZE, LARGEST_WINDOW)]);
        this.send(window_update(0, LARGEST_WINDOW - DEFAULT_WINDOW));
        this
    }

    /// Whether the server takes it.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.wire.write_all(bytes.as_ref()).and_then(|()| self.wire.flush()).is_ok()
    }

    /// Another hold of its socket, for who sends while others read.
    pub(crate) fn socket(&self) -> TcpStream {
        self.wire.socket().try_clone().unwrap()
    }

    /// Sends a request and gives the answer; `None` where the stream or the connection was ended instead.
    pub(crate) fn request(&mut self, fields: &[(&str, &str)], content: &[u8]) -> Option<Reply> {
        let stream = self.ask(fields, content);
        self.answer(stream)
    }

    /// Sends a request, and its content until the server has answered; gives its stream.
    pub(crate) fn ask(&mut self, fields: &[(&str, &str)], content: &[u8]) -> u32 {
        let stream = self.next_stream;
        self.next_stream += 2;
        self.send(head(stream, &literals(fields), content.is_empty()));
        self.send_content(stream, content);
        stream
    }

    /// The answer on this stream; `None` where it was reset or the connection has ended.
    pub(crate) fn answer(&mut self, stream: u32) -> Option<Reply> {
        loop {
            if let Some(ended) = self.ended.remove(&stream) {
                return ended;
            }
            match self.event() {
                Event::Answer(of, reply) => drop(self.ended.insert(of, Some(reply))),
                Event::Reset(of, _) => drop(self.ended.entry(of).or_default()),
                Event::End => return None,
                _ => {}
            }
        }
    }

    /// An answer without an end, as far as it has come; its content only once.
    pub(crate) fn so_far(&mut self, stream: u32) -> Option<Reply> {
        self.replies.so_far(stream)
    }

    /// What the server does next.
    pub(crate) fn event(&mut self) -> Event {
        loop {
            let Some(frame) = self.frame() else { return Event::End };
            if let Some(event) = self.take(&frame) {
                return event;
            }
        }
    }

    /// The next frame as it came; `None` at the end of the connection.
    pub(crate) fn frame(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = Frame::take(&mut self.read) {
                self.latest.truncate(LATEST - 1);
                self.latest.push_front(format!("{:?} of {}", frame.kind, frame.stream));
                return Some(frame);
            }
            let mut chunk = [0; 32 << 10];
            match self.wire.read(&mut chunk) {
                Ok(0) => return None,
                Ok(got) => self.read.extend_from_slice(&chunk[..got]),
                Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => {
                    return None;
                }
                Err(error) => panic!("no frame within {PATIENCE:?} ({error}); the latest were {:?}", self.latest),
            }
        }
    }

    /// All that happens until the server answers a PING, and whether it does.
    pub(crate) fn ping(&mut self) -> (Vec<Event>, bool) {
        let mut before = Vec::new();
        self.send(ping(0, b"is alive"));
        loop {
            match self.event() {
                Event::Pong(payload) if payload == b"is alive" => return (before, true),
                Event::End => return (before, false),
                event => before.push(event),
            }
        }
    }

    fn take(&mut self, frame: &Frame) -> Option<Event> {
        Some(match frame.kind {
            Type::Data => self.replies.data(frame),
            Type::Headers | Type::Continuation => return self.replies.block(frame),
            Type::Reset => {
                self.replies.drop(frame.stream);
                Event::Reset(frame.stream, Code::read(&frame.payload))
            }
            Type::Settings if frame.has(ACK) => Event::SettingsAck,
            Type::Settings => self.adopt(frame),
            Type::Ping if frame.has(ACK) => Event::Pong(frame.payload.clone()),
            Type::Goaway => Event::Goaway(frame.number(0), Code::read(&frame.payload[4..8])),
            Type::WindowUpdate => {
                let increment = frame.number(0);
                if frame.stream == 0 {
                    self.windows.connection += i64::from(increment);
                }
                Event::WindowUpdate(frame.stream, increment)
            }
            Type::Ping => {
                self.send(ping(ACK, &frame.payload));
                return None;
            }
            Type::Priority | Type::PushPromise => panic!("this server sends no {:?}", frame.kind),
        })
    }

    fn adopt(&mut self, frame: &Frame) -> Event {
        let values = frame.payload.chunks(6);
        let values = values
            .map(|pair| (u16::from_be_bytes([pair[0], pair[1]]), u32::from_be_bytes(pair[2..].try_into().unwrap())));
        let values: BTreeMap<u16, u32> = values.collect();
        if let Some(window) = values.get(&INITIAL_WINDOW_SIZE) {
            self.windows.stream = i64::from(*window);
        }
        self.send(settings_ack());
        Event::Settings(values)
    }

    /// Sends content as the windows allow; not what is left when the server has answered.
    fn send_content(&mut self, stream: u32, mut content: &[u8]) {
        let mut window = self.windows.stream;
        while !content.is_empty() {
            let room = usize::try_from(window.min(self.windows.connection)).unwrap_or(0); // a window may be negative
            if room > 0 {
                let (piece, rest) = content.split_at(content.len().min(room).min(FRAME));
                window -= piece.len() as i64;
                self.windows.connection -= piece.len() as i64;
                self.send(data(stream, if rest.is_empty() { END_STREAM } else { 0 }, piece));
                content = rest;
                continue;
            }
            match self.event() {
                Event::WindowUpdate(of, more) if of == stream => window += i64::from(more),
                Event::Answer(of, reply) if of == stream => return drop(self.ended.insert(of, Some(reply))),
                Event::Reset(of, _) if of == stream => return drop(self.ended.insert(of, None)),
                Event::End => return,
                _ => {}
            }
        }
    }
}

/// A header block in as many frames as it needs.
pub(crate) fn head(stream: u32, block: &[u8], ends: bool) -> Vec<u8> {
    let end_stream = if ends { END_STREAM } else { 0 };
    let last = block.len().div_ceil(FRAME).max(1) - 1;
    let frames = block.chunks(FRAME).enumerate().map(|(number, piece)| {
        let end = if number == last { END_HEADERS } else { 0 };
        if number == 0 { headers(stream, end_stream | end, piece) } else { continuation(stream, end, piece) }
    });
    frames.flatten().collect()
}
