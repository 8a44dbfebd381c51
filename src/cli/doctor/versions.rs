use std::io::{BufRead, BufReader, Read};
use std::process::{ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

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

/// What `rustc --version` prints. It may be anything with this name, and it is ended when it has said enough, or for too long
/// nothing.
fn rustc() -> Option<String> {
    let mut command = Command::new("rustc");
    command.arg("--version").env("RUSTUP_AUTO_INSTALL", "0"); // a toolchain that is missing is not to be downloaded
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?; // there is none
    let line = child.stdout.take().and_then(|output| first_line(output, PATIENCE));
    drop(child.kill()); // it has ended by itself
    drop(child.wait()); // the same
    let line: String = line?.chars().filter(|letter| !letter.is_control()).collect();
    Some(line.trim().to_owned()).filter(|version| !version.is_empty())
}

const PATIENCE: Duration = Duration::from_secs(5);
/// In bytes.
const LONGEST_LINE: u64 = 200;

/// What is printed within this time. A thread waits for it, as somebody else may keep the output open for ever.
fn first_line(output: ChildStdout, time: Duration) -> Option<String> {
    let (sender, line) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = BufReader::new(output.take(LONGEST_LINE)).read_until(b'\n', &mut bytes);
        drop(sender.send(read.map(|_length| bytes))); // it came too late
    });
    let bytes = line.recv_timeout(time).ok()?.ok()?; // no line, no version
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
