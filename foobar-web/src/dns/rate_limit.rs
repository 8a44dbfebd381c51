//! How often a network is answered over UDP: an address there may be another's, whom the answers would flood.

use std::hash::BuildHasher;
use std::net::IpAddr;
use std::time::Instant;

use foldhash::quality::RandomState;

/// What has been left to networks, each in a bucket that it may share with others.
pub(super) struct RateLimit {
    per_second: u32,
    buckets: Box<[Bucket]>,
    hasher: RandomState,
    began: Instant,
}

#[derive(Clone, Copy)]
struct Bucket {
    /// Answers that are left, in thousandths.
    left: u64,
    /// When that was so, in milliseconds since the beginning.
    at: u64,
    beyond: u32,
}

/// What a network gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Answer,
    /// To be asked by TCP, where an address is the client's own.
    ByTcp,
    Nothing,
}

impl RateLimit {
    /// At most this many answers in a second; 0 is no bound.
    pub(super) fn new(per_second: u32, now: Instant) -> Self {
        let full = Bucket { left: u64::from(per_second) * THOUSAND, at: 0, beyond: 0 };
        let buckets = if per_second == 0 { 0 } else { BUCKETS };
        Self { per_second, buckets: vec![full; buckets].into(), hasher: RandomState::default(), began: now }
    }

    pub(super) const fn per_second(&self) -> u32 {
        self.per_second
    }

    pub(super) fn ask(&mut self, client: IpAddr, now: Instant) -> Verdict {
        if self.per_second == 0 {
            return Verdict::Answer;
        }
        let most = u64::from(self.per_second) * THOUSAND;
        let now = u64::try_from(now.saturating_duration_since(self.began).as_millis()).unwrap_or(u64::MAX); // in 500 million years
        let at = self.hasher.hash_one(network(client)) as usize % BUCKETS;
        let bucket = &mut self.buckets[at];
        let gained = now.saturating_sub(bucket.at).saturating_mul(u64::from(self.per_second));
        bucket.left = bucket.left.saturating_add(gained).min(most);
        bucket.at = now;
        match bucket.left.checked_sub(THOUSAND) {
            Some(left) => {
                bucket.left = left;
                Verdict::Answer
            }
            None => bucket.refuse(),
        }
    }
}

impl Bucket {
    const fn refuse(&mut self) -> Verdict {
        self.beyond = self.beyond.wrapping_add(1);
        if self.beyond.is_multiple_of(2) { Verdict::Nothing } else { Verdict::ByTcp }
    }
}

fn network(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(address) => u128::from(address.to_bits() >> 8),
        IpAddr::V6(address) => address.to_bits() >> 72 << 72 | 1 << 32, // none of IPv4
    }
}

const THOUSAND: u64 = 1000;
/// 24 bytes each.
const BUCKETS: usize = 1 << 14;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_gets_its_answers_and_then_every_second_time_the_request_to_come_by_tcp() {
        let now = Instant::now();
        let mut limit = RateLimit::new(3, now);
        let mut ask = |address: &str, later: u64| limit.ask(ip(address), now + Duration::from_millis(later));
        for host in 1..=3 {
            assert_eq!(ask(&format!("192.0.2.{host}"), 0), Verdict::Answer);
        }
        let beyond: Vec<_> = (0..4).map(|_| ask("192.0.2.9", 0)).collect();
        assert_eq!(beyond, [Verdict::ByTcp, Verdict::Nothing, Verdict::ByTcp, Verdict::Nothing]);
        assert_eq!(ask("192.0.2.1", 334), Verdict::Answer, "a third of a second later there is one more");
        assert_eq!(ask("192.0.2.1", 335), Verdict::ByTcp);
        for _ in 0..3 {
            assert_eq!(ask("192.0.2.1", 1_000_000), Verdict::Answer, "no more are saved than for a second");
        }
        assert_ne!(ask("192.0.2.1", 1_000_000), Verdict::Answer);
    }

    #[test]
    fn networks_are_those_that_a_customer_has() {
        assert_eq!(network(ip("192.0.2.1")), network(ip("::ffff:192.0.2.200")));
        assert_ne!(network(ip("192.0.2.1")), network(ip("192.0.3.1")));
        assert_eq!(network(ip("2001:db8:0:100::1")), network(ip("2001:db8:0:1ff:9::")));
        assert_ne!(network(ip("2001:db8:0:100::")), network(ip("2001:db8:0:200::")));
    }

    #[test]
    fn without_a_bound_each_question_is_answered() {
        let now = Instant::now();
        let mut limit = RateLimit::new(0, now);
        assert!((0..1000).all(|_| limit.ask(ip("::1"), now) == Verdict::Answer));
    }
}
