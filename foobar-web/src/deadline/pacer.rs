use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::Instant;

use super::DeadlineTimer;
use crate::reply::Pace;

/// Keeps one answer to its pace.
pub(crate) struct Pacer {
    pace: Pace,
    since: Instant,
    sent: u64,
    alarm: DeadlineTimer,
}

/// What may go at once: so much time's worth.
const STEP: Duration = Duration::from_millis(100);

impl Pacer {
    /// For an answer that begins now.
    pub(crate) fn new(pace: Pace) -> Self {
        Self { pace, since: Instant::now(), sent: 0, alarm: DeadlineTimer::default() }
    }

    /// How many bytes may be sent now; waits until it is worth a write.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<usize> {
        let step = (self.pace.rate.get() / STEPS).max(1);
        if self.free() < step {
            let due = self.time_for(self.sent.saturating_sub(self.pace.after)); // one step more has been earned then
            ready!(self.alarm.poll(cx, self.since + due));
        }
        Poll::Ready(usize::try_from(self.free().max(1)).unwrap_or(usize::MAX)) // more than there is memory
    }

    /// So many bytes have been sent.
    pub(crate) const fn sent(&mut self, bytes: usize) {
        self.sent += bytes as u64;
    }

    /// What has been earned with the time, and the step that comes next, less what has been sent.
    fn free(&self) -> u64 {
        let time = (self.since.elapsed() + STEP).as_micros();
        let earned = time * u128::from(self.pace.rate.get()) / 1_000_000 + u128::from(self.pace.after);
        u64::try_from(earned).unwrap_or(u64::MAX).saturating_sub(self.sent) // more than any answer has
    }

    fn time_for(&self, bytes: u64) -> Duration {
        let micros = u128::from(bytes) * 1_000_000 / u128::from(self.pace.rate.get());
        Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX)) // longer than anybody waits
    }
}

/// The steps of a second.
const STEPS: u64 = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::num::NonZeroU64;

    async fn time_for(bytes: u64, rate: u64, after: u64) -> Duration {
        let rate = NonZeroU64::new(rate).expect("it is not 0");
        let mut pacer = Pacer::new(Pace { rate, after });
        let begun = Instant::now();
        let mut left = bytes;
        while left > 0 {
            let free = poll_fn(|cx| pacer.poll(cx)).await as u64;
            let sent = free.min(left);
            pacer.sent(sent as usize);
            left -= sent;
        }
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_takes_the_time_that_its_pace_asks_for() {
        let tolerated = |time: Duration, seconds: f64| (time.as_secs_f64() - seconds).abs() < 0.15;
        assert!(tolerated(time_for(10_000, 1_000, 0).await, 10.0));
        assert!(tolerated(time_for(10_000, 1_000, 8_000).await, 2.0));
        assert!(tolerated(time_for(10_000, 1_000, 20_000).await, 0.0));
        assert!(tolerated(time_for(30, 10, 0).await, 3.0));
    }
}
