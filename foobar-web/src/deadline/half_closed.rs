use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::Instant;

use super::DeadlineTimer;

/// A client that has closed its side of the connection. It may still read, or has gone altogether, which looks the same until
/// something is sent to it: then its system refuses that.
pub(crate) struct HalfClosed {
    since: Instant,
    /// When it was looked at last.
    looked: Instant,
    is_tested: bool,
}

/// The time between two looks.
pub(crate) const GLANCE: Duration = Duration::from_millis(250);

impl HalfClosed {
    pub(crate) fn now() -> Self {
        let since = Instant::now();
        Self { since, looked: since, is_tested: false }
    }

    pub(crate) const fn since(&self) -> Instant {
        self.since
    }

    /// Waits until it is time to look at it again; `true` the first time, when something is to be sent to it.
    pub(crate) fn poll_look(&mut self, cx: &mut Context<'_>, timer: &mut DeadlineTimer) -> Poll<bool> {
        ready!(timer.poll(cx, self.looked + GLANCE));
        self.looked = Instant::now();
        Poll::Ready(!std::mem::replace(&mut self.is_tested, true))
    }

    /// Whether something has been sent to it.
    pub(crate) const fn is_tested(&self) -> bool {
        self.is_tested
    }

    /// Something is to be sent to it again: it may have gone meanwhile.
    pub(crate) const fn test_again(&mut self) {
        self.is_tested = false;
    }
}
