use std::fmt::Display;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Says in the log what is not served and why: each path once a minute, and at most ten of them.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<Minute>);

#[derive(Debug, Default)]
struct Minute {
    since: Option<Instant>,
    /// The paths that were named.
    named: Vec<Box<str>>,
    /// How many lines were left out.
    left_out: u64,
}

const MINUTE: Duration = Duration::from_secs(60);
const MOST: usize = 10;

impl Refusals {
    /// Names the path and the reason, unless that was done shortly before or there are too many.
    pub(crate) fn note(&self, path: &str, reason: impl Display) {
        if let Some(left_out) = self.admit(path, Instant::now()) {
            tracing::warn!(path, %reason, left_out, "a file is not served");
        }
    }

    /// How many lines were left out before this one; `None` if it is left out too.
    fn admit(&self, path: &str, now: Instant) -> Option<u64> {
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if minute.since.is_none_or(|since| now.duration_since(since) >= MINUTE) {
            *minute = Minute { since: Some(now), named: Vec::new(), left_out: minute.left_out };
        }
        if minute.named.len() == MOST || minute.named.iter().any(|named| **named == *path) {
            minute.left_out += 1;
            return None;
        }
        minute.named.push(path.into());
        Some(std::mem::take(&mut minute.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_named_once_a_minute_and_ten_paths_at_most() {
        let (refusals, now) = (Refusals::default(), Instant::now());
        assert_eq!((refusals.admit("a", now), refusals.admit("a", now)), (Some(0), None));
        let named = (0..100).filter(|number| refusals.admit(&number.to_string(), now).is_some()).count();
        assert_eq!(named, 9);
        assert_eq!(refusals.admit("a", now + MINUTE), Some(91), "it says how many were left out");
        assert_eq!(refusals.admit("b", now + MINUTE), Some(0));
    }
}
