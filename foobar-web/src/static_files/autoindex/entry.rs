use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, SystemTime};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use crate::file_source::DirEntry;
use crate::request::has_control;

/// Whether a file of this name is hidden: neither served nor listed, and not spoken of.
pub(super) fn is_hidden(name: &OsStr) -> bool {
    name.as_bytes().starts_with(b".")
}

/// Whether a request may ask for a file of this name; else its path would be refused.
pub(in crate::static_files) fn can_be_asked_for(name: &OsStr) -> bool {
    !has_control(name.as_bytes()) && !name.as_bytes().contains(&b'/')
}

/// The path to an entry from its directory.
pub(super) fn href(entry: &DirEntry) -> String {
    let slash = if entry.directory { "/" } else { "" };
    format!("{}{slash}", percent_encode(entry.name.as_bytes(), ENCODED))
}

/// All but `unreserved` (RFC 3986 §2.3), so also everything that HTML gives a meaning.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// When an entry was changed, as an HTTP date, which begins with the year 1970 and ends with 9999.
pub(super) fn date(entry: &DirEntry) -> Option<String> {
    let last = SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_799);
    entry.modified.map(|time| httpdate::fmt_http_date(time.clamp(SystemTime::UNIX_EPOCH, last)))
}
