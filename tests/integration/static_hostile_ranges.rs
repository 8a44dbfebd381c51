//! `Range` fields that ask for more work than a file is worth.

use std::fmt::Write;

use crate::support::{Answer, Program};

const SIZE: u64 = 1_000_000;
/// What an answer may have besides the content of the file.
const ALLOWANCE: u64 = 64 << 10;

/// A program that serves `/file` of `SIZE` bytes and `/empty`.
struct Site {
    program: Program,
    content: Vec<u8>,
    _folder: tempfile::TempDir,
}

impl Site {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let content: Vec<u8> = (0..SIZE).map(|at| (at % 251) as u8).collect();
        std::fs::write(folder.path().join("file"), &content).unwrap();
        std::fs::write(folder.path().join("empty"), "").unwrap();
        let program = Program::start(Program::foobar(folder.path()).args(["--root", "."]));
        Self { program, content, _folder: folder }
    }

    fn ask(&self, method: &str, path: &str, range: &str) -> Answer {
        let answer = self.program.client().request(method, path, &format!("Range: {range}\r\n"), b"");
        let most = SIZE + ALLOWANCE;
        assert!(answer.body.len() as u64 <= most, "{} bytes for {range:.80}", answer.body.len());
        answer
    }

    /// It is answered as if it were not there.
    fn is_ignored(&self, range: &str) {
        let answer = self.ask("GET", "/file", range);
        assert_eq!((answer.status, answer.header("content-range")), (200, None), "{range:.80}");
        assert!(answer.body == self.content, "{range:.80}");
    }

    fn is_unsatisfiable(&self, range: &str) {
        let answer = self.ask("GET", "/file", range);
        assert_eq!((answer.status, answer.header("content-range")), (416, Some("bytes */1000000")), "{range:.80}");
    }
}

fn list(count: u64, spec: impl Fn(u64) -> String) -> String {
    let mut list = "bytes=".to_owned();
    for number in 0..count {
        write!(list, "{}{}", if number == 0 { "" } else { "," }, spec(number)).unwrap();
    }
    list
}

#[test]
fn a_range_that_is_asked_for_a_thousand_times_is_ignored() {
    let site = Site::start();
    site.is_ignored(&list(1300, |_| "0-".to_owned()));
    site.is_ignored(&list(1300, |number| format!("{}-", 5 + number)));
    site.is_ignored("bytes=0-,0-");
}

#[test]
fn many_ranges_are_ignored_whether_they_overlap_touch_or_neither() {
    let site = Site::start();
    site.is_ignored(&list(1000, |number| format!("{number}-{number}")));
    site.is_ignored(&list(1000, |number| format!("{number}-{}", number + 500)));
    site.is_ignored(&list(1000, |number| format!("{}-{}", number * 900, number * 900)));
    site.is_ignored(&list(257, |number| format!("{}-{}", number * 900, number * 900)));
}

#[test]
fn as_many_ranges_as_updaters_ask_for_are_served_and_those_that_overlap_or_touch_as_one() {
    let site = Site::start();
    for count in [2, 20, 127, 256] {
        let answer = site.ask("GET", "/file", &list(count, |number| format!("{}-{}", number * 900, number * 900)));
        assert_eq!(answer.status, 206, "{count}");
        let parts = answer.body.windows(14).filter(|text| text.eq_ignore_ascii_case(b"content-range:")).count();
        assert_eq!(parts as u64, count);
    }
    for range in
        [list(16, |number| format!("{number}-{number}")), "bytes=0-7,4-15".to_owned(), "bytes=8-15,0-7".to_owned()]
    {
        let answer = site.ask("GET", "/file", &range);
        assert_eq!((answer.status, answer.header("content-range")), (206, Some("bytes 0-15/1000000")), "{range}");
        assert_eq!(answer.body, site.content[..16], "{range}");
    }
}

#[test]
fn numbers_beyond_all_files_neither_wrap_around_nor_panic() {
    let site = Site::start();
    site.is_ignored("bytes=-9223372036854775608,0-");
    site.is_ignored("bytes=-9223372036854775608,-9223372036854775608");
    for range in [
        "bytes=18446744073709551615-",
        "bytes=18446744073709551615-18446744073709551615",
        "bytes=18446744073709551616-",
        "bytes=9223372036854775807-",
        "bytes=9223372036854775808-99999999999999999999999999",
        "bytes=-0",
        "bytes=1000000-",
    ] {
        site.is_unsatisfiable(range);
    }
    for range in ["bytes=-9223372036854775808", "bytes=-18446744073709551616", "bytes=0-18446744073709551615"] {
        let answer = site.ask("GET", "/file", range);
        assert_eq!((answer.status, answer.header("content-range")), (206, Some("bytes 0-999999/1000000")), "{range}");
        assert!(answer.body == site.content, "{range}");
    }
}

#[test]
fn a_field_that_names_no_range_is_ignored() {
    let site = Site::start();
    for range in ["", "bytes=", "bytes", "bytes=,", "bytes=-", "bytes= ", "=", "=0-1", "items=0-1", "bytes=1-0", "0-1"]
    {
        site.is_ignored(range);
    }
}

#[test]
fn a_range_of_an_empty_file_is_ignored() {
    let site = Site::start();
    for range in ["bytes=0-", "bytes=-1", "bytes=0-0", "bytes=1-", "bytes=-18446744073709551616"] {
        let answer = site.ask("GET", "/empty", range);
        assert_eq!((answer.status, answer.body.len()), (200, 0), "{range}");
    }
}

#[test]
fn only_get_has_ranges() {
    let site = Site::start();
    let head = site.ask("HEAD", "/file", "bytes=0-0");
    assert_eq!((head.status, head.header("content-length")), (200, Some("1000000")));
    let post = site.ask("POST", "/file", "bytes=0-0");
    assert_eq!((post.status, post.header("allow")), (405, Some("GET, HEAD, OPTIONS")));
}

#[test]
fn two_range_fields_are_ignored() {
    let site = Site::start();
    site.is_ignored("bytes=0-0\r\nRange: bytes=2-2");
}
