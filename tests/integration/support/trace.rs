use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::until;

/// What a program asks of the system, as strace writes it down.
pub(crate) struct Trace(PathBuf);

/// A system call that has returned.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) thread: u32,
    pub(crate) name: String,
    /// Its arguments and what it gave.
    pub(crate) rest: String,
}

impl Trace {
    /// The command of a program under strace, which writes into a new file of `folder`.
    pub(crate) fn of(program: &Command, options: &[&str], folder: &Path) -> (Command, Self) {
        assert!(Path::new("/usr/bin/strace").exists(), "strace is missing: install it (tests/run does it on Debian)");
        let log = folder.join("strace.log");
        let mut command = Command::new("strace");
        command.args(["-D", "-f"]).args(options).arg("-o").arg(&log).arg("--");
        command.arg(program.get_program()).args(program.get_args()).current_dir(program.get_current_dir().unwrap());
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        (command, Self(log))
    }

    /// All of it, once the program has ended.
    pub(crate) fn text(&self) -> String {
        until("strace has written all", || {
            let log = String::from_utf8_lossy(&std::fs::read(&self.0).unwrap()).into_owned();
            log.lines().last().is_some_and(|line| line.contains("+++ exited with")).then_some(log)
        })
    }

    /// The same, call by call, in the order in which they returned.
    pub(crate) fn calls(&self) -> Vec<Call> {
        let mut begun = HashMap::new();
        self.text().lines().filter_map(|line| call(&mut begun, line)).collect()
    }
}

/// `123 name(arguments) = result`, or the end of a call that those of other threads came between; `begun` are the
/// beginnings of such calls.
fn call(begun: &mut HashMap<u32, String>, line: &str) -> Option<Call> {
    let (thread, text) = line.split_once(' ')?;
    let (thread, text) = (thread.parse().unwrap(), text.trim_start());
    if let Some(text) = text.strip_suffix("<unfinished ...>") {
        begun.insert(thread, text.to_owned());
        return None;
    }
    let text = match text.split_once(" resumed>") {
        Some((_, end)) if text.starts_with("<... ") => begun.remove(&thread)? + end,
        _ => text.to_owned(),
    };
    let (name, rest) = text.split_once('(')?;
    let is_call = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'); // no signal, no end of a thread
    is_call.then(|| Call { thread, name: name.to_owned(), rest: rest.to_owned() })
}
