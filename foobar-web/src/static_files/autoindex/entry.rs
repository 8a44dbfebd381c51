use std::time::{Duration, SystemTime};

use crate::file_source::Listed;

/// Whether a file of this name is served at all: not one that is hidden, or whose path would be refused.
pub(in crate::static_files) fn can_be_named(name: &str) -> bool {
    !name.starts_with('.') && !name.contains(|c: char| c.is_control() || c == '/')
}

/// When an entry was changed, as an HTTP date, which begins with the year 1970 and ends with 9999.
pub(super) fn date(entry: &Listed) -> Option<String> {
    let last = SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_799);
    entry.modified.map(|time| httpdate::fmt_http_date(time.clamp(SystemTime::UNIX_EPOCH, last)))
}
