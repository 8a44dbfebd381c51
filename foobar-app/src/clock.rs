use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970, in UTC.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()); // no clock is set so
    i64::try_from(since).unwrap_or(i64::MAX) // longer than anyone waits
}
