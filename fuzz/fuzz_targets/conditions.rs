//! The preconditions of a request for a file: what is well-formed is evaluated as RFC 9110 §13.2.2 says.
#![no_main]

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use foobar_web::fuzzing::Validators;
use foobar_web::{FileState, Version};
use http::StatusCode;
use http::header::{
    HeaderMap, HeaderName, HeaderValue, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE,
    RANGE,
};
use libfuzzer_sys::fuzz_target;

// Each line is a field: a letter for its name, and its value.
fuzz_target!(|input: &[u8]| {
    let headers: HeaderMap = input.split(|byte| *byte == b'\n').filter_map(field).collect();
    let status = FILE.evaluate(&headers);
    let range = FILE.range(&headers);
    assert!(range.iter().all(|range| headers[RANGE] == range.as_slice()), "no other range than the one that was sent");
    if let Some(expected) = expected_status(&headers) {
        assert_eq!(status, expected, "{headers:?}");
    }
    if let Some(followed) = expected_range(&headers) {
        assert_eq!(range.is_some(), followed, "{headers:?}");
    }
});

/// Those of a file of three bytes, last changed at `modified` and five nanoseconds: `"17979cfe362a0005-3"`.
static FILE: LazyLock<Validators> = LazyLock::new(|| {
    let version = Version::Inode { device: 1, number: 1, changed: modified() };
    Validators::new(&FileState { size: 3, modified: modified() + Duration::from_nanos(5), version })
});

/// Tue, 14 Nov 2023 22:13:20 GMT
fn modified() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

fn field(line: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let (letter, value) = line.split_first()?;
    let name = match letter {
        b'm' => IF_MATCH,
        b'n' => IF_NONE_MATCH,
        b'u' => IF_UNMODIFIED_SINCE,
        b's' => IF_MODIFIED_SINCE,
        b'c' => IF_RANGE,
        b'r' => RANGE,
        _ => return None,
    };
    Some((name, HeaderValue::from_bytes(value).ok()?))
}

/// What a condition is about, if it is well-formed.
enum Condition {
    Absent,
    Any,
    Tags(Vec<Tag>),
    Date(SystemTime),
}

#[derive(PartialEq)]
struct Tag {
    weak: bool,
    opaque: Vec<u8>,
}

/// The steps of §13.2.2; `None` if something is malformed for which they say nothing.
fn expected_status(headers: &HeaderMap) -> Option<StatusCode> {
    let (tag, _) = tag(FILE.etag()).expect("our own tag is one");
    let holds = match tags(headers, IF_MATCH)? {
        Condition::Any => true,
        Condition::Tags(tags) => tags.iter().any(|other| !other.weak && *other == tag),
        _ => match date(headers, IF_UNMODIFIED_SINCE)? {
            Condition::Date(date) => modified() <= date,
            _ => true,
        },
    };
    if !holds {
        return Some(StatusCode::PRECONDITION_FAILED);
    }
    let changed = match tags(headers, IF_NONE_MATCH)? {
        Condition::Any => false,
        Condition::Tags(tags) => tags.iter().all(|other| other.opaque != tag.opaque),
        _ => match date(headers, IF_MODIFIED_SINCE)? {
            Condition::Date(date) => modified() > date,
            _ => true,
        },
    };
    Some(if changed { StatusCode::OK } else { StatusCode::NOT_MODIFIED })
}

/// Whether the `Range` is followed (§13.1.5); `None` if it or its condition is malformed.
fn expected_range(headers: &HeaderMap) -> Option<bool> {
    let ranges: Vec<_> = headers.get_all(RANGE).iter().collect();
    let conditions: Vec<_> = headers.get_all(IF_RANGE).iter().map(HeaderValue::as_bytes).collect();
    match (ranges.as_slice(), conditions.as_slice()) {
        ([], _) => Some(false),
        ([range], _) if range.is_empty() => None,
        ([_], []) => Some(true),
        ([_], [condition]) => match tag(condition) {
            Some((tag, [])) => Some(!tag.weak && *condition == FILE.etag()),
            Some(_) => None,
            None => Some(http_date(condition)? == modified()),
        },
        _ => None,
    }
}

fn tags(headers: &HeaderMap, name: HeaderName) -> Option<Condition> {
    let values: Vec<_> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    match values.as_slice() {
        [] => Some(Condition::Absent),
        [b"*"] => Some(Condition::Any),
        lists => lists
            .iter()
            .map(|list| elements(list))
            .collect::<Option<Vec<_>>>()
            .map(|lists| Condition::Tags(lists.into_iter().flatten().collect())),
    }
}

/// A list (§5.6.1) of tags; empty elements are allowed.
fn elements(mut list: &[u8]) -> Option<Vec<Tag>> {
    let mut tags = Vec::new();
    loop {
        list = list.trim_ascii_start();
        if let Some((tag, rest)) = tag(list) {
            tags.push(tag);
            list = rest.trim_ascii_start();
        }
        match list {
            [] => return Some(tags),
            [b',', rest @ ..] => list = rest,
            _ => return None,
        }
    }
}

/// The tag (§8.8.3) that `text` begins with, and what follows it.
fn tag(text: &[u8]) -> Option<(Tag, &[u8])> {
    let weak = text.starts_with(b"W/\"");
    let opaque = text[if weak { 2 } else { 0 }..].strip_prefix(b"\"")?;
    let length = opaque.iter().take_while(|byte| matches!(byte, b'!' | b'#'..=b'~' | 0x80..)).count();
    let rest = opaque[length..].strip_prefix(b"\"")?;
    Some((Tag { weak, opaque: opaque[..length].to_vec() }, rest))
}

/// A condition with a date that is none is ignored (§13.1.3, §13.1.4).
fn date(headers: &HeaderMap, name: HeaderName) -> Option<Condition> {
    let values: Vec<_> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    match values.as_slice() {
        [value] => Some(http_date(value).map_or(Condition::Absent, Condition::Date)),
        _ => Some(Condition::Absent), // none, or a list, which is no date either
    }
}

fn http_date(value: &[u8]) -> Option<SystemTime> {
    httpdate::parse_http_date(str::from_utf8(value).ok()?).ok()
}
