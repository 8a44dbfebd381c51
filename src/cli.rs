//! The command line that every program built on a [`Server`](crate::Server) has.

use std::ffi::OsString;
use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use foobar_core::config::Config;
use foobar_core::{BoxError, Chain};

use crate::composition::Composition;
use crate::server::Parts;
use crate::settings::AllSettings;
use crate::{Server, StartError};

mod arguments;
mod check;
mod migrate;
mod routes;
mod serve;
mod signals;

use arguments::{Arguments, Command};

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

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

pub(crate) fn run(server: Server, arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::parse(arguments) {
        Ok(arguments) => arguments,
        Err(usage) => {
            let exit = if usage.use_stderr() { Exit::Usage } else { Exit::Success };
            drop(usage.print()); // without a standard error there is nobody to tell
            return exit.into();
        }
    };
    let Server { loader, parts } = server;
    match arguments.load(loader) {
        Ok(config) => command(arguments.command, config, parts).into(),
        Err(error) => fail(&error).into(),
    }
}

fn command(command: Command, config: Config, parts: Parts) -> Exit {
    match command {
        Command::Config => match AllSettings::parse(&config) {
            Ok(_) => print_config(&config),
            Err(error) => fail(&error.into()),
        },
        Command::Reference => out(crate::reference().trim_end()),
        _ => match Composition::compile(config, parts) {
            Err(error) => fail(&error),
            Ok(composition) => match command {
                Command::Check => check::run(&composition),
                Command::Migrate(action) => migrate::run(&composition, action),
                Command::Routes => routes::run(&composition),
                _ => serve::run(composition),
            },
        },
    }
}

/// Prints every effective value as TOML with its origin, then the keys that have none.
fn print_config(config: &Config) -> Exit {
    for entry in config.entries() {
        out(format_args!("{} = {}  # {}", entry.key, entry.value, entry.origin));
    }
    for key in config.absent() {
        out(format_args!("# {key} is not set"));
    }
    Exit::Success
}

/// Prints why, with all causes, and gives the exit code.
fn fail(error: &StartError) -> Exit {
    complain(Chain(error));
    if error.is_configuration() { Exit::Usage } else { Exit::Failure }
}

/// One line on standard output. A reader that has gone away is no reason to stop.
fn out(line: impl Display) -> Exit {
    drop(writeln!(std::io::stdout(), "{line}")); // see above
    Exit::Success
}

/// One line on standard error.
fn complain(message: impl Display) -> Exit {
    drop(writeln!(std::io::stderr(), "error: {message}")); // nobody is left to tell
    Exit::Failure
}

/// The runtime of the control plane: one thread, since requests run on the workers' own.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// Runs a short command.
fn block_on<T>(work: impl Future<Output = Result<T, BoxError>>) -> Result<T, BoxError> {
    runtime()?.block_on(work)
}
