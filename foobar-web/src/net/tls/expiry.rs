use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// When what a file holds ends to be good. That is said once, when it happens; what had expired when it was read has been
/// told of then.
#[derive(Debug)]
pub(super) struct Expiry {
    /// The configuration key that names the file.
    key: String,
    path: PathBuf,
    /// Seconds since 1970.
    last: i64,
    /// What that leads to, and what to do.
    message: &'static str,
    is_told: AtomicBool,
}

impl Expiry {
    pub(super) fn new(key: String, path: PathBuf, last: i64, message: &'static str) -> Self {
        let is_told = AtomicBool::new(last < seconds(SystemTime::now()));
        Self { key, path, last, message, is_told }
    }

    pub(super) fn tell(&self, now: SystemTime) {
        if self.last < seconds(now) && !self.is_told.swap(true, Ordering::Relaxed) {
            tracing::error!("`{}`: {}: {}", self.key, self.path.display(), self.message);
        }
    }
}

/// Since 1970.
pub(super) fn seconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs().cast_signed()) // 1970 at least
}
