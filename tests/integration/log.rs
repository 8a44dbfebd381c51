//! The program's own log where much happens at once: what repeats is counted, and nothing is missing in the sums.

use std::path::Path;
use std::time::Instant;

use serde_json::Value;

use crate::support::{PATIENCE, Program};

/// As many as a fault brings within a moment.
const REQUESTS: usize = 1500;

/// The example program with a log for machines.
fn start(folder: &Path) -> Program {
    let mut command = Program::example("proving", folder);
    command.env("FOOBAR__LOG__FORMAT", "json").env("FOOBAR__WEB__KEEPALIVE_REQUESTS", "1000000");
    Program::start(&mut command)
}

/// What the program logs while it answers to all of these at the same time, and how many times at most it has summed up;
/// `{}` is the number of the request.
fn log_of(paths: &[&str]) -> (Vec<Value>, usize) {
    let folder = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let log = start(folder.path()).log_of(|program, _| {
        std::thread::scope(|scope| {
            for path in paths {
                scope.spawn(|| ask(program, path));
            }
        });
    });
    (log.iter().map(|line| parse(line)).collect(), begun.elapsed().as_secs() as usize + 2)
}

fn ask(program: &Program, path: &str) {
    let mut client = program.client();
    for number in 0..REQUESTS {
        client.get(&path.replace("{}", &number.to_string()));
    }
}

fn parse(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

fn tells_of(line: &Value, text: &str) -> bool {
    line["fields"].to_string().contains(text)
}

/// How many lines tell of this, and how many events they stand for.
fn count(log: &[Value], text: &str) -> (usize, usize) {
    let lines: Vec<_> = log.iter().filter(|line| tells_of(line, text)).collect();
    let events = lines.iter().map(|line| line["fields"]["repeated"].as_u64().unwrap_or(1)); // a line of its own
    (lines.len(), events.sum::<u64>() as usize)
}

#[test]
fn requests_that_fail_alike_are_summed_up_and_none_is_missing() {
    let (log, sums) = log_of(&["/unavailable", "/panic?{}"]);
    for (text, status) in [("the handler gave no reason", 503), ("a handler with a bug", 500)] {
        let (lines, events) = count(&log, text);
        assert_eq!(events, REQUESTS, "{text}");
        assert!(lines <= 6 * sums, "{lines} lines of {text}, summed up {sums} times");
        let alike = |line: &&Value| tells_of(line, text) && line["fields"]["status"] == status;
        assert_eq!(log.iter().filter(alike).count(), lines, "a sum has the values of its kind");
    }
}

#[test]
fn requests_that_each_fail_in_another_way_are_summed_up_too() {
    let (log, sums) = log_of(&["/broken/{}", "/broken/1{}"]);
    let (lines, events) = count(&log, "a request failed");
    assert_eq!(events, 2 * REQUESTS);
    assert!(lines <= 121 * sums, "{lines} lines, summed up {sums} times");
}

#[test]
fn whatever_repeats_is_summed_up_whoever_tells_it() {
    let (log, sums) = log_of(&["/noise/{}", "/stray"]);
    for (text, level, target) in [
        ("told by tracing", "INFO", "proving"),
        ("told by log", "WARN", "proving"),
        ("a thread with a bug", "ERROR", "foobar::cli::serve"),
    ] {
        let (lines, events) = count(&log, text);
        assert_eq!(events, REQUESTS, "{text}");
        assert!(lines <= 6 * sums, "{lines} lines of {text}, summed up {sums} times");
        let mut told = log.iter().filter(|line| tells_of(line, text));
        assert!(told.all(|line| line["level"] == level && line["target"] == target), "{text}");
    }
}

#[test]
fn a_sum_comes_also_when_nothing_more_happens() {
    let folder = tempfile::tempdir().unwrap();
    start(folder.path()).log_of(|program, log| {
        let mut client = program.client();
        for _ in 0..100 {
            assert_eq!(client.get("/unavailable").status, 503);
        }
        let sum = |line: &Value| line["fields"]["repeated"].is_u64();
        while !sum(&parse(&log.recv_timeout(PATIENCE).expect("a sum"))) {}
    });
}
