//! One case: what a client sends, and what has to come of it.

use super::exceptions::{EXCEPTIONS, Exception, OTHER_CODES};
use super::server::Server;
use crate::support::Wire;
use crate::support::http2::{Code, END_HEADERS, END_STREAM, Event, Http2, PREFACE, headers, literals, settings};

/// Bytes on a connection of their own, and what has to come of them.
pub(super) struct Case {
    /// Of RFC 9113, or of RFC 7541 where it says so.
    section: &'static str,
    name: &'static str,
    start: Start,
    bytes: fn() -> Vec<u8>,
    must: Must,
}

/// What has happened on the connection before.
enum Start {
    /// Nothing: the bytes are the first.
    Bare,
    /// Both sides have sent their settings.
    Settings,
    /// Stream 1 was answered and is closed.
    Answered,
}

/// What has to come. Where it is not the end of the connection, the connection must go on.
pub(super) enum Must {
    /// The connection ends, with this code in its GOAWAY.
    Goaway(Code),
    /// The connection ends, with a GOAWAY or without.
    End,
    /// The stream is reset with this code.
    Reset(u32, Code),
    /// The stream is answered with this status.
    Answer(u32, u16),
    /// The request is malformed (§8.1.1): it is answered with 400, or its stream is reset with PROTOCOL_ERROR. Where h2
    /// decodes no fields at all from a block it ends the connection with that, as for any error of a stream (§5.4.1).
    Malformed(u32),
    /// Nothing: no stream is reset.
    GoesOn,
    /// One of these, all of which the standard allows, and where.
    Either(&'static [Self], &'static str),
}

pub(super) const fn case(section: &'static str, name: &'static str, bytes: fn() -> Vec<u8>, must: Must) -> Case {
    Case { section, name, start: Start::Settings, bytes, must }
}

pub(super) const fn bare(section: &'static str, name: &'static str, bytes: fn() -> Vec<u8>, must: Must) -> Case {
    Case { section, name, start: Start::Bare, bytes, must }
}

pub(super) const fn after_an_answer(
    section: &'static str,
    name: &'static str,
    bytes: fn() -> Vec<u8>,
    must: Must,
) -> Case {
    Case { section, name, start: Start::Answered, bytes, must }
}

/// The fields of a request whose answer is there at once.
pub(super) const GET: &[(&str, &str)] =
    &[(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "localhost")];
/// Those of one whose content comes back as it is sent.
pub(super) const POST: &[(&str, &str)] =
    &[(":method", "POST"), (":scheme", "http"), (":path", "/echo"), (":authority", "localhost")];
/// Those of one that is never answered.
pub(super) const WAIT: &[(&str, &str)] =
    &[(":method", "GET"), (":scheme", "http"), (":path", "/forever"), (":authority", "localhost")];

/// A request without content that consists of these fields.
pub(super) fn request(stream: u32, fields: &[(&str, &str)]) -> Vec<u8> {
    block(stream, &literals(fields))
}

/// The same with this header block.
pub(super) fn block(stream: u32, block: &[u8]) -> Vec<u8> {
    headers(stream, END_STREAM | END_HEADERS, block)
}

/// A request that is answered: its stream is half closed and soon closed.
pub(super) fn get(stream: u32) -> Vec<u8> {
    request(stream, GET)
}

/// The same with more fields.
pub(super) fn get_with(stream: u32, fields: &[(&str, &str)]) -> Vec<u8> {
    request(stream, &[GET, fields].concat())
}

/// A request that is never answered: its stream stays half closed.
pub(super) fn wait(stream: u32) -> Vec<u8> {
    request(stream, WAIT)
}

/// A request whose content is to come: its stream stays open.
pub(super) fn post(stream: u32) -> Vec<u8> {
    post_with(stream, &[])
}

/// The same with more fields.
pub(super) fn post_with(stream: u32, fields: &[(&str, &str)]) -> Vec<u8> {
    headers(stream, END_HEADERS, &literals(&[POST, fields].concat()))
}

/// A stream that no case uses.
const PROBE: u32 = 2_000_001;

/// Tries each case on a connection of its own.
pub(super) fn try_all(server: &Server, cases: &[Case]) {
    let failed: Vec<String> = std::thread::scope(|scope| {
        let tried = cases.iter().map(|case| (case, scope.spawn(|| case.fails(server))));
        let tried: Vec<_> = tried.collect(); // all at the same time
        let report = |case: &Case, what: &str| format!("§{} {}: {what}{}", case.section, case.name, case.why());
        let failures = tried.into_iter().filter_map(|(case, fails)| match fails.join() {
            Ok(fails) => fails.map(|what| report(case, &what)),
            Err(panic) => Some(report(case, panic.downcast_ref::<String>().map_or("a panic", |text| text))),
        });
        failures.collect()
    });
    assert!(failed.is_empty(), "{} of {} cases:\n{}", failed.len(), cases.len(), failed.join("\n"));
}

impl Case {
    /// Why several ends are right.
    fn why(&self) -> String {
        if let Must::Either(_, why) = &self.must { format!(" ({why})") } else { String::new() }
    }

    /// What comes instead of what must, if that is so.
    fn fails(&self, server: &Server) -> Option<String> {
        let is_this = |exception: &&Exception| (exception.section, exception.name) == (self.section, self.name);
        let must = EXCEPTIONS.iter().find(is_this).map_or(&self.must, |exception| &exception.comes);
        let mut http = self.start(server.wire());
        http.send((self.bytes)());
        let mut events = Vec::new();
        while !must.is_met(&events) {
            match http.event() {
                Event::End if must.is_met_at_the_end(&events) => return None,
                Event::End => return Some(format!("the connection ends after {events:?}")),
                event => events.push(event),
            }
        }
        let (more, alive) = http.ping();
        events.extend(more);
        if !alive && must.is_met_at_the_end(&events) {
            return None;
        }
        let reset = matches!(must, Must::GoesOn) && events.iter().any(|event| matches!(event, Event::Reset(..)));
        if reset || !alive {
            return Some(format!("{events:?}"));
        }
        http.send(get(PROBE));
        let answered = http.answer(PROBE).map(|reply| reply.status);
        (answered != Some(200)).then(|| format!("a request after that gets {answered:?}"))
    }

    fn start(&self, wire: Wire) -> Http2 {
        match self.start {
            Start::Bare => Http2::bare(wire),
            Start::Settings => Http2::with(wire, &[]),
            Start::Answered => {
                let mut http = Http2::with(wire, &[]);
                http.request(GET, b"").expect("the server answers");
                http
            }
        }
    }
}

impl Must {
    fn is_met(&self, events: &[Event]) -> bool {
        match self {
            Self::Goaway(_) | Self::End => false,
            Self::Reset(stream, code) => {
                events.iter().any(|event| matches!(event, Event::Reset(of, with) if (of, with) == (stream, code)))
            }
            Self::Answer(stream, status) => events
                .iter()
                .any(|event| matches!(event, Event::Answer(of, reply) if (of, &reply.status) == (stream, status))),
            Self::Malformed(stream) => {
                Self::Reset(*stream, Code::ProtocolError).is_met(events) || Self::Answer(*stream, 400).is_met(events)
            }
            Self::GoesOn => true,
            Self::Either(all, _) => all.iter().any(|must| must.is_met(events)),
        }
    }

    fn is_met_at_the_end(&self, events: &[Event]) -> bool {
        match self {
            Self::Goaway(code) => {
                let mut codes = events.iter().filter_map(|event| match event {
                    Event::Goaway(_, code) => Some(code),
                    _ => None,
                });
                codes.next_back().is_some_and(|sent| sent == code || OTHER_CODES.contains(&(*code, *sent)))
            }
            Self::Malformed(_) => Self::Goaway(Code::ProtocolError).is_met_at_the_end(events),
            Self::End => true,
            Self::Either(all, _) => all.iter().any(|must| must.is_met_at_the_end(events)),
            _ => false,
        }
    }
}

/// What a client begins with.
pub(super) fn preface() -> Vec<u8> {
    [PREFACE, &settings(&[])].concat()
}
