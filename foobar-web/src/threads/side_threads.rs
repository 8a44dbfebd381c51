use std::io::{self, PipeReader, PipeWriter};
use std::sync::mpsc::{Sender, SyncSender, channel};
use std::thread::Builder;

use super::running::{Count, Running};
use crate::Error;
use crate::access_log::{Lines, writer};
use crate::file_source::{Watch, say_what_is_refused};
use crate::net::renew;
use crate::plan::Plan;

/// The threads beside the workers, which come and go with a configuration: the one that writes the access log, the one that
/// listens for changes of files, and the one that looks for changed certificates. The last two end when this is dropped, the
/// log's with its last sender.
#[derive(Default)]
pub(super) struct SideThreads {
    pub(super) lines: Option<SyncSender<Lines>>,
    /// As long as it is open, the thread that listens for changes of files does.
    listening: Option<PipeWriter>,
    /// As long as it is there, the thread that looks for changed certificates goes on.
    renewing: Option<Sender<()>>,
}

/// Which threads are running: those that write the log end after the others.
pub(super) struct Counts {
    pub(super) running: Count,
    pub(super) logging: Count,
}

impl SideThreads {
    /// Those of a plan; `lines` is where its access log goes if that has a thread already.
    pub(super) fn spawn(plan: &Plan, lines: Option<SyncSender<Lines>>, counts: &Counts) -> Result<Self, Error> {
        if plan.store.serves_files() {
            say_what_is_refused();
        }
        let lines = match lines {
            Some(lines) => Some(lines),
            None => log(plan, &counts.logging)?,
        };
        Ok(Self { lines, listening: watch(plan, &counts.running)?, renewing: look(plan, &counts.running)? })
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        let is_there = [self.lines.is_some(), self.listening.is_some(), self.renewing.is_some()];
        is_there.into_iter().filter(|is_there| *is_there).count()
    }

    /// Ends all but the log's.
    pub(super) fn end(&mut self) {
        drop((self.listening.take(), self.renewing.take()));
    }
}

fn log(plan: &Plan, logging: &Count) -> Result<Option<SyncSender<Lines>>, Error> {
    let Some((lines, write)) = writer(plan.log.clone()) else { return Ok(None) };
    spawn("foobar-web-log".to_owned(), logging, write)?;
    Ok(Some(lines))
}

fn watch(plan: &Plan, running: &Count) -> Result<Option<PipeWriter>, Error> {
    let Some(watch) = plan.store.watching() else { return Ok(None) };
    let name = "foobar-web-watch".to_owned();
    let (until, end) = io::pipe().map_err(|source| Error::Thread { name: name.clone(), source })?;
    watch.begin(); // before the first request, not when the thread comes to it
    spawn(name, running, move || listen(&watch, &until))?;
    Ok(Some(end))
}

/// The whole life of the thread that listens for changes of files.
fn listen(watch: &Watch, until: &PipeReader) {
    if let Err(error) = watch.listen(until) {
        tracing::error!(%error, "changes of files are not told of any more; they are seen after web.file_cache_valid");
    }
}

fn look(plan: &Plan, running: &Count) -> Result<Option<Sender<()>>, Error> {
    let Some(tls) = plan.tls.clone() else { return Ok(None) };
    let (renewing, until) = channel();
    spawn("foobar-web-tls".to_owned(), running, move || renew(&tls, &until))?;
    Ok(Some(renewing))
}

/// Starts a thread, which counts for as long as it lives.
pub(super) fn spawn(name: String, count: &Count, work: impl FnOnce() + Send + 'static) -> Result<(), Error> {
    let running = Running::new(count.clone());
    let thread = Builder::new().name(name.clone()).spawn(move || {
        let _running = running;
        work();
    });
    thread.map(drop).map_err(|source| Error::Thread { name, source })
}
