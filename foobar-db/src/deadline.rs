//! Until when the work of this thread may go on. A call runs wholly on one thread, so a thread-local tells the
//! connection under Diesel when to give up.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

thread_local! {
    static LIMIT: RefCell<Option<Limit>> = const { RefCell::new(None) };
}

/// Until when a call may go on: an instant, or earlier if its tier ends all calls.
#[derive(Clone)]
struct Limit {
    at: Instant,
    end: Option<Arc<End>>,
}

/// Ends all calls of a tier that is drained.
#[derive(Default)]
pub(crate) struct End {
    has_come: AtomicBool,
    #[cfg(feature = "mysql")]
    comes: tokio::sync::Notify,
}

impl End {
    /// From now on no call of the tier has time left.
    pub(crate) fn come(&self) {
        self.has_come.store(true, SeqCst);
        #[cfg(feature = "mysql")]
        self.comes.notify_waiters();
    }

    pub(crate) fn has_come(&self) -> bool {
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

/// Runs `work`; what it asks of a connection must end by `deadline`.
pub(crate) fn until<T>(deadline: Instant, work: impl FnOnce() -> T) -> T {
    limited(Limit { at: deadline, end: None }, work)
}

/// Runs `work`; what it asks of a connection must end by `deadline`, or when `end` comes.
pub(crate) fn until_or<T>(deadline: Instant, end: &Arc<End>, work: impl FnOnce() -> T) -> T {
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
