use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use foobar_core::LogFile;

use crate::Error;
use crate::counters::Counters;

/// Where the lines of the access log go.
#[derive(Clone)]
pub(crate) enum Sink {
    Off,
    Stdout,
    File(LogFile),
}

/// What the thread that writes is told.
pub(crate) enum Lines {
    /// Some lines of one worker.
    Batch { text: Vec<u8>, lines: u64, counters: Arc<Counters> },
    /// To open the file anew, as it may have been moved away.
    Reopen,
}

impl Sink {
    /// Opens what `web.access_log` names.
    pub(crate) fn open(target: &str) -> Result<Self, Error> {
        match target {
            "off" => Ok(Self::Off),
            "stdout" => Ok(Self::Stdout),
            word if !LogFile::is_path(word) => {
                let message = format!("{word:?} is not accepted; write \"stdout\", \"off\" or the path of a file");
                Err(Error::setting("web.access_log", message))
            }
            path => match LogFile::open("the access log", Path::new(path)) {
                Ok(file) => Ok(Self::File(file)),
                Err(source) => Err(Error::Open { key: "web.access_log".to_owned(), path: path.into(), source }),
            },
        }
    }

    fn reopen(&mut self) {
        if let Self::File(file) = self {
            file.reopen();
        }
    }

    fn write(&mut self, text: &[u8]) -> io::Result<()> {
        match self {
            Self::Off => Ok(()),
            Self::Stdout => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(text)?;
                stdout.flush()
            }
            Self::File(file) => file.write(text),
        }
    }
}

/// Where workers send their lines, and the work of the thread that writes them; `None` if nothing is logged.
///
/// The thread ends when all workers have dropped their senders.
pub(crate) fn writer(sink: Sink) -> Option<(SyncSender<Lines>, impl FnOnce() + Send + 'static)> {
    if matches!(sink, Sink::Off) {
        return None;
    }
    let (sender, batches) = sync_channel(BATCHES);
    Some((sender, move || write_all(sink, &batches)))
}

/// The batches that may wait: with their size, some megabytes.
const BATCHES: usize = 64;

fn write_all(mut sink: Sink, orders: &Receiver<Lines>) {
    let mut failing = false;
    for order in orders {
        let (text, lines, counters) = match order {
            Lines::Batch { text, lines, counters } => (text, lines, counters),
            Lines::Reopen => {
                sink.reopen();
                continue;
            }
        };
        let written = sink.write(&text);
        if written.is_err() {
            counters.log_lines_lost(lines);
        }
        match (written, failing) {
            (Err(error), false) => {
                let path = if let Sink::File(file) = &sink { file.path() } else { Path::new("stdout") };
                tracing::error!(%error, "cannot write the access log {}; its lines are lost until it can", path.display());
                failing = true;
            }
            (Ok(()), true) => failing = false,
            _ => {}
        }
    }
}
