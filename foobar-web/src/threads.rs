//! The threads of a tier: starting them, telling them to drain, and the accept loop of each worker (`accept.rs`),
//! where connections meet the protocol they speak. It must not know what a request is.
//!
//! Idle connections end before descriptors do: near the limit, each further connection takes the place of the one that
//! has been idle longest, so that files can still be opened.

mod accept;
mod handshake;
mod orders;
mod protocol;
mod proxied;
mod running;
mod side_threads;
mod worker_thread;

use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use foobar_core::{Metrics, Readiness};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout_at};

use crate::Error;
use crate::access_log::Lines;
use crate::counters::{self, Counters};
use crate::gate::Gate;
use crate::net::{Acceptor, Share, Turn};
use crate::plan::Plan;
use orders::Reload;
use running::Count;
use side_threads::{Counts, SideThreads, spawn};
use worker_thread::{Ready, Reports, WorkerThread};

pub(crate) use accept::serve_all;
pub(crate) use orders::{Order, Orders};
pub(crate) use worker_thread::WorkerMain;

/// The threads of a web tier: its workers, and those beside them.
pub(crate) struct Threads {
    counters: OnceLock<Vec<Arc<Counters>>>,
    gate: Arc<Gate>,
    drain: watch::Sender<Option<Instant>>,
    turn: watch::Sender<Turn>,
    counts: Counts,
    state: Mutex<State>,
}

/// What changes while they run.
#[derive(Default)]
struct State {
    side: SideThreads,
    /// Where each worker is told of another configuration.
    reloads: Vec<mpsc::UnboundedSender<Reload>>,
    /// What watches the sockets of each worker; from their start until a drain.
    runtimes: Vec<Handle>,
    /// How many threads there should be; `None` before the start.
    expected: Option<usize>,
}

impl Threads {
    pub(crate) fn new() -> Self {
        let (drain, turn) = (watch::Sender::new(None), watch::Sender::new(Turn::default()));
        let count = || Count::new(watch::Sender::new(0));
        let counts = Counts { running: count(), logging: count() };
        Self { counters: OnceLock::new(), gate: Arc::default(), drain, turn, counts, state: Mutex::default() }
    }

    /// Starts one thread for each work, and returns when all of them are at it.
    pub(crate) async fn start(&self, plan: &Plan, works: Vec<WorkerMain>) -> Result<(), Error> {
        let workers = works.len();
        let counters: Vec<_> = works.iter().map(|_| Arc::new(Counters::new(plan.sites.route_ids.clone()))).collect();
        self.counters.set(counters.clone()).map_err(|_| Error::Started)?;
        let (ready, reports) = mpsc::unbounded_channel();
        let spawned = self.spawn_all(plan, works, &counters, &ready);
        drop(ready);
        let started = match spawned {
            Ok(()) => all_ready(workers, reports).await,
            Err(error) => Err(error),
        };
        match started {
            Ok(runtimes) => self.state().runtimes = runtimes,
            Err(error) => {
                self.order_drain(Instant::now());
                return Err(error);
            }
        }
        Ok(())
    }

    /// Has all workers go by `plan`, which came after `before`; each listens on its part of `shares` from then on, and on
    /// nothing else. All that may fail comes before the first worker is told, so an error has changed nothing. Gives what is to be
    /// said of workers that have not got to it within [`RELOAD_TIME`]: it waits for them, and nobody waits for them.
    pub(crate) async fn reload(
        &self,
        before: &Plan,
        plan: &Plan,
        shares: Vec<Vec<Share>>,
    ) -> Result<Vec<String>, Error> {
        let kept = self.state().side.lines.clone().filter(|_| before.access_log == plan.access_log);
        let acceptors = self.acceptors(shares)?;
        let side = SideThreads::spawn(plan, kept, &self.counts)?;
        let answers = self.tell_workers(plan, side, acceptors)?;
        let (deadline, mut late) = (Instant::now() + RELOAD_TIME, Vec::new());
        for (number, answer) in answers.into_iter().enumerate() {
            match timeout_at(deadline, answer).await {
                Ok(Ok(())) => {}
                Ok(Err(_gone)) if self.is_draining() => return Err(Error::NotServing),
                Ok(Err(_gone)) => late.push(has_ended(number)),
                Err(_elapsed) => late.push(is_late(number)),
            }
        }
        Ok(late)
    }

    /// Not ready once a thread has ended that nobody told to.
    pub(crate) fn readiness(&self) -> Readiness {
        let expected = self.state().expected;
        match expected {
            None => Readiness::not("it has not started"),
            Some(_) if self.is_draining() => Readiness::not("it is draining"),
            Some(expected) if *self.counts.running.borrow() + *self.counts.logging.borrow() < expected => {
                Readiness::not("a worker thread has ended unexpectedly")
            }
            Some(_) => Readiness::Ready,
        }
    }

    pub(crate) fn turn(&self) -> Turn {
        *self.turn.borrow()
    }

    /// Has the workers accept connections, or leave them to another process.
    pub(crate) fn set_turn(&self, turn: Turn) {
        self.turn.send_replace(turn);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.drain.borrow().is_some()
    }

    /// How many workers there are.
    pub(crate) fn workers(&self) -> usize {
        self.state().reloads.len()
    }

    /// Has the access log re-opened.
    pub(crate) fn reopen_log(&self) {
        if let Some(Err(error)) = self.state().side.lines.as_ref().map(|lines| lines.try_send(Lines::Reopen)) {
            tracing::error!(%error, "the access log is not re-opened: it is too far behind, or has ended");
        }
    }

    /// Returns when all threads have ended. The workers have until [`LAST_WORDS`] after the deadline; then the log has
    /// [`LAST_LINES`].
    pub(crate) async fn drain(&self, deadline: std::time::Instant) {
        self.drain_workers(Instant::from_std(deadline)).await;
        self.state().side.lines.take(); // the log's thread ends with its last sender
        let mut logging = self.counts.logging.subscribe();
        let ended = logging.wait_for(|logging| *logging == 0);
        if timeout_at(Instant::now() + LAST_LINES, ended).await.is_err() {
            tracing::warn!("the access log takes no more lines; the last ones are lost");
        }
    }

    /// Has the workers begin to drain; from then on no reload begins.
    pub(crate) fn order_drain(&self, deadline: Instant) {
        self.drain.send_replace(Some(deadline));
        let mut state = self.state();
        state.side.end();
        state.runtimes.clear();
    }

    async fn drain_workers(&self, deadline: Instant) {
        self.order_drain(deadline);
        let mut running = self.counts.running.subscribe();
        let mut ended = pin!(running.wait_for(|running| *running == 0));
        if timeout_at(deadline.min(Instant::now() + FIRST_LOOK), &mut ended).await.is_ok() {
            return;
        }
        let (connections, left) = (counters::active(self.counters()), deadline.duration_since(Instant::now()));
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
        self.gate.metrics(metrics);
    }

    pub(crate) const fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    fn counters(&self) -> &[Arc<Counters>] {
        self.counters.get().map_or(&[], Vec::as_slice)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner) // it is whole at any time
    }

    fn spawn_all(
        &self,
        plan: &Plan,
        works: Vec<WorkerMain>,
        counters: &[Arc<Counters>],
        ready: &Ready,
    ) -> Result<(), Error> {
        let side = SideThreads::spawn(plan, None, &self.counts)?;
        self.gate.set_limits(plan.gate);
        let mut state = self.state();
        state.expected = Some(works.len() + side.count());
        for (number, (work, counters)) in works.into_iter().zip(counters).enumerate() {
            let name = name(number);
            let (lines, gate) = (side.lines.clone(), Arc::clone(&self.gate));
            let thread = WorkerThread { number, plan: plan.clone(), lines, counters: counters.clone(), gate };
            let (reloads, told) = mpsc::unbounded_channel();
            let (orders, ready) = (Orders::new(self.drain.subscribe(), self.turn.subscribe(), told), ready.clone());
            spawn(name, &self.counts.running, move || thread.run(work, orders, &ready))?;
            state.reloads.push(reloads);
        }
        state.side = side;
        Ok(())
    }

    /// What each worker is to listen on, watched by its runtime already; nothing of one that has ended, and its runtime with it.
    fn acceptors(&self, shares: Vec<Vec<Share>>) -> Result<Vec<Vec<Acceptor>>, Error> {
        let state = self.state();
        let watched = |((runtime, worker), shares): ((&Handle, &mpsc::UnboundedSender<Reload>), Vec<Share>)| {
            let _context = runtime.enter();
            let shares = shares.into_iter().filter(|_| !worker.is_closed());
            shares.map(Acceptor::new).collect::<io::Result<Vec<_>>>()
        };
        let workers = state.runtimes.iter().zip(&state.reloads);
        workers.zip(shares).map(watched).collect::<io::Result<_>>().map_err(Error::Reload)
    }

    /// Gives what each of them will answer. Once they drain, `side` has no use.
    fn tell_workers(
        &self,
        plan: &Plan,
        side: SideThreads,
        acceptors: Vec<Vec<Acceptor>>,
    ) -> Result<Vec<oneshot::Receiver<()>>, Error> {
        let mut state = self.state();
        if self.is_draining() {
            return Err(Error::NotServing);
        }
        self.gate.set_limits(plan.gate);
        state.expected = Some(state.reloads.len() + side.count());
        state.side = side;
        let lines = &state.side.lines;
        let tell = |(worker, acceptors): (&mpsc::UnboundedSender<Reload>, Vec<Acceptor>)| {
            let (done, answer) = oneshot::channel();
            let reload = Reload { plan: plan.clone(), lines: lines.clone(), acceptors, done };
            drop(worker.send(reload)); // a worker that has ended does not answer
            answer
        };
        Ok(state.reloads.iter().zip(acceptors).map(tell).collect())
    }
}

/// How long a reload waits for workers whose handlers do not yield.
const RELOAD_TIME: Duration = Duration::from_secs(3);
/// What a drain waits before it speaks of it.
const FIRST_LOOK: Duration = Duration::from_millis(50);
/// What a drain waits beyond its deadline for connections to be dropped.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// What it waits for lines to be written, also where the machine is busy.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Waits until all of them are at it; their runtimes, by their numbers.
async fn all_ready(workers: usize, mut reports: Reports) -> Result<Vec<Handle>, Error> {
    let mut ready = Vec::new();
    while ready.len() < workers {
        ready.push(reports.recv().await.unwrap_or_else(|| Err(died()))?); // it sent nothing: it panicked
    }
    ready.sort_by_key(|(number, _)| *number);
    Ok(ready.into_iter().map(|(_, runtime)| runtime).collect())
}

fn name(worker: usize) -> String {
    format!("foobar-web-{worker}")
}

fn is_late(worker: usize) -> String {
    let name = name(worker);
    format!("the worker {name} goes by the configuration before until its handler, which blocks the thread, yields")
}

fn has_ended(worker: usize) -> String {
    format!("the worker {} has ended and serves nothing; restart", name(worker))
}

fn died() -> Error {
    Error::Application("a worker thread ended before it was ready".into())
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
