use std::sync::{Arc, OnceLock};
use std::time::Instant;

use foobar_core::{BoxError, BoxFuture, Metrics, Readiness, Tier, panics};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout_at;
use tracing::instrument::WithSubscriber;

use crate::Stopping;

/// What an application has spawned: it runs on the server's runtime, and a drain waits for it.
pub(crate) struct Tasks {
    runtime: OnceLock<Handle>,
    phase: watch::Sender<Phase>,
    running: watch::Sender<usize>,
    /// How many were dropped at the end of a drain.
    lost: OnceLock<usize>,
}

#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Phase {
    Serving,
    Stopping,
    /// What still runs is dropped.
    CutOff,
}

impl Tasks {
    pub(crate) fn new() -> Self {
        Self {
            runtime: OnceLock::new(),
            phase: watch::Sender::new(Phase::Serving),
            running: watch::Sender::new(0),
            lost: OnceLock::new(),
        }
    }

    pub(crate) fn spawn(self: &Arc<Self>, work: impl Future<Output = ()> + Send + 'static) {
        let runtime = self.runtime.get().expect(
            "`Context::spawn` needs a server that has begun to start: spawn in `App::start` or later, not in `App::routes`",
        );
        let running = Running::begin(Arc::clone(self));
        let cut_off = self.reached(Phase::CutOff);
        let work = async move {
            let _running = running;
            tokio::select! {
                biased;
                () = cut_off => {}
                done = panics::catch_future(work) => report(done),
            }
        };
        runtime.spawn(work.with_current_subscriber());
    }

    /// Completes when a stop has begun.
    pub(crate) fn stopping(&self) -> Stopping {
        let phases = self.phase.subscribe();
        Stopping::new(move || *phases.borrow() >= Phase::Stopping, self.reached(Phase::Stopping))
    }

    fn reached(&self, phase: Phase) -> impl Future<Output = ()> + Send + use<> {
        let mut phases = self.phase.subscribe();
        async move {
            let _or_the_server_is_gone = phases.wait_for(|now| *now >= phase).await;
        }
    }

    fn enter(&self, phase: Phase) {
        self.phase.send_if_modified(|now| {
            let is_new = *now < phase;
            *now = if is_new { phase } else { *now };
            is_new
        });
    }
}

fn report(done: Result<(), panics::Panic>) {
    if let Err(panic) = done {
        tracing::error!("work that the application has spawned {panic}");
    }
}

impl Tier for Tasks {
    fn name(&self) -> &'static str {
        "tasks"
    }

    fn start(&self) -> BoxFuture<'_, Result<(), BoxError>> {
        self.runtime.get_or_init(Handle::current);
        Box::pin(async { Ok(()) })
    }

    fn readiness(&self) -> Readiness {
        Readiness::Ready
    }

    fn stopping(&self) {
        self.enter(Phase::Stopping);
    }

    fn drain(&self, deadline: Instant) -> BoxFuture<'_, ()> {
        self.enter(Phase::Stopping);
        Box::pin(async move {
            let mut running = self.running.subscribe();
            let all_ended = running.wait_for(|tasks| *tasks == 0);
            if timeout_at(deadline.into(), all_ended).await.is_err() {
                self.lost.get_or_init(|| *self.running.borrow());
                self.enter(Phase::CutOff);
            }
        })
    }

    fn cut_off(&self) -> BoxFuture<'_, ()> {
        self.enter(Phase::CutOff);
        Box::pin(async {})
    }

    fn unfinished(&self) -> Option<String> {
        match self.lost.get().copied().unwrap_or_else(|| *self.running.borrow()) {
            0 => None,
            1 => Some("a task that the application has spawned".to_owned()),
            tasks => Some(format!("{tasks} tasks that the application has spawned")),
        }
    }

    fn metrics(&self, metrics: &mut Metrics) {
        let help = "Tasks that the application has spawned and that have not ended.";
        metrics.gauge("foobar_app_tasks", help, &[], *self.running.borrow());
    }
}

/// A task that runs.
struct Running(Arc<Tasks>);

impl Running {
    fn begin(tasks: Arc<Tasks>) -> Self {
        tasks.running.send_modify(|running| *running += 1);
        Self(tasks)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.send_modify(|running| *running -= 1);
    }
}
