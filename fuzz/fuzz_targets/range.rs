//! The `Range` of a request: what is selected lies in the file, and is what marking byte by byte selects.
#![no_main]

use std::ops::Range;

use foobar_web::fuzzing;
use libfuzzer_sys::fuzz_target;

// The first byte is the size of the file, the second the most ranges that are served.
fuzz_target!(|input: &[u8]| {
    let [size, max, header @ ..] = input else { return };
    let (size, max) = (file_size(*size), usize::from(*max % 32));
    let selected = fuzzing::ranges(header, size, max);
    if let Some(ranges) = &selected {
        check_ranges(ranges, size, max);
    }
    if size <= SMALL {
        assert_eq!(selected, reference(header, size, max));
    }
});

/// The files that are marked byte by byte.
const SMALL: u64 = 160;

/// Small files, and larger ones up to the largest there can be.
fn file_size(byte: u8) -> u64 {
    if u64::from(byte) <= SMALL { u64::from(byte) } else { u64::MAX >> (u8::MAX - byte).min(63) }
}

fn check_ranges(ranges: &[Range<u64>], size: u64, max: usize) {
    assert!(ranges.len() <= max);
    assert!(ranges.iter().all(|range| range.start < range.end && range.end <= size));
    let mut sorted = ranges.to_vec();
    sorted.sort_by_key(|range| range.start);
    assert!(sorted.windows(2).all(|two| two[0].end < two[1].start), "they overlap or touch");
}

/// Marks the bytes that each spec names, and gives the runs of marked ones in the order of the first spec in each.
fn reference(header: &[u8], size: u64, max: usize) -> Option<Vec<Range<u64>>> {
    let header = str::from_utf8(header).ok()?;
    let set = header.get(..6).filter(|unit| unit.eq_ignore_ascii_case("bytes=")).map(|unit| &header[unit.len()..])?;
    let specs = set.split(',').map(|spec| spec.trim_matches([' ', '\t'])).filter(|spec| !spec.is_empty());
    let marks: Vec<Vec<bool>> = specs.map(|spec| marked(spec, size)).collect::<Option<_>>()?;
    let total: usize = marks.iter().flatten().filter(|marked| **marked).count();
    if marks.is_empty() || marks.len() > max || size == 0 || total as u64 > size {
        return None;
    }
    let mut runs: Vec<Range<u64>> = Vec::new();
    for first in marks.iter().filter_map(|spec| spec.iter().position(|marked| *marked)) {
        let run = run_around(first, &marks);
        if !runs.contains(&run) {
            runs.push(run);
        }
    }
    Some(runs)
}

fn marked(spec: &str, size: u64) -> Option<Vec<bool>> {
    let (first, last) = spec.split_once('-')?;
    let bytes = (0..size).map(u128::from);
    Some(match (first, last) {
        ("", last) => {
            let last = number(last)?;
            bytes.map(|byte| u128::from(size) - byte <= last).collect()
        }
        (first, "") => {
            let first = number(first)?;
            bytes.map(|byte| byte >= first).collect()
        }
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if first.min(u128::from(u64::MAX)) > last.min(u128::from(u64::MAX)) {
                return None;
            }
            bytes.map(|byte| (first..=last).contains(&byte)).collect()
        }
    })
}

fn number(digits: &str) -> Option<u128> {
    let well_formed = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    well_formed.then(|| digits.parse().unwrap_or(u128::MAX)) // all digits, so it can only be too large
}

fn run_around(byte: usize, marks: &[Vec<bool>]) -> Range<u64> {
    let marked = |byte: &usize| marks.iter().any(|spec| spec.get(*byte) == Some(&true));
    let start = (0..=byte).rev().take_while(marked).last().expect("the byte itself is marked");
    let end = (byte..).find(|byte| !marked(byte)).expect("a file ends");
    start as u64..end as u64
}
