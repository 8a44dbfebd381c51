//! Set-up of the log, for the program's `main`; no library code calls it.

use std::io::{self, IsTerminal, stderr};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use tracing_subscriber::EnvFilter;

use crate::BoxError;
use crate::config::settings;

settings! {
    /// `[log]`: what this program says about itself, on standard error.
    pub struct LogSettings in "log" {
        /// What is logged: a level (`error`, `warn`, `info`, `debug`, `trace`) or tracing directives such as `"info,foobar_web=debug"`.
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

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

impl TryFrom<String> for LogFormat {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.as_str() {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("write \"text\" or \"json\""),
        }
    }
}

/// Installs a subscriber for the whole process that writes to standard error, by a thread of its own: where nobody
/// reads standard error, lines are dropped and the server goes on.
///
/// Takes what the `log` crate is told too. Fails if a subscriber is there already. Keep what it returns until the end
/// of the process.
pub fn init(settings: &LogSettings) -> Result<LogQueue, BoxError> {
    let queue = LogQueue::start(stderr())?;
    let sender = queue.0.clone();
    let lines = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(&settings.filter.0))
        .with_writer(move || Line(sender.clone()));
    match settings.format {
        LogFormat::Text => lines.with_ansi(stderr().is_terminal()).try_init()?,
        LogFormat::Json => lines.json().try_init()?,
    }
    Ok(queue)
}

/// The lines on their way to standard error. Dropped, it waits for them, a second at most.
pub struct LogQueue(SyncSender<Entry>);

enum Entry {
    Line(Vec<u8>),
    /// Answered once all lines before it have been written.
    Flush(SyncSender<()>),
}

/// How many lines may wait.
const QUEUE: usize = 1024;
/// How long the end of the process waits for them.
const LAST_WORDS: Duration = Duration::from_secs(1);

impl LogQueue {
    fn start(output: impl io::Write + Send + 'static) -> io::Result<Self> {
        let (sender, entries) = sync_channel(QUEUE);
        std::thread::Builder::new().name("foobar-log".to_owned()).spawn(move || write(&entries, output))?;
        Ok(Self(sender))
    }
}

impl Drop for LogQueue {
    fn drop(&mut self) {
        let (written, all) = sync_channel(1);
        if self.0.try_send(Entry::Flush(written)).is_ok() {
            let _too_late = all.recv_timeout(LAST_WORDS);
        }
    }
}

fn write(entries: &Receiver<Entry>, mut output: impl io::Write) {
    for entry in entries {
        match entry {
            Entry::Line(line) => drop(output.write_all(&line)), // nobody is left to tell
            Entry::Flush(written) => drop(written.send(())),    // it may have waited long enough
        }
    }
}

/// One event, which the formatter writes in one go.
struct Line(SyncSender<Entry>);

impl io::Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _full = self.0.try_send(Entry::Line(bytes.to_owned())); // better a lost line than a worker that waits
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// An output that nobody reads.
    struct Stalled(Receiver<()>);

    impl Write for Stalled {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _never = self.0.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_output_that_nobody_reads_holds_nobody() {
        let (_reader, stalled) = sync_channel(0);
        let queue = LogQueue::start(Stalled(stalled)).unwrap();
        for _ in 0..3 * QUEUE {
            Line(queue.0.clone()).write_all(b"line\n").unwrap();
        }
    }

    #[test]
    fn a_filter_is_levels_and_targets_with_levels_and_a_typo_is_neither() {
        for good in ["info", "WARN", "off", "info,foobar_web=debug", "warn, foobar_db=off"] {
            assert!(LogFilter::try_from(good.to_owned()).is_ok(), "{good}");
        }
        for bad in ["inof", "", "info,foobar_web", "foobar_web=debgu", "foobar=nonsense=1"] {
            assert!(LogFilter::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
