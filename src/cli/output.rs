use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use foobar_core::Chain;
use foobar_core::log::PRINTED;

use crate::StartError;

/// What a command comes to, as the exit code of the process.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Exit {
    /// Done, with nothing lost.
    Success = 0,
    /// It could not start, also after a wait, or the command failed.
    Failure = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// Requests were cut off, or what a start had begun.
    CutOff = 3,
}

impl Exit {
    /// Of a server that could not start.
    pub(super) const fn of(error: &StartError) -> Self {
        if error.is_configuration() { Self::Usage } else { Self::Failure }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Prints why, with all causes, and gives the exit code.
pub(super) fn fail(error: &StartError) -> Exit {
    complain(Chain(error));
    Exit::of(error)
}

/// One line on standard output. A reader that has gone away is no reason to stop.
pub(super) fn out(line: impl Display) -> Exit {
    drop(writeln!(std::io::stdout(), "{line}")); // see above
    Exit::Success
}

/// What may surprise, on standard error.
pub(super) fn warn(message: impl Display) {
    drop(writeln!(std::io::stderr(), "warning: {message}")); // nobody is left to tell
}

/// One line on standard error; an event too, for a subscriber or a layer of the program's own.
pub(super) fn complain(message: impl Display) -> Exit {
    tracing::error!(target: PRINTED, "{message}");
    print_error(message)
}

/// One line on standard error.
pub(super) fn print_error(message: impl Display) -> Exit {
    drop(writeln!(std::io::stderr(), "error: {message}")); // nobody is left to tell
    Exit::Failure
}
