//! Until when the work of this thread may go on. A call runs wholly on one thread, so a thread-local tells the
//! connection under Diesel when to give up.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

thread_local! {
    static LIMIT: RefCell<Option<Limit>> = const { RefCell::new(None) };
}

/// Until when a call may go on: an instant, or earlier if its tier ends all calls.
#[derive(Clone)]
struct Limit {
    at: Instant,
    end: Option<Arc<End>>,
}

/// The end of all calls of a tier.
#[derive(Default)]
pub(crate) struct End {
    has_come: AtomicBool,
    comes: Notify,
    /// How many calls run.
    running: AtomicUsize,
    /// One of them has ended.
    ended: Notify,
}

impl End {
    /// From now on no call of the tier has time left.
    pub(crate) fn come(&self) {
        self.has_come.store(true, SeqCst);
        self.comes.notify_waiters();
    }

    /// The same, and waits until no call runs, for `limit` at most.
    #[cfg(feature = "mysql")]
    pub(crate) async fn come_and_wait(&self, limit: Duration) {
        self.come();
        let _given_up = tokio::time::timeout(limit, self.idle()).await;
    }

    #[cfg(feature = "mysql")]
    async fn idle(&self) {
        loop {
            let ended = self.ended.notified(); // counts from here on
            if self.running.load(SeqCst) == 0 {
                return;
            }
            ended.await;
        }
    }

    /// Waits on this thread until no call runs, for `limit` at most.
    #[cfg(feature = "mysql")]
    pub(crate) fn wait_for_calls(&self, limit: Duration) {
        let until = Instant::now() + limit;
        while self.running.load(SeqCst) > 0 && Instant::now() < until {
            std::thread::sleep(PAUSE);
        }
    }

    fn has_come(&self) -> bool {
        self.has_come.load(SeqCst)
    }

    #[cfg(feature = "mysql")]
    async fn wait(&self) {
        let comes = self.comes.notified(); // counts from here on
        if !self.has_come() {
            comes.await;
        }
    }
}

/// How long a thread waits until it looks again whether calls run.
#[cfg(feature = "mysql")]
const PAUSE: Duration = Duration::from_millis(5);

/// A call that runs.
struct Running<'a>(&'a End);

impl<'a> Running<'a> {
    fn begin(end: &'a End) -> Self {
        end.running.fetch_add(1, SeqCst);
        Self(end)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, SeqCst);
        self.0.ended.notify_waiters();
    }
}

/// Runs `work`; what it asks of a connection must end by `deadline`.
pub(crate) fn until<T>(deadline: Instant, work: impl FnOnce() -> T) -> T {
    limited(Limit { at: deadline, end: None }, work)
}

/// Runs `work`; what it asks of a connection must end by `deadline`, or when `end` comes.
pub(crate) fn until_or<T>(deadline: Instant, end: &Arc<End>, work: impl FnOnce() -> T) -> T {
    let _running = Running::begin(end);
    limited(Limit { at: deadline, end: Some(Arc::clone(end)) }, work)
}

fn limited<T>(limit: Limit, work: impl FnOnce() -> T) -> T {
    let _restore = Restore(LIMIT.replace(Some(limit)));
    work()
}

/// How much time is left on this thread; `None` for no limit.
pub(crate) fn remaining() -> Option<Duration> {
    LIMIT.with_borrow(|limit| limit.as_ref().map(Limit::remaining))
}

/// Whether this thread's time is over.
pub(crate) fn has_passed() -> bool {
    remaining().is_some_and(|time| time.is_zero())
}

/// Whether this thread's time is over, as far as a server with a clock of its own can tell.
pub(crate) fn has_nearly_passed() -> bool {
    remaining().is_some_and(|time| time < INACCURACY)
}

/// How much earlier than we a server may see the same deadline pass.
const INACCURACY: Duration = Duration::from_millis(50);

/// Whether this thread's time is over because its tier has ended all calls.
pub(crate) fn has_ended() -> bool {
    LIMIT.with_borrow(|limit| limit.as_ref().and_then(|limit| limit.end.as_ref()).is_some_and(|end| end.has_come()))
}

/// Completes once this thread's time has been over for `grace`, or as soon as its tier ends all calls; never where
/// there is no limit.
#[cfg(feature = "mysql")]
pub(crate) async fn passed(grace: Duration) {
    let Some(limit) = LIMIT.with_borrow(Clone::clone) else { return std::future::pending().await };
    let timer = tokio::time::sleep_until((limit.at + grace).into());
    match limit.end {
        None => timer.await,
        Some(end) => tokio::select! { () = timer => {}, () = end.wait() => {} },
    }
}

impl Limit {
    fn remaining(&self) -> Duration {
        match &self.end {
            Some(end) if end.has_come() => Duration::ZERO,
            _ => self.at.saturating_duration_since(Instant::now()),
        }
    }
}

struct Restore(Option<Limit>);

impl Drop for Restore {
    fn drop(&mut self) {
        LIMIT.replace(self.0.take());
    }
}
