use std::cell::{Cell, OnceCell};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Waker};

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::counters::Counters;
use crate::deadline::Drain;

/// What of a connection concerns the others of its worker, whatever protocol it speaks: whether it is idle, and whether
/// it is to end.
pub(crate) struct ConnectionState {
    activity: Cell<Activity>,
    evicted: Cell<bool>,
    /// The drain of the whole worker, once it has begun.
    drain: Rc<Cell<Option<Drain>>>,
    idle: Rc<IdleNotifier>,
    counters: Arc<Counters>,
    task: OnceCell<Waker>,
    requests: Cell<u64>,
}

#[derive(Clone, Copy)]
enum Activity {
    /// It waits for a request, since it was accepted or the last answer was sent.
    Idle {
        since: Instant,
    },
    Active,
}

/// Tells who waits for it that a connection has become idle.
#[derive(Default)]
pub(crate) struct IdleNotifier {
    awaited: Cell<bool>,
    idle: Notify,
}

impl IdleNotifier {
    /// Completes when a connection has become idle.
    pub(crate) async fn next(&self) {
        self.awaited.set(true);
        self.idle.notified().await;
    }

    fn notify(&self) {
        if self.awaited.take() {
            self.idle.notify_waiters();
        }
    }
}

impl ConnectionState {
    /// That of a connection that has just been accepted: it is idle.
    pub(crate) fn new(drain: Rc<Cell<Option<Drain>>>, idle: Rc<IdleNotifier>, counters: Arc<Counters>) -> Self {
        counters.became_idle();
        Self {
            activity: Cell::new(Activity::Idle { since: Instant::now() }),
            evicted: Cell::new(false),
            drain,
            idle,
            counters,
            task: OnceCell::new(),
            requests: Cell::new(0),
        }
    }

    /// Remembers whom to wake; the connection's task stays the same for its whole life.
    pub(crate) fn belongs_to(&self, cx: &Context<'_>) {
        self.task.get_or_init(|| cx.waker().clone());
    }

    /// Makes the connection look again.
    pub(crate) fn wake(&self) {
        if let Some(task) = self.task.get() {
            task.wake_by_ref();
        }
    }

    /// It waits for a request, and has since then.
    pub(crate) fn set_idle(&self, since: Instant) {
        if !self.is_idle() {
            self.counters.became_idle();
        }
        self.activity.set(Activity::Idle { since });
        self.idle.notify();
    }

    /// A request has begun to come, or it ends.
    pub(crate) fn set_active(&self) {
        if self.is_idle() {
            self.counters.became_active();
        }
        self.activity.set(Activity::Active);
    }

    /// Whether it waits for a request.
    pub(crate) fn is_idle(&self) -> bool {
        matches!(self.activity.get(), Activity::Idle { .. })
    }

    /// Since when it has been waiting for a request; `None` if it is active, or about to end.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        match self.activity.get() {
            Activity::Idle { since } if !self.evicted.get() => Some(since),
            _ => None,
        }
    }

    /// The worker's drain, if it has begun.
    pub(crate) fn drain(&self) -> Option<Drain> {
        self.drain.get()
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.drain().is_some()
    }

    /// Whether no further request is taken: the server drains, or another connection needs the place.
    pub(crate) fn closes_when_idle(&self) -> bool {
        self.is_draining() || self.evicted.get()
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
        self.evicted.get() && self.is_idle()
    }

    /// How many requests have come on this connection.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.get()
    }

    pub(crate) fn count_request(&self) {
        self.requests.set(self.requests.get() + 1);
    }
}

impl Drop for ConnectionState {
    fn drop(&mut self) {
        self.set_active(); // it waits no more
    }
}

#[cfg(test)]
impl Default for ConnectionState {
    fn default() -> Self {
        Self::new(Rc::default(), Rc::default(), Arc::default())
    }
}
