use std::time::Duration;

use tokio::time::Instant;

/// How many [control frames](super::frame_meter) a client may still send: a thousand at once, a hundred a second, and as
/// many more as its requests are worth.
pub(super) struct ControlBudget {
    left: u32,
    refilled: Instant,
    /// Bytes that were sent, and have earned nothing yet.
    sent: usize,
}

/// As many as a browser sends that opens and cancels a hundred streams, ten times in a row, and some.
const MOST: u32 = 1024;
/// One more is earned after this time.
const EVERY: Duration = Duration::from_millis(10);
/// And by this many bytes that the client was sent: it tells of them by `WINDOW_UPDATE`.
const BYTES: usize = 4 << 10;
/// And by an answer.
const ANSWER: u32 = 4;

impl ControlBudget {
    pub(super) const fn new(now: Instant) -> Self {
        Self { left: MOST, refilled: now, sent: 0 }
    }

    /// This many frames have come; `false` if they are too many.
    pub(super) fn spend(&mut self, frames: u32, now: Instant) -> bool {
        if frames > 0 {
            self.refill(now);
        }
        match self.left.checked_sub(frames) {
            Some(left) => self.left = left,
            None => return false,
        }
        true
    }

    /// This many answers were sent.
    pub(super) fn answered(&mut self, answers: u32) {
        self.earn(answers.saturating_mul(ANSWER));
    }

    /// This many bytes were sent.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.sent += bytes;
        self.earn((self.sent / BYTES) as u32);
        self.sent %= BYTES;
    }

    fn refill(&mut self, now: Instant) {
        let earned = now.saturating_duration_since(self.refilled).as_millis() / EVERY.as_millis();
        let earned = u32::try_from(earned).unwrap_or(MOST); // more than it holds
        self.refilled += EVERY * earned;
        self.earn(earned);
    }

    fn earn(&mut self, frames: u32) {
        self.left = self.left.saturating_add(frames).min(MOST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_frames_may_come_at_once_and_then_a_hundred_a_second() {
        let start = Instant::now();
        let mut budget = ControlBudget::new(start);
        assert!(budget.spend(MOST, start) && !budget.spend(1, start));
        let later = start + Duration::from_secs(1);
        assert!(budget.spend(100, later) && !budget.spend(1, later));
        let day = later + Duration::from_secs(86_400);
        assert!(budget.spend(MOST, day) && !budget.spend(1, day), "no more is kept than at the beginning");
    }

    #[test]
    fn answers_and_what_was_sent_earn_more() {
        let start = Instant::now();
        let mut budget = ControlBudget::new(start);
        assert!(budget.spend(MOST, start));
        budget.answered(1);
        budget.sent(BYTES - 1);
        assert!(budget.spend(ANSWER, start) && !budget.spend(1, start));
        budget.sent(1);
        assert!(budget.spend(1, start) && !budget.spend(1, start));
    }
}
