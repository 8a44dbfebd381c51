//! Signals to programs that follow one another, and what an operator sees of an upgrade that is under way.

use super::{Site, number_after, signal, until_gone};
use crate::support::{Client, Program, until};

/// A download that the program before finishes, after an upgrade; the process of the new program too.
fn with_a_download_in_flight(site: &Site, program: &Program) -> (Client, u32) {
    let mut download = program.client();
    download.send("GET /bytes/30000000 HTTP/1.1\r\nHost: a\r\n\r\n");
    until("the answer has begun", || site.run("status").1.contains("one connection with a request").then_some(()));
    let new = site.upgrade();
    site.until_logged(": stopping");
    (download, new)
}

#[test]
fn a_signal_to_stop_the_old_and_the_new_program_cuts_off_no_download() {
    let site = Site::new();
    let mut program = site.start();
    let (mut download, new) = with_a_download_in_flight(&site, &program);
    signal(new, "TERM");
    program.signal("TERM");
    site.until_logged("told to stop: what is under way is finished all the same; a second signal stops at once");
    until_gone(new);
    assert_eq!(download.answer("GET").body.len(), 30_000_000);
    assert_eq!(program.end().code(), Some(0));
}

#[test]
fn a_second_signal_after_an_upgrade_stops_at_once() {
    let site = Site::new();
    let mut program = site.start();
    let (_download, _new) = with_a_download_in_flight(&site, &program);
    program.signal("TERM");
    site.until_logged("told to stop");
    program.signal("TERM");
    assert_eq!(program.end().code(), Some(3));
}

#[test]
fn an_upgrade_that_is_under_way_is_seen() {
    let site = Site::new();
    let mut program = site.start();
    site.install_script("exec sleep 600");
    program.signal("USR2");
    let status = until("status tells of it", || {
        let status = site.run("status").1;
        status.contains("\nupgrade        to process ").then_some(status)
    });
    assert_ne!(number_after(&status, "upgrade        to process "), program.id());
    let seconds = until("the figure grows", || {
        let metrics = program.admin("/metrics");
        let line = metrics.text().lines().find(|line| line.starts_with("foobar_upgrade_seconds "))?.to_owned();
        (line != "foobar_upgrade_seconds 0").then_some(line)
    });
    assert!(seconds.split(' ').nth(1).unwrap().parse::<f64>().unwrap() > 0.0, "{seconds}");
    program.signal("TERM");
    assert_eq!(program.end().code(), Some(0));
}
