use std::time::{Duration, SystemTime};

use rustix::fs::Stat;

use super::{FileState, Version};

impl From<&Stat> for FileState {
    fn from(stat: &Stat) -> Self {
        let changed = time(stat.st_ctime, stat.st_ctime_nsec as u32);
        Self {
            size: stat.st_size as u64,
            modified: time(stat.st_mtime, stat.st_mtime_nsec as u32),
            version: Version::Inode { device: stat.st_dev, number: stat.st_ino, changed },
        }
    }
}

/// Seconds and nanoseconds since 1970.
fn time(seconds: i64, nanoseconds: u32) -> SystemTime {
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let time =
        if seconds < 0 { SystemTime::UNIX_EPOCH.checked_sub(whole) } else { SystemTime::UNIX_EPOCH.checked_add(whole) };
    time.map_or(SystemTime::UNIX_EPOCH, |time| time + Duration::new(0, nanoseconds)) // no clock says such a time
}
