//! The threads of a tier: starting them, telling them to drain, and the accept loop of each worker (`accept.rs`),
//! where connections meet the protocol they speak. It must not know what a request is.
//!
//! Idle connections end before descriptors do: near the limit, each further connection takes the place of the one that
//! has been idle longest, so that files can still be opened.

mod accept;
mod handshake;
mod protocol;
mod proxied;

use std::io::{self, PipeReader, PipeWriter};
use std::pin::pin;
use std::rc::Rc;
use std::sync::mpsc::{Sender, SyncSender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::Builder;
use std::time::Duration;

use foobar_core::{LocalBoxFuture, Metrics, Readiness};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout_at};

use crate::Error;
use crate::access_log::{AccessLog, Lines, writer};
use crate::clock::Clock;
use crate::counters::{self, Counters, Patterns};
use crate::file_source::{Watch, say_what_is_refused};
use crate::net::renew;
use crate::pipeline::Pipeline;
use crate::plan::Plan;
use crate::worker::{Connections, ScratchBuffers, Worker};

pub(crate) use accept::serve_all;

/// The threads of a web tier: its workers, the one that writes the access log, the one that listens for changes of
/// files, and the one that looks for changed certificates.
pub(crate) struct Threads {
    counters: OnceLock<Vec<Arc<Counters>>>,
    drain: watch::Sender<Option<Instant>>,
    running: Count,
    logging: Count,
    /// As long as it is open, the thread that listens for changes of files does.
    listening: Mutex<Option<PipeWriter>>,
    /// As long as it is there, the thread that looks for changed certificates goes on.
    renewing: Mutex<Option<Sender<()>>>,
    lines: Mutex<Option<SyncSender<Lines>>>,
    spawned: OnceLock<usize>,
}

/// What one worker does, once it is ready for it.
pub(crate) type WorkerMain = Box<dyn FnOnce(Rc<Worker>, DrainSignal) -> io::Result<LocalBoxFuture<'static, ()>> + Send>;

/// Tells a worker when to drain.
pub(crate) struct DrainSignal(watch::Receiver<Option<Instant>>);

impl DrainSignal {
    /// Completes when a drain begins, with its deadline.
    pub(crate) async fn drain(mut self) -> Instant {
        let order = self.0.wait_for(Option::is_some).await.ok(); // the crew is gone: at once
        order.and_then(|order| *order).unwrap_or_else(Instant::now)
    }
}

impl Threads {
    pub(crate) fn new() -> Self {
        let (drain, _) = watch::channel(None);
        let (running, logging) = (watch::Sender::new(0), watch::Sender::new(0));
        Self {
            counters: OnceLock::new(),
            drain,
            running: running.into(),
            logging: logging.into(),
            lines: Mutex::default(),
            listening: Mutex::default(),
            renewing: Mutex::default(),
            spawned: OnceLock::new(),
        }
    }

    /// Starts one thread for each work, and returns when all of them are at it.
    pub(crate) async fn start(&self, plan: &Plan, works: Vec<WorkerMain>) -> Result<(), Error> {
        let workers = works.len();
        let counters: Vec<_> = works.iter().map(|_| Arc::new(Counters::new(plan.sites.route_ids.clone()))).collect();
        self.counters.set(counters.clone()).map_err(|_| Error::Started)?;
        let (ready, mut reports) = mpsc::unbounded_channel();
        let spawned = self.spawn_all(plan, works, &counters, &ready);
        drop(ready);
        let mut outcome = spawned.and_then(|threads| self.spawned.set(threads).map_err(|_| Error::Started));
        for _ in 0..workers {
            outcome = outcome.and(reports.recv().await.unwrap_or_else(|| Err(died()))); // it sent nothing: it panicked
            if outcome.is_err() {
                self.order_drain(Instant::now());
                return outcome;
            }
        }
        outcome
    }

    /// Not ready once a thread has ended that nobody told to.
    pub(crate) fn readiness(&self) -> Readiness {
        match self.spawned.get() {
            None => Readiness::not("it has not started"),
            Some(_) if self.drain.borrow().is_some() => Readiness::not("it is draining"),
            Some(spawned) if *self.running.borrow() + *self.logging.borrow() < *spawned => {
                Readiness::not("a worker thread has ended unexpectedly")
            }
            Some(_) => Readiness::Ready,
        }
    }

    /// Has the access log re-opened.
    pub(crate) fn reopen_log(&self) {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Err(error)) = lines.as_ref().map(|lines| lines.try_send(Lines::Reopen)) {
            tracing::error!(%error, "the access log is not re-opened: it is too far behind, or has ended");
        }
    }

    /// Returns when all threads have ended. The workers have until [`LAST_WORDS`] after the deadline; then the log has
    /// [`LAST_LINES`].
    pub(crate) async fn drain(&self, deadline: std::time::Instant) {
        self.drain_workers(Instant::from_std(deadline)).await;
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).take(); // the log's thread ends with its last sender
        let mut logging = self.logging.subscribe();
        let ended = logging.wait_for(|logging| *logging == 0);
        if timeout_at(Instant::now() + LAST_LINES, ended).await.is_err() {
            tracing::warn!("the access log takes no more lines; the last ones are lost");
        }
    }

    fn order_drain(&self, deadline: Instant) {
        self.drain.send_replace(Some(deadline));
        drop(self.listening.lock().unwrap_or_else(PoisonError::into_inner).take());
        drop(self.renewing.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    async fn drain_workers(&self, deadline: Instant) {
        self.order_drain(deadline);
        let mut running = self.running.subscribe();
        let mut ended = pin!(running.wait_for(|running| *running == 0));
        if timeout_at(deadline.min(Instant::now() + FIRST_LOOK), &mut ended).await.is_ok() {
            return;
        }
        let (connections, left) = (counters::open(self.counters()), deadline.duration_since(Instant::now()));
        if connections > 0 && !left.is_zero() {
            tracing::info!(connections, "waiting for connections to finish, at most {left:.1?}");
        }
        if timeout_at(deadline + LAST_WORDS, ended).await.is_err() {
            tracing::warn!("a worker thread of the web tier has not ended; its handler does not yield");
        }
    }

    /// What would be cut off if the process ended now, in words.
    pub(crate) fn unfinished(&self) -> Option<String> {
        match counters::active(self.counters()) {
            0 => None,
            1 => Some("one connection with a request".to_owned()),
            active => Some(format!("{active} connections with requests")),
        }
    }

    pub(crate) fn metrics(&self, metrics: &mut Metrics) {
        counters::scrape(self.counters(), metrics);
    }

    fn counters(&self) -> &[Arc<Counters>] {
        self.counters.get().map_or(&[], Vec::as_slice)
    }

    /// Gives the number of threads.
    fn spawn_all(
        &self,
        plan: &Plan,
        works: Vec<WorkerMain>,
        counters: &[Arc<Counters>],
        ready: &Ready,
    ) -> Result<usize, Error> {
        let workers = works.len();
        let (lines, write) = writer(plan.log.clone()).unzip();
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&lines);
        let others = [write.is_some(), plan.store.watching().is_some(), plan.tls.is_some()];
        let threads = workers + others.into_iter().filter(|is_there| *is_there).count();
        if let Some(write) = write {
            self.spawn("foobar-web-log".to_owned(), &self.logging, write)?;
        }
        if plan.store.serves_files() {
            say_what_is_refused();
        }
        if let Some(watch) = plan.store.watching() {
            let name = "foobar-web-watch".to_owned();
            let (until, end) = io::pipe().map_err(|source| Error::Thread { name: name.clone(), source })?;
            *self.listening.lock().unwrap_or_else(PoisonError::into_inner) = Some(end);
            watch.begin(); // before the first request, not when the thread comes to it
            self.spawn(name, &self.running, move || listen(&watch, &until))?;
        }
        if let Some(tls) = plan.tls.clone() {
            let (renewing, until) = channel();
            *self.renewing.lock().unwrap_or_else(PoisonError::into_inner) = Some(renewing);
            self.spawn("foobar-web-tls".to_owned(), &self.running, move || renew(&tls, &until))?;
        }
        for (number, (work, counters)) in works.into_iter().zip(counters).enumerate() {
            let name = format!("foobar-web-{number}");
            let recruit = WorkerThread { plan: plan.clone(), lines: lines.clone(), counters: counters.clone() };
            let (orders, ready) = (DrainSignal(self.drain.subscribe()), ready.clone());
            self.spawn(name, &self.running, move || recruit.run(work, orders, &ready))?;
        }
        Ok(threads)
    }

    fn spawn(&self, name: String, count: &Count, work: impl FnOnce() + Send + 'static) -> Result<(), Error> {
        let running = Running::new(count.clone());
        let thread = Builder::new().name(name.clone()).spawn(move || {
            let _running = running;
            work();
        });
        thread.map(drop).map_err(|source| Error::Thread { name, source })
    }
}

/// What a drain waits before it speaks of it: idle connections have gone by then.
const FIRST_LOOK: Duration = Duration::from_millis(50);
/// What a drain waits beyond its deadline for connections to be dropped.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// What it waits for lines to be written, also where the machine is busy.
const LAST_LINES: Duration = Duration::from_secs(1);

type Ready = mpsc::UnboundedSender<Result<(), Error>>;

fn died() -> Error {
    Error::Application("a worker thread ended before it was ready".into())
}

/// The whole life of the thread that listens for changes of files.
fn listen(watch: &Watch, until: &PipeReader) {
    if let Err(error) = watch.listen(until) {
        tracing::error!(%error, "changes of files are not told of any more; they are seen after web.file_cache_valid");
    }
}

/// A worker to be.
struct WorkerThread {
    plan: Plan,
    lines: Option<SyncSender<Lines>>,
    counters: Arc<Counters>,
}

impl WorkerThread {
    /// The whole life of a worker's thread.
    fn run(self, work: WorkerMain, orders: DrainSignal, ready: &Ready) {
        let app = self.plan.app.clone();
        let reports = ready.clone();
        let life = async move {
            let started = self.make().await.and_then(|worker| {
                let work = work(worker.clone(), orders).map_err(thread_error)?;
                Ok((worker, work))
            });
            match started {
                Ok((worker, work)) => {
                    report(&reports, Ok(()));
                    tokio::select! {
                        () = work => {}
                        () = worker.pipeline.log.flush_regularly() => {}
                    }
                    worker.pipeline.log.flush();
                }
                Err(error) => report(&reports, Err(error)),
            }
        };
        if let Err(source) = app.block_on(Box::pin(life)) {
            report(ready, Err(thread_error(source)));
        }
    }

    async fn make(self) -> Result<Rc<Worker>, Error> {
        let handler = self.plan.app.make().await.map_err(Error::Application)?;
        let Self { plan, lines, counters } = self;
        let clock = Rc::<Clock>::default();
        let log = Rc::new(AccessLog::new(plan.log_format, lines, counters.clone(), clock.clone()));
        let connections = Rc::new(Connections::new(plan.limits.connections, counters.clone()));
        let patterns = Patterns::new(plan.sites.route_ids.clone());
        let pipeline = Pipeline { clients: plan.clients, sites: plan.sites, handler, log, counters, patterns };
        let (limits, tls) = (plan.limits, plan.tls);
        Ok(Rc::new(Worker { pipeline, limits, connections, tls, clock, buffers: ScratchBuffers::default() }))
    }
}

fn thread_error(source: io::Error) -> Error {
    let name = std::thread::current().name().unwrap_or_default().to_owned(); // workers have names
    Error::Thread { name, source }
}

fn report(ready: &Ready, outcome: Result<(), Error>) {
    if let Err(late) = ready.send(outcome)
        && let Err(error) = late.0
    {
        tracing::error!(error = %foobar_core::Chain(&error), "a worker thread has ended");
    }
}

/// Counts a thread for as long as it lives, however it ends.
struct Running(Count);

type Count = Arc<watch::Sender<usize>>;

impl Running {
    fn new(running: Count) -> Self {
        running.send_modify(|running| *running += 1);
        Self(running)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.send_modify(|running| *running -= 1);
    }
}
