use std::path::Path;
use std::process::Command;

/// The same command with another clock, such as `+1d` or `@2001-02-03 04:05:06`, and without a rustc, which hangs there.
pub(crate) fn at_clock(clock: &str, command: &Command) -> Command {
    faked(command, |other| other.env("FAKETIME", clock))
}

/// The same with a clock that goes by the content of a file, such as `+1d`: it jumps when that changes.
pub(crate) fn at_clock_of(file: &Path, command: &Command) -> Command {
    faked(command, |other| other.env("FAKETIME_TIMESTAMP_FILE", file).env("FAKETIME_NO_CACHE", "1"))
}

/// By the library of faketime alone: the program of this name would stay, and wait for what it has started.
fn faked(command: &Command, clock: impl FnOnce(&mut Command) -> &mut Command) -> Command {
    let library = Command::new("faketime").args(["-f", "+0", "printenv", "LD_PRELOAD"]).output();
    let library = String::from_utf8(library.expect("faketime is installed").stdout).unwrap();
    let mut other = Command::new("env");
    other.arg("PATH=").arg(format!("LD_PRELOAD={}", library.trim())).arg(command.get_program());
    other.args(command.get_args()).current_dir(command.get_current_dir().unwrap());
    other.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("NO_FAKE_STAT", "1").env("TZ", "UTC");
    other.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    clock(&mut other);
    other
}
