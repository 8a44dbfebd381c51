//! The log while a command runs: Foobar's, or that of the program, where it has installed a subscriber itself.

use std::fmt::Display;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foobar_core::config::Config;
use foobar_core::log::{BoxedLayer, LogFormat, LogOutput, LogQueue, LogSettings, ProgramLog};
use foobar_core::{Chain, LogFile};
use foobar_web::{Error as WebError, WebSettings};
use rustix::fs::{Access, OFlags};
use rustix::io::Errno;
use tracing::dispatcher;
use tracing::level_filters::LevelFilter;
use tracing_log::log::set_max_level;
use tracing_log::{AsLog, LogTracer};

use super::output::{self, Exit};
use crate::StartError;
use crate::reload::{PrepareLog, TakeLog};

/// What is logged goes somewhere for as long as this lives.
pub(super) struct InstalledLog {
    /// `None` where the program has its own.
    queue: Option<LogQueue>,
    /// At the start.
    format: LogFormat,
    failures: Arc<Mutex<Failures>>,
}

/// Where it is told why a command has failed.
#[derive(Clone, Copy)]
enum Failures {
    /// On standard error, as text: it is no log, or the filter of that drops even errors.
    Printed,
    /// In the log, which is JSON on standard error.
    Logged,
    /// In both: the log is elsewhere, and whoever has started the program looks at standard error.
    PrintedAndLogged,
}

impl InstalledLog {
    /// Installs the log of `settings` for the whole process, unless there is one; what is wrong has been told.
    pub(super) fn install(config: &Config, settings: &LogSettings, layers: Vec<BoxedLayer>) -> Result<Self, Exit> {
        let log = open(config, settings).map_err(|error| output::fail(&error))?;
        let has_layers = !layers.is_empty();
        match dispatcher::set_global_default(log.subscriber(settings, layers)) {
            Ok(()) => {
                let queue =
                    log.start().map_err(|error| output::complain(format_args!("no thread for the log: {error}")))?;
                take_log_crate();
                let failures = Arc::new(Mutex::new(Failures::of(settings)));
                Ok(Self { queue: Some(queue), format: settings.format, failures })
            }
            Err(_) if has_layers => Err(output::complain(LAYERS_WITHOUT_LOG)),
            Err(_) => {
                say_that_it_is_the_programs(config);
                Ok(Self { queue: None, format: LogFormat::Text, failures: Arc::new(Mutex::new(Failures::Printed)) })
            }
        }
    }

    /// Whether all that goes where the log goes at the start has to be JSON.
    pub(super) const fn is_json(&self) -> bool {
        matches!(self.format, LogFormat::Json)
    }

    /// Warns where the access log goes to the same place.
    pub(super) fn warn_of_clash(&self, config: &Config, settings: &LogSettings, access_log: &str) {
        let clash = self.queue.as_ref().and_then(|_| clash(config, settings, access_log));
        clash.iter().for_each(|warning| tracing::warn!("{warning}"));
    }

    /// Opens its file anew, as after it was moved away.
    pub(super) fn reopen(&self) {
        self.queue.iter().for_each(LogQueue::reopen);
    }

    /// What opens the log of other settings, and takes it; `None` where the program has its own.
    pub(super) fn prepare(&self) -> Option<PrepareLog> {
        let (control, failures) = (self.queue.as_ref()?.control(), Arc::clone(&self.failures));
        Some(Arc::new(move |config, settings| {
            let _opened = check(config, settings)?;
            let take = control.prepare(settings).map_err(|error| cannot_open(config, settings, &error))?;
            let (failures, told) = (Arc::clone(&failures), Failures::of(settings));
            let take: TakeLog = Box::new(move || {
                take();
                set_max_level(LevelFilter::current().as_log());
                *failures.lock().unwrap_or_else(PoisonError::into_inner) = told;
            });
            Ok(take)
        }))
    }

    /// Tells why, with all causes, and gives the exit code.
    pub(super) fn fail(&self, error: &StartError) -> Exit {
        let in_file = matches!(*self.failures(), Failures::PrintedAndLogged);
        if in_file && error.is_of_another_server() {
            return output::fail(error); // the file is that of the other one
        }
        self.complain(with_hint(Chain(error).to_string()));
        Exit::of(error)
    }

    /// Tells of a failure.
    pub(super) fn complain(&self, message: impl Display) -> Exit {
        let failures = *self.failures();
        match failures {
            Failures::Printed => return output::complain(message),
            Failures::Logged => tracing::error!("{message}"),
            Failures::PrintedAndLogged => {
                tracing::error!("{message}");
                output::print_error(message);
            }
        }
        Exit::Failure
    }

    fn failures(&self) -> MutexGuard<'_, Failures> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner) // it is whole at any time
    }
}

impl Failures {
    fn of(settings: &LogSettings) -> Self {
        match (&settings.output, settings.format) {
            (LogOutput::Stderr, LogFormat::Json) if settings.filter.keeps_errors_of(module_path!()) => Self::Logged,
            (LogOutput::Stderr, _) => Self::Printed,
            (LogOutput::Stdout | LogOutput::File(_), _) => Self::PrintedAndLogged,
        }
    }
}

fn open(config: &Config, settings: &LogSettings) -> Result<ProgramLog, StartError> {
    let _opened = check(config, settings)?;
    ProgramLog::open(settings).map_err(|error| cannot_open(config, settings, &error))
}

/// Whether the log's file could be opened; one that is not there yet is not made. Who opens it next keeps this until then: the
/// reader of a FIFO may go with its last writer.
pub(super) fn check(config: &Config, settings: &LogSettings) -> Result<Option<File>, StartError> {
    let LogOutput::File(path) = &settings.output else { return Ok(None) };
    can_append(path).map_err(|error| cannot_open(config, settings, &error))
}

/// The same of the access log.
pub(super) fn check_access_log(config: &Config) -> Result<Option<File>, StartError> {
    const KEY: &str = "web.access_log";
    let Some(path) = access_log(&config.section()?) else { return Ok(None) };
    let opened = can_append(&path).map_err(|source| WebError::Open { key: KEY.to_owned(), path, source });
    opened.map_err(|error| StartError::setting(config, KEY, error))
}

/// The file of the access log, if it has one.
pub(super) fn access_log(web: &WebSettings) -> Option<PathBuf> {
    LogFile::is_path(&web.access_log).then(|| PathBuf::from(&web.access_log))
}

/// Whether the file of a log could be opened, or made. A FIFO would be waited for until somebody reads it.
fn can_append(path: &Path) -> io::Result<Option<File>> {
    let no_waiting = OFlags::NONBLOCK.bits().cast_signed();
    match OpenOptions::new().append(true).custom_flags(no_waiting).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => may_be_made(path).map(|()| None),
        Err(error) if error.raw_os_error() == Some(Errno::NXIO.raw_os_error()) => Err(io::Error::other(NO_READER)),
        opened => opened.map(Some),
    }
}

const NO_READER: &str = "it is a FIFO or a socket that nobody reads; start its reader first, or write to a file";

/// A warning where the access log goes to the same place, whose readers want one of the two.
pub(super) fn clash(config: &Config, settings: &LogSettings, access_log: &str) -> Option<String> {
    let is_same = match &settings.output {
        LogOutput::Stderr => false,
        LogOutput::Stdout => access_log == "stdout",
        LogOutput::File(path) => {
            let absolute = |path: &Path| std::path::absolute(path).ok(); // an empty path, which is refused elsewhere
            !matches!(access_log, "stdout" | "off") && absolute(path) == absolute(Path::new(access_log))
        }
    };
    is_same.then(|| format!("{}: {SAME_PLACE}", config.origin("log.output")))
}

const SAME_PLACE: &str = "`log.output`: the access log (`web.access_log`) goes to the same place, so their lines are mixed; \
     send one of them elsewhere";

/// Whether a file can be made there.
pub(super) fn may_be_made(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")); // a bare name
    Ok(rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK)?)
}

fn cannot_open(config: &Config, settings: &LogSettings, error: &io::Error) -> StartError {
    let path = if let LogOutput::File(path) = &settings.output { path.display().to_string() } else { String::new() };
    StartError::setting(config, "log.output", format!("`log.output`: cannot open {path}: {error}"))
}

const LAYERS_WITHOUT_LOG: &str = "the program has installed a tracing subscriber of its own, so there is none for the \
     layers of `Server::layer`; add them to that subscriber, or leave the subscriber to `Server::run`";

/// What is told to the `log` crate is in the log too, unless the program has a logger for it.
fn take_log_crate() {
    let tracer = LogTracer::builder().with_max_level(LevelFilter::current().as_log());
    if tracer.init().is_err() {
        tracing::info!("the program has a logger of the `log` crate of its own: what it gets is not in this log");
    }
}

fn say_that_it_is_the_programs(config: &Config) {
    const MESSAGE: &str = "the tracing subscriber that the program has installed is used; `[log]` has no effect";
    let is_set = |key| config.origin(key) != "default";
    if ["log.filter", "log.format", "log.output"].into_iter().any(is_set) {
        tracing::warn!("{MESSAGE}");
    } else {
        tracing::info!("{MESSAGE}");
    }
}

/// With what to do where the program has tried to install a second subscriber or logger.
fn with_hint(message: String) -> String {
    const OF_A_SECOND: [&str; 2] =
        ["a global default trace dispatcher has already been set", "the logging system was already initialized"];
    if OF_A_SECOND.iter().any(|words| message.contains(words)) {
        return format!(
            "{message}; `Server::run` has installed its own: install yours before it, and it is used, or give its layers to \
             `Server::layer`"
        );
    }
    message
}
