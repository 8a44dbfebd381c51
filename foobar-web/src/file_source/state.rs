use std::time::{Duration, SystemTime};

use rustix::fs::Stat;
use rustix::time::{ClockId, clock_gettime};

use super::{FileState, Version};

/// The coarsest clock of a file system's, FAT's, ticks every two seconds.
const TICK: Duration = Duration::from_secs(2);
impl FileState {
    /// Whether it was changed so shortly before that it may still be being changed.
    pub(crate) fn is_young(&self) -> bool {
        match self.version {
            // A time to come, by a clock that was set back, is as good as now.
            Version::Inode { changed, .. } => now().duration_since(changed).map_or(true, |age| age < TICK),
            Version::Hash(_) => false,
        }
    }
}

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

/// The time by the clock that the system stamps files with: some milliseconds behind the exact one, and cheaper to
/// read.
fn now() -> SystemTime {
    let now = clock_gettime(ClockId::RealtimeCoarse);
    SystemTime::UNIX_EPOCH + Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}
