use std::borrow::Cow;

use serde::Serialize;

use super::entry::{date, href};
use crate::file_source::DirEntry;

/// An entry as nginx's `autoindex_format json` has it.
#[derive(Serialize)]
struct Entry<'a> {
    /// With U+FFFD for what is not UTF-8, which JSON cannot say.
    name: Cow<'a, str>,
    /// The path to it, where the name does not tell it.
    #[serde(skip_serializing_if = "Option::is_none")]
    href: Option<String>,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    mtime: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
}

impl<'a> Entry<'a> {
    fn of(listed: &'a DirEntry) -> Self {
        let kind = if listed.directory { "directory" } else { "file" };
        let size = (!listed.directory).then_some(listed.size);
        let href = listed.name.to_str().is_none().then(|| href(listed));
        Self { name: listed.name.to_string_lossy(), href, kind, mtime: date(listed), size }
    }
}

/// The list in the order of the entries.
pub(super) fn list(entries: &[DirEntry]) -> String {
    let entries: Vec<Entry<'_>> = entries.iter().map(Entry::of).collect();
    serde_json::to_string_pretty(&entries).expect("texts and numbers make JSON") + "\n"
}
