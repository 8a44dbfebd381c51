//! Set-up of the log, for the program's `main`; no library code calls it.
//!
//! It has a queue and a thread: where nobody reads standard error, lines are lost and the site goes on; how many is told
//! once there is room.

mod kind;
mod queue;
mod repeats;
mod summary;

use std::io::{self, IsTerminal, stderr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::{Dispatch, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use self::queue::{Next, Queue};
use self::repeats::Repeats;
use crate::BoxError;
use crate::config::{choice, settings};

settings! {
    /// `[log]`: what this program says about itself, on standard error.
    pub struct LogSettings in "log" {
        /// What is logged: a level (`error`, `warn`, `info`, `debug`, `trace`) or tracing directives such as
        /// `"info,foobar_web=debug"`. What repeats is counted: in each second the first 5 lines of a kind are written,
        /// at most 100 of one place in the code and 500 in all (then still the first of each place), and at its end a
        /// line for each kind, or place, says how many more there were (`repeated`). Lines are of one kind if they
        /// differ in nothing but the fields `request`, `request_id`, `method`, `path`, `uri`, `target`, `client` and
        /// `remote`. `debug` and `trace` are written whole. At most 1024 lines wait for a reader that is too slow; it
        /// is told how many more were lost.
        pub filter: LogFilter = r#""info""#,
        /// How lines look: `text` for people, `json` for machines.
        pub format: LogFormat = r#""text""#,
    }
}

/// Directives of `tracing`, known to parse.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct LogFilter(String);

impl TryFrom<String> for LogFilter {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let filter = text.replace(' ', "");
        if filter.split(',').all(is_directive) && EnvFilter::try_new(&filter).is_ok() {
            return Ok(Self(filter));
        }
        Err(format!("{text:?} is not a filter; write a level ({}) or TARGET=LEVEL, with commas", LEVELS.join(", ")))
    }
}

/// `tracing` takes a word that is no level for a target, and so a typo for silence.
fn is_directive(text: &str) -> bool {
    let level = text.rsplit_once('=').map_or(text, |(_, level)| level);
    LEVELS.iter().any(|known| level.eq_ignore_ascii_case(known))
}

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

choice! {
    /// How log lines look.
    pub enum LogFormat {
        /// Lines for people.
        Text = "text",
        /// One JSON object a line.
        Json = "json",
    }
}

/// Installs a subscriber for the whole process that writes to standard error, by a thread of its own: where nobody
/// reads standard error, lines are dropped and the server goes on. What repeats is counted and summed up each second.
///
/// Takes what the `log` crate is told too. Fails if a subscriber is there already. Keep what it returns until the end
/// of the process.
pub fn init(settings: &LogSettings) -> Result<LogQueue, BoxError> {
    let log = Log::default();
    log.subscriber(settings, stderr().is_terminal()).try_init()?;
    Ok(log.start(stderr())?)
}

/// The lines on their way to standard error. Dropped, it sums up what has repeated and waits until all is written, a
/// second at most.
pub struct LogQueue(Log);

#[derive(Clone, Default)]
struct Log {
    queue: Arc<Queue>,
    repeats: Repeats,
}

/// How long repetitions are counted until they are summed up.
const SECOND: Duration = Duration::from_secs(1);
/// How long the end of the process waits for the last lines.
const LAST_WORDS: Duration = Duration::from_secs(1);

impl Log {
    fn subscriber(&self, settings: &LogSettings, ansi: bool) -> Dispatch {
        let lines = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new(&settings.filter.0))
            .with_writer(Lines(Arc::clone(&self.queue)));
        match settings.format {
            LogFormat::Text => lines.with_ansi(ansi).finish().with(self.repeats.clone()).into(),
            LogFormat::Json => lines.json().finish().with(self.repeats.clone()).into(),
        }
    }

    fn start(self, output: impl io::Write + Send + 'static) -> io::Result<LogQueue> {
        let log = self.clone();
        std::thread::Builder::new().name("foobar-log".to_owned()).spawn(move || log.write(output))?;
        Ok(LogQueue(self))
    }

    /// Sums up a second after the first line that has come since; without a line there is nothing to sum up.
    fn write(&self, mut output: impl io::Write) {
        let mut tick = None;
        loop {
            match self.queue.next(tick) {
                Next::Write(line) => {
                    drop(output.write_all(&line)); // nobody is left to tell
                    tick = tick.or_else(|| Some(Instant::now() + SECOND));
                }
                Next::Tick => {
                    tick = None;
                    self.sum_up();
                }
                Next::End => return,
            }
        }
    }

    fn sum_up(&self) {
        self.repeats.sum_up(self.queue.take_lost());
    }
}

impl Drop for LogQueue {
    fn drop(&mut self) {
        self.0.sum_up();
        self.0.queue.close(LAST_WORDS);
    }
}

/// Where the formatter writes each event, in one go.
struct Lines(Arc<Queue>);

struct Line<'a> {
    queue: &'a Queue,
    own: bool,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { queue: &self.0, own: false }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Line<'a> {
        Line { queue: &self.0, own: repeats::is_own(metadata) }
    }
}

impl io::Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.own {
            self.queue.push_own(bytes)
        } else {
            self.queue.push(bytes)
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
