//! The log of the program: its settings, and the subscriber that writes it. No library code installs it; the program's
//! `main` does.
//!
//! It has a queue and a thread: where nobody reads its output, lines are lost and the site goes on; how many is told
//! once there is room.

mod format;
mod kind;
mod lines;
mod output;
mod queue;
mod repeats;
mod summary;

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tracing::level_filters::LevelFilter;
use tracing::{Dispatch, Level, Metadata, Subscriber};
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::layer::{Layered, SubscriberExt};
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

use self::lines::Lines;
use self::output::{Output, Writer};
use self::queue::{Next, Queue};
use self::repeats::{Counted, Repeats};
use crate::config::settings;

pub use self::format::LogFormat;
pub use self::output::LogOutput;

settings! {
    /// `[log]`: what this program says about itself. Where the program has installed a tracing subscriber of its own,
    /// that one is used, and nothing of this counts.
    pub struct LogSettings in "log" {
        /// What is logged: a level (`error`, `warn`, `info`, `debug`, `trace`) or tracing directives such as
        /// `"info,foobar_web=debug"`. What repeats is counted: in each second the first 5 lines of a kind are written,
        /// at most 100 of one place in the code and 500 in all (then still the first of each place), and at its end a
        /// line for each kind, or place, says how many more there were (`repeated`). Lines are of one kind if they
        /// differ in nothing but the fields `request`, `request_id`, `method`, `path`, `uri`, `target`, `client` and
        /// `remote`. `debug` and `trace` are written whole. At most 1024 lines wait for a reader that is too slow; it
        /// is told how many more were lost.
        pub filter: LogFilter = r#""info""#,
        /// How lines look: `text` for people, `json` for machines. In JSON the lines that are printed at the start,
        /// such as the addresses, and the reason why a start has failed are lines of the log, so that all of it is
        /// JSON.
        pub format: LogFormat = r#""text""#,
        /// Where it goes: `stderr`, `stdout`, or the path of a file. A file is appended to; it is re-opened on SIGUSR1,
        /// and where it has been moved away.
        pub output: LogOutput = r#""stderr""#,
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

impl LogFilter {
    /// Whether errors of a module are logged.
    pub fn keeps_errors_of(&self, module: &str) -> bool {
        let rules = self.0.split(',').map(|rule| rule.rsplit_once('=').unwrap_or(("", rule))); // a level for all
        let applying = rules.filter(|(target, _)| module.starts_with(target));
        applying.max_by_key(|(target, _)| target.len()).is_some_and(|(_, level)| !level.eq_ignore_ascii_case("off"))
    }
}

/// `tracing` takes a word that is no level for a target, and so a typo for silence.
fn is_directive(text: &str) -> bool {
    let level = text.rsplit_once('=').map_or(text, |(_, level)| level);
    LEVELS.iter().any(|known| level.eq_ignore_ascii_case(known))
}

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// The target of events that the program prints as well: no lines of the log, and there for layers of its own.
pub const PRINTED: &str = "foobar::printed";

/// A layer of the program's own, beside the lines of the log.
pub type BoxedLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// The log, made and not installed: [`subscriber`](Self::subscriber) goes to `tracing`, then [`start`](Self::start)
/// begins to write.
pub struct ProgramLog {
    log: Log,
    writer: Writer,
}

impl ProgramLog {
    /// Opens the output of `settings`, which makes its file.
    pub fn open(settings: &LogSettings) -> io::Result<Self> {
        Ok(Self { log: Log::new(settings.format), writer: Writer::open(&settings.output)? })
    }

    /// What `tracing` is to be given for the whole process. `layers` see every event and span, whatever `settings`
    /// filter and count; each brings a filter of its own. One without a filter that has a level sees no spans of h2.
    pub fn subscriber(&self, settings: &LogSettings, layers: Vec<BoxedLayer>) -> Dispatch {
        self.log.subscriber(settings, layers)
    }

    /// Begins to write, by a thread of its own: where nobody reads the output, lines are dropped and the server goes
    /// on. Keep what it returns until the end of the process.
    pub fn start(self) -> io::Result<LogQueue> {
        self.log.start(self.writer)
    }
}

/// The lines on their way to the output. Dropped, it sums up what has repeated and waits until all is written, a second
/// at most.
pub struct LogQueue(Log);

impl LogQueue {
    /// Opens the file anew, as after it was moved away.
    pub fn reopen(&self) {
        self.0.queue.reopen();
    }

    /// What changes the settings of the log while it is written.
    pub fn control(&self) -> LogControl {
        LogControl(self.0.clone())
    }
}

/// Changes the settings of a log that is written.
#[derive(Clone)]
pub struct LogControl(Log);

impl LogControl {
    /// Opens the output of `settings`; what this gives takes it, the filter and the format. Lines that have been logged
    /// before go to the output before, in the format before.
    pub fn prepare(&self, settings: &LogSettings) -> io::Result<impl FnOnce() + Send + use<>> {
        let (writer, filter, log) = (Writer::open(&settings.output)?, settings.filter.clone(), self.0.clone());
        let format = settings.format;
        Ok(move || {
            log.queue.replace(Box::new(writer), format);
            let unchanged = log.filter.get().map_or(Ok(()), |handle| handle.reload(EnvFilter::new(&filter.0)));
            if let Err(error) = unchanged {
                tracing::error!(%error, "the filter of the log stays as it was");
            }
        })
    }
}

#[derive(Clone)]
struct Log {
    queue: Arc<Queue>,
    repeats: Repeats,
    filter: Arc<OnceLock<FilterHandle>>,
}

/// What changes the filter of a subscriber that is installed.
type FilterHandle = reload::Handle<EnvFilter, Layered<Option<Vec<BoxedLayer>>, Registry>>;

/// How long repetitions are counted until they are summed up.
const SECOND: Duration = Duration::from_secs(1);
/// How long the end of the process waits for the last lines.
const LAST_WORDS: Duration = Duration::from_secs(1);

impl Log {
    fn new(format: LogFormat) -> Self {
        Self { queue: Arc::new(Queue::new(format)), repeats: Repeats::default(), filter: Arc::default() }
    }

    fn subscriber(&self, settings: &LogSettings, layers: Vec<BoxedLayer>) -> Dispatch {
        Dispatch::new(self.layered(settings, layers))
    }

    fn layered(&self, settings: &LogSettings, layers: Vec<BoxedLayer>) -> impl Subscriber + use<> {
        let layers: Vec<_> = layers.into_iter().map(without_frames).collect();
        let layers = (!layers.is_empty()).then_some(layers); // an empty list would turn everything off
        let lines = Lines::new(Arc::clone(&self.queue));
        let (filter, handle) = reload::Layer::new(EnvFilter::new(&settings.filter.0));
        self.filter.get_or_init(|| handle);
        // A filter that names no level would have every span of every library made, those of h2 for each frame.
        let unprinted = filter_fn(|metadata| metadata.target() != PRINTED).with_max_level_hint(LevelFilter::TRACE);
        let filter = filter.and(unprinted);
        let lines = Counted { lines, repeats: self.repeats.clone() }.with_filter(filter);
        Registry::default().with(layers).with(lines)
    }

    fn start(self, output: impl Output) -> io::Result<LogQueue> {
        let log = self.clone();
        std::thread::Builder::new().name("foobar-log".to_owned()).spawn(move || log.write(Box::new(output)))?;
        Ok(LogQueue(self))
    }

    /// Sums up a second after the first line that has come since; without a line there is nothing to sum up.
    fn write(&self, mut output: Box<dyn Output>) {
        let (mut tick, mut unwritten) = (None, 0);
        loop {
            match self.queue.next(tick) {
                Next::Write(line) => {
                    match output.put(&line) {
                        Ok(()) => self.queue.lose(std::mem::take(&mut unwritten)), // told by the next sum
                        Err(_) => unwritten += 1,
                    }
                    tick = tick.or_else(|| Some(Instant::now() + SECOND));
                }
                Next::Tick => {
                    tick = None;
                    self.sum_up();
                }
                Next::Reopen => output.reopen(),
                Next::Replace(other) => output = other,
                Next::End => return self.queue.closed(output),
            }
        }
    }

    fn sum_up(&self) {
        self.repeats.sum_up(self.queue.take_lost());
    }
}

/// h2 makes several spans for each frame. They are made for a layer that asks for them, by a filter that lets them pass.
fn without_frames(layer: BoxedLayer) -> BoxedLayer {
    if layer.max_level_hint().is_some() {
        return layer;
    }
    let is_of_frames = |metadata: &Metadata<'_>| {
        metadata.is_span() && metadata.target().split("::").next() == Some("h2") && *metadata.level() > Level::WARN // and finer
    };
    let filter = filter_fn(move |metadata| !is_of_frames(metadata)).with_max_level_hint(LevelFilter::TRACE);
    layer.with_filter(filter).boxed()
}

impl Drop for LogQueue {
    fn drop(&mut self) {
        self.0.sum_up();
        self.0.queue.close(LAST_WORDS);
    }
}

#[cfg(test)]
mod tests;
