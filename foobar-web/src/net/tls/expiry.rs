use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// When what a file holds ends to be good. That is said once, when it happens; what had expired when it was read has been
/// told of then. That it is near is said once too, where that is known.
#[derive(Debug)]
pub(super) struct Expiry {
    /// The configuration key that names the file.
    key: String,
    path: PathBuf,
    /// Seconds since 1970.
    last: i64,
    /// From when on that is near.
    near: Option<i64>,
    /// What that leads to, and what to do.
    message: &'static str,
    is_told: AtomicBool,
    is_near_told: AtomicBool,
}

impl Expiry {
    pub(super) fn new(key: String, path: PathBuf, last: i64, message: &'static str) -> Self {
        let is_told = AtomicBool::new(last < seconds(SystemTime::now()));
        Self { key, path, last, near: None, message, is_told, is_near_told: AtomicBool::new(false) }
    }

    /// It is near in the last tenth of the life that has begun then.
    pub(super) fn begun(self, first: i64) -> Self {
        Self { near: Some(self.last - (self.last - first) / 10), ..self }
    }

    pub(super) fn tell(&self, now: SystemTime) {
        if self.last < seconds(now) {
            if !self.is_told.swap(true, Ordering::Relaxed) {
                tracing::error!("`{}`: {}: {}", self.key, self.path.display(), self.message);
            }
        } else if let Some(concern) = self.concern(now)
            && !self.is_near_told.swap(true, Ordering::Relaxed)
        {
            tracing::warn!("{concern}");
        }
    }

    /// A sentence about it, if it is near or has passed.
    pub(super) fn concern(&self, now: SystemTime) -> Option<String> {
        self.near.filter(|near| *near <= seconds(now))?;
        let when = match self.last - seconds(now) {
            left @ 0.. => format!("expires in {} days", left / DAY),
            past => format!("has expired {} days ago", -past / DAY),
        };
        Some(format!("`{}`: {}: the certificate {when}; renew it", self.key, self.path.display()))
    }
}

/// In seconds.
const DAY: i64 = 24 * 60 * 60;

/// Since 1970.
pub(super) fn seconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs().cast_signed()) // 1970 at least
}
