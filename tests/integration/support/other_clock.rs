use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

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
    let mut other = Command::new("env");
    other.arg("PATH=").arg(format!("LD_PRELOAD={}", library())).arg(command.get_program());
    other.args(command.get_args()).current_dir(command.get_current_dir().unwrap());
    other.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("NO_FAKE_STAT", "1").env("TZ", "UTC");
    other.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    clock(&mut other);
    other
}

/// Where Debian puts it. The program would tell, but fails where one before it with the same number has left its memory.
fn library() -> &'static str {
    static LIBRARY: LazyLock<String> = LazyLock::new(|| {
        let find = ["-L", "/usr/lib", "/usr/local/lib", "-name", "libfaketimeMT.so.1", "-print", "-quit"];
        let found = Command::new("find").args(find).output().expect("find is installed").stdout;
        let library = String::from_utf8(found).expect("a path of Debian's").trim().to_owned();
        assert!(!library.is_empty(), "libfaketimeMT.so.1 is nowhere in /usr/lib: it comes with faketime");
        library
    });
    &LIBRARY
}
