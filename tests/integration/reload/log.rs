//! The format of the log changes while it is written.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::Value;

use super::{Site, page};
use crate::support::{Program, until};

/// The configuration with a log in this format.
fn with_format(format: &str, more: &str) -> String {
    format!("{}[log]\nformat = '{format}'\n{more}", page("version 1"))
}

fn json(line: &str) -> Option<Value> {
    serde_json::from_str(line).ok()
}

/// Whether it is a whole line for people: a time, a level, and where it comes from.
fn is_text(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let is_time = words.next().is_some_and(|time| time.starts_with("20") && time.ends_with('Z'));
    is_time && words.next().is_some_and(|level| ["ERROR", "WARN", "INFO"].contains(&level)) && !line.contains("{\"")
}

/// How many events a line stands for.
fn events(line: &str) -> usize {
    let repeated = match json(line) {
        Some(line) => line["fields"]["repeated"].as_u64().map(|count| count.to_string()),
        None => line.split_once("repeated=").map(|(_, count)| count.to_owned()),
    };
    repeated.map_or(1, |count| count.trim().parse().unwrap()) // a line of its own
}

/// Asks for what is logged until it is to end; how many times it did.
fn ask(program: &Program, is_over: &AtomicBool, asked: &AtomicUsize) {
    let mut client = program.client();
    while !is_over.load(Ordering::Relaxed) {
        client.get("/noise/1");
        asked.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn the_format_of_the_log_changes_and_changes_back_and_no_line_is_lost_or_of_both() {
    let site = Site::new("");
    let path = site.path("program.log");
    let output = format!("output = {path:?}\n");
    site.write(&with_format("text", &output));
    let program = site.start();
    let log = || fs::read_to_string(&path).unwrap();
    let (is_over, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| ask(&program, &is_over, &asked));
        }
        until("something is logged", || (asked.load(Ordering::Relaxed) > 0).then_some(()));
        for (number, format) in (1..).zip(["json", "text"]) {
            site.write(&with_format(format, &output));
            program.signal("HUP");
            until("it is reloaded", || {
                (log().matches("the configuration has been reloaded").count() == number).then_some(())
            });
        }
        is_over.store(true, Ordering::Relaxed);
    });
    program.signal("TERM");
    program.wait();
    let log = log();
    let mut formats: Vec<_> = log.lines().map(|line| json(line).is_some()).collect();
    formats.dedup();
    assert_eq!(formats, [false, true, false], "{log}");
    let broken = log.lines().find(|line| json(line).is_none() && !is_text(line));
    assert_eq!(broken, None);
    let told = log.lines().filter(|line| line.contains("told by tracing")).map(events);
    assert_eq!(told.sum::<usize>(), asked.into_inner());
}

#[test]
fn a_log_in_json_may_begin_in_a_file_of_its_own() {
    let site = Site::new("");
    let output = |name: &str| format!("output = {:?}\n", site.path(name));
    site.write(&with_format("text", &output("before.log")));
    let program = site.start();
    site.write(&with_format("json", &output("after.log")));
    program.signal("HUP");
    until("it is reloaded", || {
        let log = fs::read_to_string(site.path("after.log")).ok()?; // it is made by the reload
        log.contains("the configuration has been reloaded").then_some(())
    });
    program.signal("TERM");
    program.wait();
    let read = |name: &str| fs::read_to_string(site.path(name)).unwrap();
    assert!(read("after.log").lines().all(|line| json(line).is_some()), "{}", read("after.log"));
    assert!(read("before.log").lines().all(is_text), "{}", read("before.log"));
}

/// A program with a subscriber or a layer of its own, and its folder with a configuration.
fn logging(choice: &str, folder: &Path) -> Command {
    fs::write(folder.join("foobar.toml"), "[log]\nformat = 'text'\n").unwrap();
    let mut command = Program::example("logging", folder);
    command.env("LOGGING_AS", choice);
    command
}

fn change_to_json(program: &Program, folder: &Path) {
    fs::write(folder.join("foobar.toml"), "[log]\nformat = 'json'\n").unwrap();
    program.signal("HUP");
}

#[test]
fn a_layer_of_the_program_goes_on_beside_a_log_whose_format_has_changed() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(&mut logging("layer", folder.path()));
    change_to_json(&program, folder.path());
    let told = program.until_logged("the configuration has been reloaded");
    assert_eq!(json(&told).expect("it is JSON")["fields"]["changed"], "log.format");
    assert_eq!(program.get("/").text(), "told");
    while program.line() != "the layer has seen: told by a handler" {}
    let line = program.until_logged("told by a handler");
    assert_eq!(json(&line).expect("it is JSON")["target"], "logging");
}

#[test]
fn a_subscriber_of_the_program_goes_on_and_a_reload_says_that_the_settings_of_the_log_have_no_effect() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(&mut logging("subscriber", folder.path()));
    change_to_json(&program, folder.path());
    let told = program.until_logged("`log.format`");
    let expected = "foobar.toml:2: `log.format`: the program has a log of its own, and `[log]` has no effect";
    assert!(told.starts_with(" WARN ") && told.ends_with(expected), "{told}");
    assert_eq!(program.until_logged("reloaded"), " INFO the configuration has been reloaded");
}
