//! The trials of faults between a site and its database, each for some seconds; on files, and on what `MysqlServer` starts.

use std::path::Path;
use std::process::Output;

use crate::support::Program;

const ON_SERVERS: &[&str] = &[
    "server-killed",
    "server-shut-down",
    "server-stopped",
    "server-read-only",
    "server-full",
    "black-hole",
    "black-hole-to-server",
    "black-hole-to-program",
    "slow-network",
    "connections-reset",
    "connections-half-open",
    "connections-cut",
    "connections-killed",
    "deadlocks",
];
const ON_FILES: &[&str] = &["file-locked", "file-moved-away"];
const ON_BOTH: &[&str] = &["disk-full", "deadlines", "program-killed", "program-stopped", "two-starts"];

fn faults(arguments: &[&str]) -> Output {
    Program::example("faults", Path::new(".")).args(arguments).output().unwrap()
}

#[test]
fn no_fault_loses_or_doubles_a_write_or_leaves_a_request_without_an_answer() {
    let output = faults(&[]);
    let (table, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}\n{table}");
    let rows = |fault: &str| table.lines().filter(|line| line.split(" | ").nth(1) == Some(fault)).count();
    for (faults, engines) in [(ON_SERVERS, 1), (ON_FILES, 1), (ON_BOTH, 2)] {
        faults.iter().for_each(|fault| assert_eq!(rows(fault), engines, "{fault}\n{table}"));
    }
    assert_eq!(table.lines().filter(|line| line.ends_with(" |")).count(), 26 + 1, "a fault is missing here\n{table}");
}

#[test]
fn the_trials_find_a_write_that_is_lost_one_that_is_doubled_and_one_that_was_refused() {
    let expected = [
        ("lose", "acknowledged and lost: 1,"),
        ("double", "written twice: 1,"),
        ("undo", "refused with 503 and written all the same: 1,"),
    ];
    for (sabotage, found) in expected {
        let output = faults(&["--sabotage", sabotage, "sqlite/file-moved-away"]);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains(&format!("FAILED sqlite/file-moved-away: {found}")), "{told}");
    }
}
