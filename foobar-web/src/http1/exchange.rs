use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

use foobar_core::Io;
use memchr::memmem;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::pacer::Pacer;
use crate::access_log::Entry;
use crate::pipeline::Refusal;
use crate::reply::Pace;
use crate::worker::ConnectionState;

/// The request in hand on one connection: what the wire, which sees its bytes, and the request path, which sees its
/// meaning, tell each other.
pub(crate) struct Exchange {
    /// What of it concerns the other connections.
    pub(crate) connection: Rc<ConnectionState>,
    phase: Cell<Phase>,
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

/// How far a request is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Phase {
    /// There is none: the connection is idle.
    Idle,
    /// Its head has begun to come.
    ReadingHead {
        /// When its first byte came.
        since: Instant,
    },
    /// It has come and is being answered.
    Handling {
        /// When its first byte came.
        since: Instant,
    },
    /// The answer has been made whole, and is on its way to the client.
    Flushing,
}

impl Exchange {
    pub(crate) fn new(connection: Rc<ConnectionState>) -> Self {
        Self {
            connection,
            phase: Cell::new(Phase::Idle),
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

    pub(crate) fn phase(&self) -> Phase {
        self.phase.get()
    }

    /// HTTP has been left: the connection is never idle again. Completes when the server drains; for the connection's
    /// own task, which is [woken](ConnectionState::wake) then.
    pub(crate) fn tunnel_until_drain(&self) -> impl Future<Output = ()> {
        self.phase.set(Phase::Handling { since: Instant::now() });
        self.connection.set_active();
        poll_fn(|_| if self.connection.is_draining() { Poll::Ready(()) } else { Poll::Pending })
    }

    /// Some bytes of a head have come, or all: now.
    pub(crate) fn arriving(&self) -> Instant {
        let now = Instant::now();
        if let Phase::Idle = self.phase.get() {
            self.phase.set(Phase::ReadingHead { since: now });
            self.connection.set_active();
        }
        now
    }

    /// A head has come, or what stands in its place.
    pub(crate) fn begin(&self) {
        if let Phase::ReadingHead { since } = self.phase.get() {
            self.phase.set(Phase::Handling { since });
        }
        self.connection.count_request();
        self.complete.set(false);
        self.replying.set(false);
        self.pacer.take();
        self.written.take();
    }

    /// The last byte of the request has come, maybe after its answer: the connection is idle from then on.
    pub(crate) fn completed(&self) {
        self.complete.set(true);
        if let Phase::Idle = self.phase.get() {
            self.connection.set_idle(Instant::now());
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
        self.phase.set(Phase::Flushing);
        self.connection.set_active();
    }

    /// What was written has reached the socket.
    pub(crate) fn flushed(&self) {
        if let Phase::Flushing = self.phase.get() {
            self.entry.take();
            self.phase.set(Phase::Idle);
            self.connection.set_idle(Instant::now());
            if self.withheld.take() || self.connection.closes_when_idle() {
                self.connection.wake();
            }
        }
    }

    /// The request was answered without hyper, and the answer has been sent.
    pub(crate) fn answered_at_once(&self, now: Instant) {
        self.complete.set(true);
        self.phase.set(Phase::Idle);
        self.connection.set_idle(now);
    }

    /// When the first byte of the request in hand came.
    pub(crate) fn since(&self) -> Instant {
        match self.phase.get() {
            Phase::ReadingHead { since } | Phase::Handling { since } => since,
            Phase::Idle | Phase::Flushing => Instant::now(),
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
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_from_when_its_answer_has_been_sent_and_its_request_has_come_whole() {
        let exchange = Exchange::new(Rc::default());
        exchange.arriving();
        exchange.begin();
        exchange.answered();
        exchange.flushed();
        let sent = Instant::now();
        assert_eq!(exchange.connection.idle_since(), Some(sent));
        tokio::time::advance(Duration::from_secs(5)).await;
        exchange.completed();
        assert_eq!(exchange.connection.idle_since(), Some(sent + Duration::from_secs(5)));
    }
}
