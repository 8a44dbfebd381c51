use std::io;
use std::panic::resume_unwind;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use foobar_core::{Handler, LocalBoxFuture};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::spawn_local;

use super::orders::{Orders, Reload};
use crate::Error;
use crate::access_log::{AccessLog, Lines};
use crate::clock::Clock;
use crate::counters::{Counters, Patterns};
use crate::gate::{Door, Gate};
use crate::pipeline::Pipeline;
use crate::plan::Plan;
use crate::worker::{Connections, Latest, ScratchBuffers, Worker};

/// A worker to be.
pub(super) struct WorkerThread {
    pub(super) number: usize,
    pub(super) plan: Plan,
    pub(super) lines: Option<SyncSender<Lines>>,
    pub(super) counters: Arc<Counters>,
    pub(super) gate: Arc<Gate>,
}

/// What one worker does, once it is ready for it.
pub(crate) type WorkerMain = Box<dyn FnOnce(Rc<Worker>, Orders) -> io::Result<LocalBoxFuture<'static, ()>> + Send>;

/// Where a worker says whether it could begin.
pub(super) type Ready = mpsc::UnboundedSender<Report>;
pub(super) type Reports = mpsc::UnboundedReceiver<Report>;
/// Its number, and the runtime of its thread.
type Report = Result<(usize, Handle), Error>;

/// What of a worker stays when its configuration changes.
struct Lasting {
    handler: Rc<dyn Handler>,
    door: Rc<Door>,
    counters: Arc<Counters>,
    clock: Rc<Clock>,
    connections: Rc<Connections>,
    latest: Rc<Latest<Worker>>,
}

impl WorkerThread {
    /// The whole life of a worker's thread.
    pub(super) fn run(self, work: WorkerMain, orders: Orders, ready: &Ready) {
        let app = self.plan.app.clone();
        let (number, reports) = (self.number, ready.clone());
        let life = async move {
            let started = self.make().await.and_then(|worker| work(worker, orders).map_err(thread_error));
            match started {
                Ok(work) => {
                    report(&reports, Ok((number, Handle::current())));
                    run_aside(work).await;
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
        let connections = Rc::new(Connections::new(self.plan.limits.connections, self.counters.clone()));
        let (clock, latest) = (Rc::default(), Rc::default());
        let door = Door::of(self.gate);
        let lasting = Lasting { handler, door, counters: self.counters, clock, connections, latest };
        Ok(lasting.under(&self.plan, self.lines))
    }
}

/// The same worker under another configuration. All its connections go by it with their next request.
pub(super) fn replace(worker: &Worker, plan: &Plan, lines: Option<SyncSender<Lines>>) -> Rc<Worker> {
    let lasting = Lasting {
        handler: worker.pipeline.handler.renewed().unwrap_or_else(|| Rc::clone(&worker.pipeline.handler)), // it stays
        door: Rc::clone(&worker.pipeline.door),
        counters: Arc::clone(&worker.pipeline.counters),
        clock: Rc::clone(&worker.clock),
        connections: Rc::clone(&worker.connections),
        latest: Rc::clone(&worker.latest),
    };
    let replacement = lasting.under(plan, lines);
    replacement.connections.set_most(plan.limits.connections);
    replacement.connections.wake_all();
    replacement
}

impl Reload {
    /// What takes the place of a worker that listens on nothing.
    pub(crate) fn apply(self, worker: &Worker) -> Rc<Worker> {
        let replacement = replace(worker, &self.plan, self.lines);
        _ = self.done.send(()); // whoever waited for it has given up
        replacement
    }
}

impl Lasting {
    fn under(self, plan: &Plan, lines: Option<SyncSender<Lines>>) -> Rc<Worker> {
        let Self { handler, door, counters, clock, connections, latest } = self;
        let log = Rc::new(AccessLog::new(plan.log_style.clone(), lines, counters.clone(), clock.clone()));
        spawn_local(log.flush_regularly());
        let patterns = Patterns::new(plan.sites.route_ids.clone());
        let (clients, sites, maintenance) = (plan.clients.clone(), plan.sites.clone(), plan.maintenance.clone());
        let pipeline = Pipeline { clients, sites, maintenance, door, handler, log, counters, patterns };
        let (limits, tls, buffers) = (plan.limits, plan.tls.clone(), ScratchBuffers::default());
        let worker = Rc::new(Worker { pipeline, limits, connections, tls, clock, buffers, latest });
        worker.latest.set(&worker);
        worker
    }
}

/// Runs the work as a task of its own, which is polled when there is something for it: what a thread waits for itself is polled
/// whenever one of its tasks has run.
async fn run_aside(work: LocalBoxFuture<'static, ()>) {
    if let Err(panicked) = spawn_local(work).await {
        resume_unwind(panicked.into_panic()); // nobody aborts it
    }
}

fn thread_error(source: io::Error) -> Error {
    let name = std::thread::current().name().unwrap_or_default().to_owned(); // workers have names
    Error::Thread { name, source }
}

fn report(ready: &Ready, outcome: Report) {
    if let Err(late) = ready.send(outcome)
        && let Err(error) = late.0
    {
        tracing::error!(error = %foobar_core::Chain(&error), "a worker thread has ended");
    }
}
