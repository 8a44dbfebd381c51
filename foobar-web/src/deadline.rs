//! Deadlines that mostly move away before they are due, the pace of an answer, and what a drain leaves of its time. It must
//! not know what waits.

mod drain;
mod half_closed;
mod pacer;

use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::task::unconstrained;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::limits::Rate;

pub(crate) use drain::{Drain, Ending, OpenEnd};
pub(crate) use half_closed::{GLANCE, HalfClosed};
pub(crate) use pacer::Pacer;

/// A timer for deadlines that mostly move away before they are due.
///
/// It goes to the runtime's timers only when a deadline comes nearer or the last wake-up has been used, so a
/// connection that answers many requests a second costs them nothing. One task polls it for its whole life.
#[derive(Default)]
pub(crate) struct DeadlineTimer(Option<Pin<Box<Sleep>>>);

impl DeadlineTimer {
    /// Ready if `deadline` has passed; otherwise the task is woken then, or earlier.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        if self.0.as_ref().is_some_and(|sleep| sleep.deadline() <= deadline && !sleep.is_elapsed()) {
            return Poll::Pending;
        }
        if Instant::now() >= deadline {
            return Poll::Ready(());
        }
        match &mut self.0 {
            Some(sleep) => sleep.as_mut().reset(deadline),
            None => self.0 = Some(Box::pin(sleep_until(deadline))),
        }
        // A task that has used up its share would be told to come back, and the timer would not be set.
        self.0.as_mut().map_or(Poll::Pending, |sleep| pin!(unconstrained(sleep.as_mut())).poll(cx))
    }
}

/// What one message moved in one direction, and how long the client was waited for meanwhile.
#[derive(Default)]
pub(crate) struct Meter {
    moved: u64,
    waited: Duration,
    waiting: Option<Instant>,
}

impl Meter {
    /// So many bytes moved, if any.
    pub(crate) fn moved(&mut self, bytes: u64) {
        self.moved += bytes;
        if bytes > 0 {
            self.resume();
        }
    }

    /// So many bytes moved, but not what is waited for.
    pub(crate) const fn credit(&mut self, bytes: u64) {
        self.moved += bytes;
    }

    /// More can move now.
    pub(crate) fn resume(&mut self) {
        if let Some(since) = self.waiting.take() {
            self.waited += since.elapsed();
        }
    }

    /// Whether nothing can move.
    pub(crate) const fn waits(&self) -> bool {
        self.waiting.is_some()
    }

    /// Nothing can move now; gives the time by which something must have.
    pub(crate) fn deadline(&mut self, timeout: Duration, rate: Rate) -> Instant {
        let since = *self.waiting.get_or_insert_with(Instant::now);
        since + timeout.min(rate.allowance(self.moved).saturating_sub(self.waited))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use tokio::task::coop::{consume_budget, has_budget_remaining};

    #[tokio::test(start_paused = true)]
    async fn an_alarm_rings_also_for_a_task_that_has_used_up_its_share() {
        let (mut alarm, due) = (DeadlineTimer::default(), Instant::now() + Duration::from_secs(1));
        let busy = poll_fn(|cx| {
            while has_budget_remaining() {
                _ = pin!(consume_budget()).poll(cx);
            }
            alarm.poll(cx, due)
        });
        let rung = tokio::time::timeout(Duration::from_secs(10), busy).await;
        assert!(rung.is_ok());
    }

    #[test]
    fn each_byte_that_moved_earns_time_to_wait() {
        let rate = Rate { minimum: 500, grace: Duration::from_secs(5) };
        assert_eq!(rate.allowance(0), Duration::from_secs(5));
        assert_eq!(rate.allowance(1_000), Duration::from_secs(7));
        assert_eq!(Rate { minimum: 0, ..rate }.allowance(0), Duration::MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn a_meter_counts_only_the_time_that_was_waited() {
        let rate = Rate { minimum: 500, grace: Duration::from_secs(5) };
        let timeout = Duration::from_secs(30);
        let mut meter = Meter::default();
        assert_eq!(meter.deadline(timeout, rate) - Instant::now(), Duration::from_secs(5));
        tokio::time::advance(Duration::from_secs(3)).await;
        meter.moved(1_000);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(meter.deadline(timeout, rate) - Instant::now(), Duration::from_secs(4));
        meter.moved(1_000_000);
        assert_eq!(meter.deadline(timeout, rate) - Instant::now(), timeout);
    }
}
