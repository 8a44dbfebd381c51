use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::report::{Report, Topic};
use crate::program::{FOOBAR, Program};

pub(super) fn examine(report: &mut Report, program: Option<Program>) {
    match program {
        Some(program) => report.ok(Topic::Versions, format_args!("{program}, built on {FOOBAR}")),
        None => report.ok(Topic::Versions, FOOBAR),
    }
    match rustc() {
        Some(version) => report.ok(Topic::Versions, version),
        None => report.ok(Topic::Versions, "no rustc in PATH; it is needed to build, not to run"),
    }
}

/// What `rustc --version` prints.
fn rustc() -> Option<String> {
    let mut command = Command::new("rustc");
    command.arg("--version").env("RUSTUP_AUTO_INSTALL", "0"); // a toolchain that is missing is not to be downloaded
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?; // there is none
    let output = within(PATIENCE, child)?;
    Some(output.trim().to_owned()).filter(|version| !version.is_empty())
}

const PATIENCE: Duration = Duration::from_secs(5);

/// The little that a program prints that ends by itself within this time; else it is ended.
fn within(time: Duration, mut child: Child) -> Option<String> {
    let end = Instant::now() + time;
    while child.try_wait().is_ok_and(|status| status.is_none()) {
        if Instant::now() >= end {
            drop(child.kill()); // it has ended meanwhile
            drop(child.wait()); // the same
            return None;
        }
        sleep(Duration::from_millis(5));
    }
    let mut text = String::new();
    child.stdout.take()?.read_to_string(&mut text).ok()?; // no text, no version
    Some(text)
}
