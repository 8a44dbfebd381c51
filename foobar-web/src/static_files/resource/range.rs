use std::ops::Range;

use http::HeaderValue;

/// Which bytes of a file a request gets (RFC 9110 §14.2).
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    /// All of them, with 200: the header asks for nothing, or is ignored.
    Whole,
    /// One range, with 206.
    Part(Range<u64>),
    /// Several ranges that neither overlap nor touch, with 206 and `multipart/byteranges`.
    Parts(Vec<Range<u64>>),
    /// None, with 416: every range lies beyond the end.
    Unsatisfiable,
}

impl Selection {
    /// Reads the value of a `Range` header for a file of `size` bytes.
    ///
    /// Ignored are, as RFC 9110 lets a server: another unit than `bytes`; a malformed set of ranges (`bytes=x`,
    /// `bytes=5-1`; nginx answers 416, but the whole file is an answer that every client understands); more than `max`
    /// ranges; ranges that together are longer than the file (as in nginx); any range of an empty file. Ranges that
    /// overlap or touch become one, at the place of the first of them.
    pub(crate) fn parse(header: &[u8], size: u64, max: usize) -> Self {
        let Some(mut ranges) = resolve_all(header, size, max) else { return Self::Whole };
        ranges.retain(|range| !range.is_empty());
        let total = ranges.iter().fold(0, |total: u64, range| total.saturating_add(range.end - range.start));
        if total > size {
            return Self::Whole;
        }
        let mut ranges = coalesce(ranges);
        match ranges.len() {
            0 => Self::Unsatisfiable,
            1 => Self::Part(ranges.remove(0)),
            _ => Self::Parts(ranges),
        }
    }
}

/// The bytes that each spec of a header names; `None` if the header is to be ignored.
fn resolve_all(header: &[u8], size: u64, max: usize) -> Option<Vec<Range<u64>>> {
    let (unit, set) = str::from_utf8(header).ok()?.split_once('=')?; // not text: not a range
    let specs = set.split(',').map(|spec| spec.trim_matches([' ', '\t'])).filter(|spec| !spec.is_empty());
    let ranges: Vec<_> = specs.map(|spec| resolve(spec, size)).collect::<Option<_>>()?;
    let followed = unit.eq_ignore_ascii_case("bytes") && (1..=max).contains(&ranges.len()) && size > 0;
    followed.then_some(ranges)
}

/// The bytes that a spec names in a file of `size` bytes: an empty range if it lies beyond the end, `None` if it is
/// malformed.
fn resolve(spec: &str, size: u64) -> Option<Range<u64>> {
    let (first, last) = spec.split_once('-')?;
    if first.is_empty() {
        return Some(size.saturating_sub(position(last)?)..size);
    }
    let first = position(first)?;
    let last = if last.is_empty() { u64::MAX } else { position(last)? };
    (first <= last).then(|| first.min(size)..last.saturating_add(1).min(size))
}

/// A decimal number; one that is too large for any file counts as the largest.
fn position(digits: &str) -> Option<u64> {
    let number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    number.then(|| digits.parse().unwrap_or(u64::MAX)) // all digits, so it can only be too large
}

/// Sorted, those that overlap or touch stand beside each other; then each goes back to the place of its first.
fn coalesce(ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    let mut sorted: Vec<_> = ranges.into_iter().enumerate().collect();
    sorted.sort_by_key(|(_, range)| range.start);
    let mut apart: Vec<(usize, Range<u64>)> = Vec::with_capacity(sorted.len());
    for (place, range) in sorted {
        match apart.last_mut() {
            Some((first, last)) if range.start <= last.end => {
                last.end = last.end.max(range.end);
                *first = place.min(*first);
            }
            _ => apart.push((place, range)),
        }
    }
    apart.sort_by_key(|(place, _)| *place);
    apart.into_iter().map(|(_, range)| range).collect()
}

/// Where a range lies in a file of `size` bytes, as `Content-Range` says it.
pub(crate) fn content_range(range: &Range<u64>, size: u64) -> HeaderValue {
    let text = format!("bytes {}-{}/{size}", range.start, range.end - 1);
    HeaderValue::try_from(text).expect("digits make a value")
}

#[cfg(test)]
mod tests {
    use super::Selection::{Part, Parts, Unsatisfiable, Whole};
    use super::*;

    fn check(cases: &[(&str, Selection)]) {
        for (header, expected) in cases {
            assert_eq!(Selection::parse(header.as_bytes(), 1000, 4), *expected, "{header}");
        }
    }

    #[test]
    fn one_range_is_one_part() {
        check(&[
            ("bytes=0-0", Part(0..1)),
            ("bytes=0-999", Part(0..1000)),
            ("bytes=500-", Part(500..1000)),
            ("bytes=-1", Part(999..1000)),
            ("bytes=-1000", Part(0..1000)),
            ("bytes=-5000", Part(0..1000)),
            ("bytes=999-5000", Part(999..1000)),
            ("Bytes=1-2", Part(1..3)),
            ("bytes= 1-2 ", Part(1..3)),
            ("bytes=,1-2,,", Part(1..3)),
            ("bytes=0-18446744073709551615", Part(0..1000)),
            ("bytes=0-99999999999999999999999", Part(0..1000)),
            ("bytes=-99999999999999999999999", Part(0..1000)),
            ("bytes=0-0, 2000-", Part(0..1)),
        ]);
    }

    #[test]
    fn several_ranges_keep_their_order_and_those_that_touch_become_one() {
        check(&[
            ("bytes=0-0,2-2", Parts(vec![0..1, 2..3])),
            ("bytes=500-599,0-99", Parts(vec![500..600, 0..100])),
            ("bytes=0-0,-1", Parts(vec![0..1, 999..1000])),
            ("bytes=0-0,1-1", Part(0..2)),
            ("bytes=1-1,0-0", Part(0..2)),
            ("bytes=0-99,50-149", Part(0..150)),
            ("bytes=0-9,20-29,10-19", Part(0..30)),
            ("bytes=0-9,100-109,20-29,5-25", Parts(vec![0..30, 100..110])),
            ("bytes=700-709,20-29,0-9,10-19", Parts(vec![700..710, 0..30])),
        ]);
    }

    #[test]
    fn ranges_beyond_the_end_are_unsatisfiable() {
        check(&[
            ("bytes=1000-", Unsatisfiable),
            ("bytes=1000-1001", Unsatisfiable),
            ("bytes=-0", Unsatisfiable),
            ("bytes=18446744073709551615-", Unsatisfiable),
            ("bytes=18446744073709551615-18446744073709551615", Unsatisfiable),
            ("bytes=99999999999999999999999-", Unsatisfiable),
            ("bytes=1000-,2000-2001", Unsatisfiable),
        ]);
    }

    #[test]
    fn what_is_malformed_unknown_or_too_much_is_ignored() {
        check(&[
            ("", Whole),
            ("bytes", Whole),
            ("bytes=", Whole),
            ("bytes=,", Whole),
            ("bytes=-", Whole),
            ("bytes=alpha", Whole),
            ("bytes=10", Whole),
            ("bytes=10-alpha", Whole),
            ("bytes=10-11 12-", Whole),
            ("bytes=+1-2", Whole),
            ("bytes=5-1", Whole),
            ("bytes=1-2-3", Whole),
            ("bytes=--1", Whole),
            ("bytes=-9223372036854775608,0-", Whole),
            ("bytes =0-1", Whole),
            ("items=0-1", Whole),
            ("bytes=0-0,x", Whole),
            ("bytes=0-0,2-2,4-4,6-6,8-8", Whole),
            ("bytes=0-,0-", Whole),
            ("bytes=0-10001, 0-0", Whole),
            ("bytes=\u{e9}", Whole),
        ]);
        let bomb = format!("bytes={}", vec!["0-"; 1300].join(","));
        assert_eq!(Selection::parse(bomb.as_bytes(), 1000, 4), Whole);
        assert_eq!(Selection::parse(b"bytes=0-0", 1000, 0), Whole);
        assert_eq!(Selection::parse(b"bytes=0-", 0, 4), Whole);
        assert_eq!(Selection::parse(b"bytes=-1", 0, 4), Whole);
    }
}
