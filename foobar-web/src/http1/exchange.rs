use std::cell::{Cell, OnceCell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use foobar_core::Io;
use http::header::{HeaderName, HeaderValue};
use memchr::memmem;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::head::Malformed;
use super::pacer::Pacer;
use crate::access_log::Entry;
use crate::reply::Pace;

/// The request in hand on one connection: what the wire, which sees its bytes, and the request path, which sees its
/// meaning, tell each other.
pub(crate) struct Exchange {
    turn: Cell<Turn>,
    draining: Rc<Cell<bool>>,
    idle: Rc<Idleness>,
    evicted: Cell<bool>,
    task: OnceCell<Waker>,
    requests: Cell<u64>,
    complete: Cell<bool>,
    replying: Cell<bool>,
    withheld: Cell<bool>,
    pacer: RefCell<Option<Pacer>>,
    entry: RefCell<Option<Rc<Entry>>>,
    /// The bytes of the body that have been written; `None` before its head has.
    written: Cell<Option<u64>>,
    refusal: RefCell<Option<Refusal>>,
    upgrade: RefCell<Option<oneshot::Sender<Box<dyn Io>>>>,
}

/// Tells who waits for it that a connection has become idle.
#[derive(Default)]
pub(crate) struct Idleness {
    awaited: Cell<bool>,
    told: Notify,
}

impl Idleness {
    /// Completes when a connection has become idle.
    pub(crate) async fn next(&self) {
        self.awaited.set(true);
        self.told.notified().await;
    }

    fn tell(&self) {
        if self.awaited.take() {
            self.told.notify_waiters();
        }
    }
}

/// Who has the word.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Turn {
    /// The connection is idle.
    Client {
        /// Since the connection was accepted or the last answer was sent.
        since: Instant,
    },
    /// The head of a request has begun to come.
    Head {
        /// When its first byte came.
        since: Instant,
    },
    /// A request has come and is being answered.
    Server {
        /// When its first byte came.
        since: Instant,
    },
    /// The answer has been made whole, and is on its way to the client.
    Flush,
}

/// A head that the wire did not let through.
pub(crate) struct Refusal {
    /// The status, and a sentence for the client.
    pub(crate) reason: Malformed,
    /// The bytes that came; the first ones, if there were many.
    pub(crate) head: Bytes,
}

impl Refusal {
    /// The request line as it came.
    pub(crate) fn line(&self) -> Bytes {
        let line = self.lines().find(|line| !line.is_empty());
        line.map_or(Bytes::new(), |line| self.head.slice_ref(line))
    }

    /// The first field of this name, as far as one can be made out.
    pub(crate) fn field(&self, name: &HeaderName) -> Option<HeaderValue> {
        let value = |line: &[u8]| {
            let (start, rest) = line.split_at_checked(name.as_str().len())?;
            let value = rest.strip_prefix(b":")?.trim_ascii();
            let named = start.eq_ignore_ascii_case(name.as_str().as_bytes());
            if named { HeaderValue::from_bytes(value).ok() } else { None } // what is no value is not there
        };
        self.lines().find_map(value)
    }

    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line)) // also a bare LF
    }
}

impl Exchange {
    pub(crate) fn new(draining: Rc<Cell<bool>>, idle: Rc<Idleness>) -> Self {
        Self {
            turn: Cell::new(Turn::Client { since: Instant::now() }),
            draining,
            idle,
            evicted: Cell::new(false),
            task: OnceCell::new(),
            requests: Cell::new(0),
            complete: Cell::new(true),
            replying: Cell::new(false),
            withheld: Cell::new(false),
            pacer: RefCell::default(),
            entry: RefCell::default(),
            written: Cell::default(),
            refusal: RefCell::new(None),
            upgrade: RefCell::new(None),
        }
    }

    /// Remembers whom to wake; the connection's task stays the same for its whole life.
    pub(crate) fn belongs_to(&self, cx: &Context<'_>) {
        self.task.get_or_init(|| cx.waker().clone());
    }

    /// Makes the wire look again.
    pub(crate) fn wake(&self) {
        if let Some(task) = self.task.get() {
            task.wake_by_ref();
        }
    }

    pub(crate) fn turn(&self) -> Turn {
        self.turn.get()
    }

    /// Whether no further request is taken: the server drains, or another connection needs the place.
    pub(crate) fn closes_when_idle(&self) -> bool {
        self.draining.get() || self.evicted.get()
    }

    /// Closes the connection as soon as it is idle.
    pub(crate) fn evict(&self) {
        self.evicted.set(true);
        self.wake();
    }

    pub(crate) fn is_evicted(&self) -> bool {
        self.evicted.get()
    }

    /// Whether it was evicted and is about to end, as no request came meanwhile.
    pub(crate) fn is_leaving(&self) -> bool {
        self.evicted.get() && matches!(self.turn.get(), Turn::Client { .. })
    }

    /// Since when it has been waiting for a request.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        match self.turn.get() {
            Turn::Client { since } if !self.evicted.get() => Some(since),
            _ => None,
        }
    }

    /// HTTP has been left: the connection is never idle again. Completes when the server drains; for the connection's
    /// own task, which is [woken](Self::wake) then.
    pub(crate) fn tunnel_until_drain(&self) -> impl Future<Output = ()> {
        self.turn.set(Turn::Server { since: Instant::now() });
        poll_fn(|_| if self.draining.get() { Poll::Ready(()) } else { Poll::Pending })
    }

    /// How many requests have come on this connection.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.get()
    }

    /// Some bytes of a head have come, or all: now.
    pub(crate) fn arriving(&self) -> Instant {
        let now = Instant::now();
        if let Turn::Client { .. } = self.turn.get() {
            self.turn.set(Turn::Head { since: now });
        }
        now
    }

    /// A head has come, or what stands in its place.
    pub(crate) fn begin(&self) {
        if let Turn::Head { since } = self.turn.get() {
            self.turn.set(Turn::Server { since });
        }
        self.requests.set(self.requests.get() + 1);
        self.complete.set(false);
        self.replying.set(false);
        self.pacer.take();
        self.written.take();
    }

    /// The last byte of the request has come, maybe after its answer: the connection is idle from then on.
    pub(crate) fn completed(&self) {
        self.complete.set(true);
        if let Turn::Client { .. } = self.turn.get() {
            self.turn.set(Turn::Client { since: Instant::now() });
        }
    }

    /// Whether the whole request has come.
    pub(crate) fn is_complete(&self) -> bool {
        self.complete.get()
    }

    /// The answer has begun: the client is no longer waited for to cancel it.
    pub(crate) fn reply(&self) {
        self.replying.set(true);
    }

    pub(crate) fn is_replying(&self) -> bool {
        self.replying.get()
    }

    /// The answer in hand goes to its client at this pace.
    pub(crate) fn limit_rate(&self, pace: Pace) {
        self.pacer.replace(Some(Pacer::new(pace)));
    }

    /// How many bytes of the answer in hand may be written now; waits until it is worth a write.
    pub(crate) fn poll_pace(&self, cx: &mut Context<'_>) -> Poll<usize> {
        self.pacer.borrow_mut().as_mut().map_or(Poll::Ready(usize::MAX), |pacer| pacer.poll(cx))
    }

    /// So many bytes have been written, the first of which are among `first`.
    pub(crate) fn wrote(&self, first: &[u8], bytes: usize) {
        if let Some(pacer) = self.pacer.borrow_mut().as_mut() {
            pacer.sent(bytes);
        }
        let body = match self.written.get() {
            Some(before) => Some(before + bytes as u64),
            None if !self.is_replying() => None, // an interim response
            None => memmem::find(&first[..first.len().min(bytes)], b"\r\n\r\n").map(|end| (bytes - end - 4) as u64),
        };
        self.written.set(body);
    }

    /// The answer in hand has this entry in the log, whose line is written when the answer has been.
    pub(crate) fn logs(&self, entry: Rc<Entry>) {
        self.entry.replace(Some(entry));
    }

    /// The wire holds something back until this request has been answered.
    pub(crate) fn withhold(&self) {
        self.withheld.set(true);
    }

    /// The answer has been made whole, or given up.
    pub(crate) fn answered(&self) {
        self.turn.set(Turn::Flush);
    }

    /// What was written has reached the socket.
    pub(crate) fn flushed(&self) {
        if let Turn::Flush = self.turn.get() {
            self.entry.take();
            self.turn.set(Turn::Client { since: Instant::now() });
            self.idle.tell();
            if self.withheld.take() || self.closes_when_idle() {
                self.wake();
            }
        }
    }

    /// The request was answered without hyper, and the answer has been sent.
    pub(crate) fn answered_at_once(&self, now: Instant) {
        self.complete.set(true);
        self.turn.set(Turn::Client { since: now });
        self.idle.tell();
    }

    /// When the first byte of the request in hand came.
    pub(crate) fn since(&self) -> Instant {
        match self.turn.get() {
            Turn::Client { since } | Turn::Head { since } | Turn::Server { since } => since,
            Turn::Flush => Instant::now(),
        }
    }

    /// Offers the connection to whoever answers 101.
    pub(crate) fn offer(&self, taker: oneshot::Sender<Box<dyn Io>>) {
        self.upgrade.replace(Some(taker));
    }

    /// Ends the offer, and gives who it was made to.
    pub(crate) fn take_offer(&self) -> Option<oneshot::Sender<Box<dyn Io>>> {
        self.upgrade.take()
    }

    pub(crate) fn refuse(&self, refusal: Refusal) {
        self.refusal.replace(Some(refusal));
    }

    /// The refusal that the next request to be answered stands for.
    pub(crate) fn take_refusal(&self) -> Option<Refusal> {
        self.refusal.take()
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if let Some(entry) = self.entry.take() {
            entry.cut(self.written.get().unwrap_or(0)); // nothing of the body
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::StatusCode;
    use http::header::ACCEPT;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_from_when_its_answer_has_been_sent_and_its_request_has_come_whole() {
        let exchange = Exchange::new(Rc::default(), Rc::default());
        exchange.arriving();
        exchange.begin();
        exchange.answered();
        exchange.flushed();
        let sent = Instant::now();
        assert_eq!(exchange.idle_since(), Some(sent));
        tokio::time::advance(Duration::from_secs(5)).await;
        exchange.completed();
        assert_eq!(exchange.idle_since(), Some(sent + Duration::from_secs(5)));
    }

    #[test]
    fn of_a_refused_head_the_line_and_the_fields_are_found_where_they_can_be() {
        let refusal = |head: &'static [u8]| Refusal {
            reason: Malformed(StatusCode::BAD_REQUEST, "bad"),
            head: Bytes::from_static(head),
        };
        let found = refusal(b"\r\nGET  / HTTP/1.1\r\nHost: a\naccept: text/html \r\n\r\n");
        assert_eq!(found.line(), "GET  / HTTP/1.1");
        assert_eq!(found.field(&ACCEPT), Some(HeaderValue::from_static("text/html")));
        assert_eq!(refusal(b"\x16\x03").line(), &b"\x16\x03"[..]);
        assert_eq!(refusal(b"GET").field(&ACCEPT), None);
    }
}
