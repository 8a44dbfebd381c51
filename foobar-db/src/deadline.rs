//! The instant by which the work of this thread must end. A call runs wholly on one thread, so a thread-local tells
//! the connection under Diesel when to give up.

use std::cell::Cell;
use std::time::{Duration, Instant};

thread_local! {
    static DEADLINE: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Runs `work`; what it asks of a connection must end by `deadline`.
pub(crate) fn until<T>(deadline: Instant, work: impl FnOnce() -> T) -> T {
    let _restore = Restore(DEADLINE.replace(Some(deadline)));
    work()
}

/// How much time is left on this thread; `None` for no limit.
pub(crate) fn remaining() -> Option<Duration> {
    DEADLINE.get().map(|deadline| deadline.saturating_duration_since(Instant::now()))
}

/// Whether this thread's time is over.
pub(crate) fn has_passed() -> bool {
    remaining().is_some_and(|time| time.is_zero())
}

struct Restore(Option<Instant>);

impl Drop for Restore {
    fn drop(&mut self) {
        DEADLINE.set(self.0);
    }
}
