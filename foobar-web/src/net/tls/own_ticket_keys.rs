use std::fmt;
use std::mem::replace;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use aws_lc_rs::error::Unspecified;
use rustls::server::ProducesTickets;
use tokio::time::Instant;

use super::ticket_key::{LIFETIME, TicketKey};

/// Keys for session tickets that the server makes by itself, for all its workers. They change with the time that passes, and
/// not with the time of day, which may be set back: a key that is kept can open what was recorded long ago.
pub(crate) struct OwnTicketKeys(RwLock<Keys>);

struct Keys {
    current: TicketKey,
    /// The one before, which only opens.
    previous: Option<TicketKey>,
    /// When the current one was made.
    since: Instant,
}

/// How long tickets are made with a key.
const PERIOD: Duration = Duration::from_secs(LIFETIME as u64 / 2);

impl OwnTicketKeys {
    pub(crate) fn new() -> Result<Self, Unspecified> {
        Ok(Self(RwLock::new(Keys { current: TicketKey::random()?, previous: None, since: Instant::now() })))
    }

    /// Forgets what is too old, also where nobody connects. Where no key can be made this is tried again.
    pub(crate) fn refresh(&self) {
        self.at(Instant::now(), |_| Some(()));
    }

    /// Works with the keys of a moment. Where no new one can be made the old ones are not used any longer.
    fn at<T>(&self, now: Instant, work: impl FnOnce(&Keys) -> Option<T>) -> Option<T> {
        let keys = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if keys.age(now) < PERIOD {
            return work(&keys);
        }
        drop(keys);
        let next = TicketKey::random().ok()?; // there is no randomness: a full handshake finds that out
        let mut keys = self.0.write().unwrap_or_else(PoisonError::into_inner);
        keys.rotate(next, now);
        work(&keys)
    }
}

impl Keys {
    fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.since)
    }

    /// Takes the next key, unless another thread has done so meanwhile.
    fn rotate(&mut self, next: TicketKey, now: Instant) {
        let age = self.age(now);
        if age >= PERIOD {
            let last = replace(&mut self.current, next);
            self.previous = (age < 2 * PERIOD).then_some(last);
            self.since = now;
        }
    }
}

impl ProducesTickets for OwnTicketKeys {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        LIFETIME
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.at(Instant::now(), |keys| keys.current.seal(plain))
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        let open = |keys: &Keys| TicketKey::open_by([&keys.current].into_iter().chain(&keys.previous), ticket);
        self.at(Instant::now(), open)
    }
}

impl fmt::Debug for OwnTicketKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnTicketKeys").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const PLAIN: &[u8] = b"session";

    fn is_read(keys: &OwnTicketKeys, ticket: &[u8]) -> bool {
        keys.decrypt(ticket).is_some_and(|plain| plain == PLAIN)
    }

    #[tokio::test(start_paused = true)]
    async fn a_ticket_outlives_one_rotation_of_the_servers_own_keys_and_not_two() {
        let keys = OwnTicketKeys::new().unwrap();
        let ticket = keys.encrypt(PLAIN).unwrap();
        for (rotations, is_good) in [(0, true), (1, true), (2, false)] {
            assert_eq!(is_read(&keys, &ticket), is_good, "after {rotations}");
            advance(PERIOD - Duration::from_millis(1)).await;
            assert_eq!(is_read(&keys, &ticket), is_good, "nearly one more than {rotations}");
            advance(Duration::from_millis(1)).await;
            assert!(is_read(&keys, &keys.encrypt(PLAIN).unwrap()), "the new key reads what it made");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_ticket_of_a_key_that_nobody_has_used_for_two_periods_is_not_read() {
        let keys = OwnTicketKeys::new().unwrap();
        let ticket = keys.encrypt(PLAIN).unwrap();
        advance(2 * PERIOD).await;
        assert!(!is_read(&keys, &ticket));
    }

    #[tokio::test(start_paused = true)]
    async fn old_keys_are_forgotten_where_nobody_connects() {
        let keys = OwnTicketKeys::new().unwrap();
        for (passed, has_previous) in [(PERIOD, true), (2 * PERIOD, false)] {
            advance(passed).await;
            keys.refresh();
            let kept = keys.0.read().unwrap();
            assert_eq!((kept.previous.is_some(), kept.age(Instant::now())), (has_previous, Duration::ZERO));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn of_two_threads_that_find_a_key_too_old_one_changes_it() {
        let keys = OwnTicketKeys::new().unwrap();
        let ticket = keys.encrypt(PLAIN).unwrap();
        advance(PERIOD).await;
        let now = Instant::now();
        for moment in [now, now, now - Duration::from_millis(1)] {
            keys.0.write().unwrap().rotate(TicketKey::random().unwrap(), moment);
            assert!(is_read(&keys, &ticket), "it has been changed once");
        }
    }
}
