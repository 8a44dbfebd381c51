use std::io::{self, ErrorKind};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use super::lane::{Kind, Lane, PIECE, PIECES};
use super::report::Outcome;
use crate::support::{Connection, Ended, Response};

/// How a request went well.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Done {
    /// The connection stays open.
    Persists,
    Closes,
    /// The server has ended a WebSocket as it should.
    GoneAway,
    /// The same before the first message of that was answered.
    GoneAtOnce,
}

/// Why there is no answer, or not the right one.
pub(super) struct Failed {
    pub(super) outcome: Outcome,
    pub(super) told: String,
}

/// The pauses of a client that takes its time; none once the load is to end.
pub(super) struct Pace<'a> {
    ended: &'a Receiver<()>,
    /// The time that they have taken.
    pub(super) spent: Duration,
}

/// Asks on this connection, and checks what comes.
pub(super) fn exchange(
    lane: &Lane,
    request: &[u8],
    on: &mut Connection,
    is_new: bool,
    pace: &mut Pace<'_>,
) -> Result<Done, Failed> {
    match lane.kind {
        Kind::Fast => {
            on.send(request); // where that fails, there is no answer
            check(lane, &on.receive("GET")?)
        }
        Kind::InParts(second) => {
            let (first, second) = request.split_at(second);
            if on.send(first) {
                on.send(second); // the same
            }
            check(lane, &on.receive("POST")?)
        }
        Kind::Trickle => trickle(lane, request, on, pace),
        Kind::Upload(body) => upload(lane, request.split_at(body), on, pace),
        Kind::WebSocket => talk(request, on, is_new),
    }
}

fn trickle(lane: &Lane, request: &[u8], on: &mut Connection, pace: &mut Pace<'_>) -> Result<Done, Failed> {
    on.send(request); // where that fails, there is no answer
    let mut response = on.receive_head()?;
    let length = response.length().ok_or_else(|| wrong("there is no length".to_owned()))?;
    while response.body.len() < length {
        pace.pause(lane.pause);
        let piece = on.read(PIECE.min(length - response.body.len())).map_err(within_the_answer)?;
        response.body.extend(piece);
    }
    check(lane, &response)
}

fn upload(lane: &Lane, (head, body): (&[u8], &[u8]), on: &mut Connection, pace: &mut Pace<'_>) -> Result<Done, Failed> {
    on.send(head); // where that fails, there is no answer
    let interim = on.receive_head()?;
    if interim.status != 100 {
        return Err(Failed { outcome: Outcome::Status, told: format!("{} and not 100", interim.status) });
    }
    for piece in body.chunks(body.len().div_ceil(PIECES)) {
        pace.pause(lane.pause);
        if !on.send(piece) {
            break; // the same
        }
    }
    check(lane, &on.receive("POST").map_err(within_the_answer)?)
}

const HANDSHAKE: &[u8] = b"GET /socket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                           Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
/// What has to be answered to it, by RFC 6455 section 1.3.
pub(super) const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
/// The close frame of one that goes away: 1001.
const GOING_AWAY: (u8, &[u8]) = (8, &[0x03, 0xe9]);

fn talk(message: &[u8], on: &mut Connection, is_new: bool) -> Result<Done, Failed> {
    if is_new {
        on.send(HANDSHAKE); // where that fails, there is no answer
        let response = on.receive_head()?;
        if response.status != 101 || response.header("sec-websocket-accept") != Some(ACCEPT) {
            return Err(Failed { outcome: Outcome::Status, told: format!("{} and no WebSocket", response.status) });
        }
    }
    on.send(&frame(1, message)); // the same
    let head = on.read(2).map_err(within_the_answer)?;
    let content = on.read(usize::from(head[1])).map_err(within_the_answer)?;
    match (head[0] & 0x0f, content.as_slice()) {
        (1, content) if content == message => Ok(Done::Persists),
        GOING_AWAY => {
            on.send(&frame(8, GOING_AWAY.1)); // it may be gone already
            let done = if is_new { Done::GoneAtOnce } else { Done::GoneAway };
            if on.is_closed() { Ok(done) } else { Err(wrong("open after its close frame".to_owned())) }
        }
        (kind, content) => Err(wrong(format!("a frame of type {kind}: {:?}", content.escape_ascii().to_string()))),
    }
}

/// A frame of less than 126 bytes, masked with zeros as a client must mask.
fn frame(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).expect("it is short");
    [&[0x80 | kind, 0x80 | length, 0, 0, 0, 0], content].concat()
}

fn check(lane: &Lane, response: &Response) -> Result<Done, Failed> {
    let Response { status, body, .. } = response;
    let told = || format!("{status}: {:?}", String::from_utf8_lossy(&body[..body.len().min(80)]));
    match (status, (lane.accept)(body)) {
        (200 | 201, true) => Ok(if response.persists() { Done::Persists } else { Done::Closes }),
        (200 | 201, false) => Err(wrong(told())),
        _ => Err(Failed { outcome: Outcome::Status, told: told() }),
    }
}

const fn wrong(told: String) -> Failed {
    Failed { outcome: Outcome::Wrong, told }
}

/// Of a connection that ends where something has been answered already.
fn within_the_answer(ended: Ended) -> Failed {
    match ended {
        Ended::Closed => Failed::from(Ended::Cut(Vec::new())),
        other => Failed::from(other),
    }
}

impl From<Ended> for Failed {
    fn from(ended: Ended) -> Self {
        let (outcome, told) = match ended {
            Ended::Closed => (Outcome::ClosedOnNew, "closed without an answer".to_owned()),
            Ended::Cut(come) => (Outcome::Cut, format!("cut after {} bytes", come.len())),
            Ended::Silent => (Outcome::Silent, "no answer".to_owned()),
        };
        Self { outcome, told }
    }
}

impl Failed {
    /// Of a connection that could not be made.
    pub(super) fn to_connect(error: &io::Error) -> Self {
        let outcome = match error.kind() {
            ErrorKind::ConnectionRefused => Outcome::Refused,
            ErrorKind::TimedOut | ErrorKind::WouldBlock => Outcome::Silent,
            ErrorKind::InvalidData | ErrorKind::Other => Outcome::Wrong,
            _ => Outcome::ClosedOnNew,
        };
        Self { outcome, told: format!("no connection: {error}") }
    }
}

impl<'a> Pace<'a> {
    pub(super) const fn until(ended: &'a Receiver<()>) -> Self {
        Self { ended, spent: Duration::ZERO }
    }

    fn pause(&mut self, time: Duration) {
        let begun = Instant::now();
        _ = self.ended.recv_timeout(time); // either is its end
        self.spent += begun.elapsed();
    }
}
