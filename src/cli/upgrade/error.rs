use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

/// Why no other program has taken the place of this one, which serves as before.
#[derive(Debug, thiserror::Error)]
pub(super) enum UpgradeError {
    #[error("another upgrade is under way: wait for its end")]
    UnderWay,
    #[error("the server is stopping")]
    Stopping,
    #[error("requests are held by `pause`, of which the new program would know nothing; `resume` first")]
    Paused,
    #[error("the server has been told to stop meanwhile; the new program has been ended")]
    Stopped,
    #[error("the file of this program is not known (argv[0], `/proc/self/exe`); restart instead")]
    NoProgram,
    #[error("this is process 1: when it ends, so does its container; start another container instead")]
    FirstProcess,
    #[error("`dns.listen`: the sockets of the name server cannot be passed on; restart instead")]
    NameServer,
    #[error("cannot pass the sockets on")]
    Sockets(#[source] io::Error),
    #[error("cannot start {}; put the new program there, executable and for this machine", program.display())]
    Start { program: PathBuf, source: io::Error },
    #[error("the new program ended ({status}) before it was ready{}", quoted(words))]
    Ended { status: ExitStatus, words: String },
    #[error(
        "the new program was not ready within {within:?} (`control.upgrade_timeout`) and has been ended{}",
        quoted(words)
    )]
    Late { within: Duration, words: String },
    #[error("the new program ended ({status}) after it was told to serve{}", quoted(words))]
    EndedServing { status: ExitStatus, words: String },
    #[error(
        "the new program was ready, did not serve within {within:?} after it was told to, and has been ended{}",
        quoted(words)
    )]
    LateTurn { within: Duration, words: String },
    #[error("the new program said {said:?} in the place of `{expected}` and has been ended: is it built on Foobar?")]
    Garbage { said: String, expected: &'static str },
}

fn quoted(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!("; its last words: {words}") }
}
