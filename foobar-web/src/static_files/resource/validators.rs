use std::time::{Duration, SystemTime};

use crate::encoding::Coding;
use crate::file_source::{FileState, Version};
use crate::request::{Field, Fields};

/// What tells one state of a file from another (RFC 9110 §8.8).
#[derive(Clone)]
pub(crate) struct Validators {
    /// In hexadecimal `"HASH-SIZE"` where the content's hash is known; else `"MTIME-SIZE"`, as nginx writes it, but with
    /// the time in nanoseconds: nginx's seconds keep the tag of a file that is changed twice within one. Of a source
    /// that knows it a part of its own hash. The same on every server that holds the same copy; `None` where the time
    /// tells nothing and the hash is not there yet.
    pub(crate) etag: Option<Box<str>>,
    /// Whether the tag begins with a hash of the content.
    by_content: bool,
    /// The time of the last change, as precise as a date can say it; not later than now (RFC 9110 §8.8.2.1). `None`
    /// where the file's time does not tell it.
    modified: Option<SystemTime>,
}

/// The last second that a date can say, that of the year 9999.
const LAST: u64 = 253_402_300_799;

/// What the preconditions of a request make of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Precondition {
    /// The request is answered as if it had none.
    Passed,
    /// The client has it already: 304.
    NotModified,
    /// The client asked about another state: 412.
    Failed,
}

impl Validators {
    /// `content` is the hash of the content, where it is known; `dated` says whether the file's time tells when that was
    /// changed.
    pub(crate) fn new(state: &FileState, content: Option<u128>, dated: bool) -> Self {
        let etag = match (&state.version, content) {
            (Version::Hash(hash), _) => {
                Some(hash[..TAG].iter().fold("\"".to_owned(), |tag, byte| format!("{tag}{byte:02x}")) + "\"")
            }
            (Version::Inode { .. }, Some(hash)) => Some(format!("\"{hash:032x}-{:x}\"", state.size)),
            (Version::Inode { .. }, None) => {
                dated.then(|| format!("\"{:x}-{:x}\"", nanoseconds(state.modified), state.size))
            }
        };
        let by_content = content.is_some() || matches!(state.version, Version::Hash(_));
        Self { etag: etag.map(String::into), by_content, modified: dated.then(|| said(state.modified)) }
    }

    /// The hash of the content in hexadecimal, where it is known.
    pub(crate) fn content_hash(&self) -> Option<&str> {
        self.etag.as_deref().filter(|_| self.by_content).map(|tag| &tag[1..=HASH_DIGITS]) // behind its quote
    }

    /// What `Last-Modified` says.
    pub(crate) fn last_modified(&self) -> Option<String> {
        self.modified.map(httpdate::fmt_http_date)
    }

    /// Whether the file's time tells when it was changed.
    pub(crate) const fn is_dated(&self) -> bool {
        self.modified.is_some()
    }

    /// Those of the same state in a coding, which is another representation and has a tag of its own: `"MTIME-SIZE-br"`.
    pub(crate) fn in_coding(&self, coding: Coding) -> Self {
        let etag = self.etag.as_ref().map(|tag| {
            let open = tag.strip_suffix('"').unwrap_or(tag); // it has its quotes
            format!("{open}-{}\"", coding.name()).into()
        });
        Self { etag, ..*self }
    }

    /// Evaluates the preconditions of a GET or HEAD in the order of RFC 9110 §13.2.2. A malformed date is ignored, and any
    /// where it is not known when the file was changed.
    pub(crate) fn evaluate(&self, asked: &Fields<'_>) -> Precondition {
        let failed = match &asked.if_match {
            Some(tags) => !self.matches(tags, strong),
            None => date(&asked.if_unmodified_since)
                .is_some_and(|date| self.modified.is_some_and(|modified| modified > date)),
        };
        let known = match &asked.if_none_match {
            Some(tags) => self.matches(tags, weak),
            None => date(&asked.if_modified_since)
                .is_some_and(|date| self.modified.is_some_and(|modified| modified <= date)),
        };
        match (failed, known) {
            (true, _) => Precondition::Failed,
            (false, true) => Precondition::NotModified,
            (false, false) => Precondition::Passed,
        }
    }

    /// The `Range` to be followed: one whose `If-Range`, if there is one, names this state (§13.1.5).
    pub(crate) fn range<'a>(&self, asked: &'a Fields<'_>) -> Option<&'a [u8]> {
        let range = asked.range.as_deref().filter(|range| !range.is_empty())?;
        let is_date = || self.modified.is_some() && date(&asked.if_range) == self.modified;
        let holds = |condition: &[u8]| self.has_tag(condition) || is_date();
        asked.if_range.as_deref().is_none_or(holds).then_some(range)
    }

    fn matches(&self, tags: &[u8], comparable: fn(&[u8]) -> &[u8]) -> bool {
        tags.trim_ascii() == b"*" || entity_tags(tags).any(|tag| self.has_tag(comparable(tag)))
    }

    fn has_tag(&self, tag: &[u8]) -> bool {
        self.etag.as_ref().is_some_and(|mine| mine.as_bytes() == tag)
    }
}

/// The bytes of a hash that make a tag: no two files have the same 16.
const TAG: usize = 16;
/// The same in hexadecimal.
pub(crate) const HASH_DIGITS: usize = 2 * TAG;

/// The time as a date can say it.
fn said(time: SystemTime) -> SystemTime {
    let past = time.min(SystemTime::now());
    let seconds = past.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs().min(LAST));
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// Since 1970, or before it.
fn nanoseconds(time: SystemTime) -> i128 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => since.as_nanos() as i128,
        Err(before) => -(before.duration().as_nanos() as i128),
    }
}

/// A tag as the strong comparison sees it: a weak one equals none of ours.
fn strong(tag: &[u8]) -> &[u8] {
    tag
}

/// A tag as the weak comparison sees it.
fn weak(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag) // a strong tag stays as it is
}

/// The entity tags of a list, with their quotes; it ends at the first thing that is none.
fn entity_tags(mut list: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        while let [b' ' | b'\t' | b',', rest @ ..] = list {
            list = rest;
        }
        let open = if list.starts_with(b"W/") { 2 } else { 0 };
        let opaque = list.get(open..)?.strip_prefix(b"\"")?;
        let close = opaque.iter().position(|byte| *byte == b'"')?;
        let (tag, rest) = list.split_at(open + close + 2);
        list = rest;
        Some(tag)
    })
}

fn date(field: &Field<'_>) -> Option<SystemTime> {
    httpdate::parse_http_date(str::from_utf8(field.as_deref()?).ok()?).ok() // malformed: no condition
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::{HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE};
    use http::{HeaderMap, HeaderValue};

    const BEFORE: &str = "Tue, 14 Nov 2023 22:13:19 GMT";
    const DATE: &str = "Tue, 14 Nov 2023 22:13:20 GMT";
    const AFTER: &str = "Tue, 14 Nov 2023 22:13:21 GMT";
    const TAG: &str = "\"17979cfe362a0005-3\"";

    /// Those of a file of three bytes, last changed at `DATE` and five nanoseconds.
    fn validators() -> Validators {
        changed(SystemTime::UNIX_EPOCH + Duration::new(1_700_000_000, 5))
    }

    fn changed(time: SystemTime) -> Validators {
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, b"abc").unwrap();
        file.set_modified(time).unwrap();
        Validators::new(&FileState::from(&rustix::fs::fstat(&file).unwrap()), None, true)
    }

    fn headers(fields: &[(HeaderName, &str)]) -> HeaderMap {
        fields.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn a_tag_is_made_of_the_time_in_nanoseconds_and_the_size() {
        let validators = validators();
        assert_eq!(validators.etag.as_deref(), Some(TAG));
        assert_eq!(validators.last_modified().as_deref(), Some(DATE));
        let next = changed(SystemTime::UNIX_EPOCH + Duration::new(1_700_000_000, 6));
        assert_ne!(next.etag, validators.etag);
    }

    #[test]
    fn the_tag_of_a_file_with_a_hash_is_made_of_that_alone() {
        let state = |seconds, hash| FileState {
            size: 3,
            modified: SystemTime::UNIX_EPOCH + Duration::from_secs(seconds),
            version: Version::Hash([hash; 32]),
        };
        let tag = |seconds, hash| Validators::new(&state(seconds, hash), None, true).etag;
        assert_eq!(tag(1, 7).map(|tag| tag.len()), Some(34));
        assert_eq!(tag(1, 7), tag(2, 7));
        assert_ne!(tag(1, 7), tag(1, 8));
    }

    fn inode(seconds: u64) -> FileState {
        let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        FileState { size: 3, modified, version: Version::Inode { device: 1, number: 2, changed: modified } }
    }

    #[test]
    fn a_hash_of_the_content_comes_before_the_time() {
        let tag = |seconds, hash| Validators::new(&inode(seconds), hash, true).etag;
        assert_eq!(tag(1, Some(0xab)).as_deref(), Some("\"000000000000000000000000000000ab-3\""));
        assert_eq!(tag(1, Some(7)), tag(2, Some(7)));
        assert_ne!(tag(1, Some(7)), tag(1, Some(8)));
    }

    #[test]
    fn the_hash_of_the_content_is_known_where_the_tag_is_made_of_it() {
        let hash = |hash| Validators::new(&inode(1), hash, true).content_hash().map(str::to_owned);
        assert_eq!(hash(Some(0xab)).as_deref(), Some("000000000000000000000000000000ab"));
        assert_eq!(hash(None), None);
        let embedded = FileState { version: Version::Hash([7; 32]), ..inode(1) };
        assert_eq!(Validators::new(&embedded, None, true).content_hash(), Some("07070707070707070707070707070707"));
    }

    #[test]
    fn where_neither_time_nor_hash_tells_anything_no_condition_but_a_star_is_met_and_no_range_continues() {
        let untold = Validators::new(&inode(1_700_000_000), None, false);
        assert_eq!((untold.etag.as_deref(), untold.last_modified()), (None, None));
        let evaluate = |name, value| untold.evaluate(&Fields::of(&headers(&[(name, value)])));
        assert_eq!(evaluate(IF_NONE_MATCH, TAG), Precondition::Passed);
        assert_eq!(evaluate(IF_NONE_MATCH, "*"), Precondition::NotModified);
        assert_eq!(evaluate(IF_MATCH, TAG), Precondition::Failed);
        assert_eq!(evaluate(IF_MODIFIED_SINCE, AFTER), Precondition::Passed);
        assert_eq!(evaluate(IF_UNMODIFIED_SINCE, BEFORE), Precondition::Passed);
        for condition in [TAG, DATE, "", "yesterday"] {
            let fields = headers(&[(RANGE, "bytes=0-0"), (IF_RANGE, condition)]);
            assert!(untold.range(&Fields::of(&fields)).is_none(), "{condition}");
        }
        assert!(untold.in_coding(Coding::Brotli).etag.is_none());
    }

    #[test]
    fn times_that_http_cannot_say_become_the_nearest_it_can() {
        let ancient = changed(SystemTime::UNIX_EPOCH - Duration::from_secs(1));
        assert_eq!(ancient.last_modified().as_deref(), Some("Thu, 01 Jan 1970 00:00:00 GMT"));
        let future = changed(SystemTime::now() + Duration::from_secs(3600));
        let said = httpdate::parse_http_date(&future.last_modified().unwrap()).unwrap();
        assert!(said <= SystemTime::now());
    }

    #[test]
    fn preconditions_are_evaluated_in_the_order_of_the_standard() {
        use Precondition::{Failed, NotModified, Passed};
        let weak = format!("W/{TAG}");
        let list = format!("\"a,b\" , W/\"x\",{TAG}");
        let cases: &[(&[(HeaderName, &str)], Precondition)] = &[
            (&[], Passed),
            (&[(IF_MATCH, TAG)], Passed),
            (&[(IF_MATCH, "*")], Passed),
            (&[(IF_MATCH, &list)], Passed),
            (&[(IF_MATCH, "\"x\""), (IF_MATCH, TAG)], Passed),
            (&[(IF_MATCH, &weak)], Failed),
            (&[(IF_MATCH, "\"x\"")], Failed),
            (&[(IF_MATCH, "x")], Failed),
            (&[(IF_MATCH, "")], Failed),
            (&[(IF_UNMODIFIED_SINCE, DATE)], Passed),
            (&[(IF_UNMODIFIED_SINCE, AFTER)], Passed),
            (&[(IF_UNMODIFIED_SINCE, BEFORE)], Failed),
            (&[(IF_UNMODIFIED_SINCE, "yesterday")], Passed),
            (&[(IF_MATCH, TAG), (IF_UNMODIFIED_SINCE, BEFORE)], Passed),
            (&[(IF_NONE_MATCH, TAG)], NotModified),
            (&[(IF_NONE_MATCH, &weak)], NotModified),
            (&[(IF_NONE_MATCH, "*")], NotModified),
            (&[(IF_NONE_MATCH, &list)], NotModified),
            (&[(IF_NONE_MATCH, "\"x\""), (IF_NONE_MATCH, TAG)], NotModified),
            (&[(IF_NONE_MATCH, "\"x\"")], Passed),
            (&[(IF_NONE_MATCH, "\"17979cfe362a0005-3")], Passed),
            (&[(IF_MODIFIED_SINCE, DATE)], NotModified),
            (&[(IF_MODIFIED_SINCE, AFTER)], NotModified),
            (&[(IF_MODIFIED_SINCE, BEFORE)], Passed),
            (&[(IF_MODIFIED_SINCE, "Tuesday, 14-Nov-23 22:13:20 GMT")], NotModified),
            (&[(IF_MODIFIED_SINCE, "0")], Passed),
            (&[(IF_MODIFIED_SINCE, DATE), (IF_MODIFIED_SINCE, DATE)], Passed),
            (&[(IF_NONE_MATCH, "\"x\""), (IF_MODIFIED_SINCE, DATE)], Passed),
            (&[(IF_NONE_MATCH, TAG), (IF_MODIFIED_SINCE, BEFORE)], NotModified),
            (&[(IF_MATCH, "\"x\""), (IF_NONE_MATCH, TAG)], Failed),
            (&[(IF_MATCH, TAG), (IF_NONE_MATCH, TAG)], NotModified),
            (&[(IF_UNMODIFIED_SINCE, BEFORE), (IF_MODIFIED_SINCE, DATE)], Failed),
        ];
        let validators = validators();
        for (fields, expected) in cases {
            assert_eq!(validators.evaluate(&Fields::of(&headers(fields))), *expected, "{fields:?}");
        }
    }

    /// A clock may have been set back, or the file comes from another machine.
    #[test]
    fn a_file_of_a_time_to_come_knows_its_own_date_again() {
        let validators = changed(SystemTime::now() + Duration::from_secs(3600));
        let date = validators.last_modified().unwrap();
        let evaluate = |name| validators.evaluate(&Fields::of(&headers(&[(name, &date)])));
        assert_eq!(evaluate(IF_MODIFIED_SINCE), Precondition::NotModified);
        assert_eq!(evaluate(IF_UNMODIFIED_SINCE), Precondition::Passed);
        let fields = headers(&[(RANGE, "bytes=0-0"), (IF_RANGE, &date)]);
        assert!(validators.range(&Fields::of(&fields)).is_some());
    }

    #[test]
    fn a_range_is_followed_only_if_the_client_holds_this_state() {
        let weak = format!("W/{TAG}");
        let cases: &[(&[(HeaderName, &str)], bool)] = &[
            (&[], true),
            (&[(IF_RANGE, TAG)], true),
            (&[(IF_RANGE, DATE)], true),
            (&[(IF_RANGE, &weak)], false),
            (&[(IF_RANGE, "\"x\"")], false),
            (&[(IF_RANGE, "*")], false),
            (&[(IF_RANGE, "")], false),
            (&[(IF_RANGE, BEFORE)], false),
            (&[(IF_RANGE, AFTER)], false),
            (&[(IF_RANGE, TAG), (IF_RANGE, TAG)], false),
            (&[(RANGE, "bytes=1-1")], false),
        ];
        let validators = validators();
        for (fields, followed) in cases {
            let mut fields = headers(fields);
            fields.append(RANGE, HeaderValue::from_static("bytes=0-0"));
            assert_eq!(validators.range(&Fields::of(&fields)).is_some(), *followed, "{fields:?}");
        }
    }
}
