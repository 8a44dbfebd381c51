mod error;

use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use foobar_core::{Attempt, BoxError, Chain, Metrics, Period, PersistentStart, Tier, on_own_thread, panics};
use tokio::time::{timeout, timeout_at};

use crate::app::migrations_of;
use crate::context::CurrentContext;
use crate::guard::Guard;
use crate::session::layer::SessionLayer;
use crate::{App, Context, SessionsError, every};

pub use error::StartError;

/// An application with what stands under it and around it, shared by all threads.
pub(crate) struct AppInstance<A> {
    pub(crate) app: Arc<A>,
    pub(crate) context: CurrentContext,
    pub(crate) guard: Arc<Guard>,
    /// How sessions are kept, if any; or why they cannot be.
    sessions: Result<Option<Arc<SessionLayer>>, SessionsError>,
    /// How long [`App::start`] may take.
    start_timeout: Duration,
    progress: Mutex<Progress>,
}

/// How often what has expired is removed.
const CLEARING: Period = Period::new(Duration::from_secs(3600));

/// How far the start has come.
struct Progress {
    step: Step,
    /// How long [`App::start`] has taken in the attempts that a deadline of the database has ended.
    interrupted: Duration,
}

/// What a start is at.
enum Step {
    None,
    Migrations,
    App,
    Stop,
}

impl<A: App> AppInstance<A> {
    pub(crate) fn new(app: A, context: Context, guard: Arc<Guard>, start_timeout: Duration) -> Self {
        let start_timeout = if start_timeout.is_zero() { Duration::MAX } else { start_timeout };
        let progress = Mutex::new(Progress { step: Step::None, interrupted: Duration::ZERO });
        let sessions = app.sessions().layer(&context);
        let context = CurrentContext::new(context);
        Self { app: Arc::new(app), context, guard, sessions, start_timeout, progress }
    }

    /// What an end of the process would cut off.
    pub(crate) fn unfinished(&self) -> Option<String> {
        let step = match self.progress().step {
            Step::None => None,
            Step::Migrations => Some("the migrations of the database; if one had begun, the log has named it"),
            Step::App => Some("the application's own start"),
            Step::Stop => Some("the application's own stop"),
        };
        let parts: Vec<_> = step.map(str::to_owned).into_iter().chain(self.tasks().unfinished()).collect();
        Some(parts.join("; ")).filter(|parts| !parts.is_empty())
    }

    /// Begins by `start`, which is this application's; what a start that fails has spawned ends with it.
    pub(crate) async fn begin(&self, start: &PersistentStart<Self>) -> Result<(), BoxError> {
        self.sessions()?;
        let tasks = self.tasks();
        tasks.start().await?;
        let started = start.start().await;
        if started.is_err() {
            tasks.cut_off().await;
        }
        started
    }

    /// How sessions are kept, if any.
    pub(crate) fn sessions(&self) -> Result<Option<&Arc<SessionLayer>>, SessionsError> {
        self.sessions.as_ref().map(Option::as_ref).map_err(|error| *error)
    }

    /// Stops an application that answers no more requests, and waits for what it has spawned.
    pub(crate) async fn end(&self, deadline: Instant) {
        self.stop(deadline).await;
        self.tasks().drain(deadline).await;
    }

    /// The figures of what surrounds it.
    pub(crate) fn metrics(&self, metrics: &mut Metrics) {
        self.guard.metrics(metrics);
        self.tasks().metrics(metrics);
    }

    /// The tier of what it has spawned.
    pub(crate) fn tasks(&self) -> Arc<dyn Tier> {
        self.context.get().tier()
    }

    /// Tells the application, where it has started, that it has other settings.
    pub(crate) async fn reloaded(&self) -> Result<(), BoxError> {
        if !self.guard.gate.is_open() {
            return Ok(());
        }
        self.app.reloaded(&self.context.get()).await
    }

    /// What the application says of a name. One that has not started says nothing.
    pub(crate) async fn allows_certificate(&self, name: &str) -> Result<bool, BoxError> {
        if !self.guard.gate.is_open() {
            return Err("it has not started".into());
        }
        match panics::catch_future(self.app.allows_certificate(&self.context.get(), name)).await {
            Ok(answer) => answer,
            Err(panic) => Err(format!("`allows_certificate` {panic}").into()),
        }
    }

    async fn migrate(&self) -> Result<(), StartError> {
        let context = self.context.get();
        let Ok(db) = context.db() else { return Ok(()) }; // there is none
        let migrations = panics::catch(|| migrations_of(&*self.app)).map_err(StartError::MigrationsPanicked)?;
        let outcome = self.at(Step::Migrations, db.migrate_on_start(&migrations)).await;
        outcome.map(drop).map_err(|source| StartError::Migrate { database: db.describe(), source })
    }

    async fn start(&self) -> Result<(), StartError> {
        let since = Instant::now();
        let (app, context) = (Arc::clone(&self.app), self.context.get());
        let start = on_own_thread("app-start", async move { app.start(&context).await });
        match self.at(Step::App, timeout(self.start_timeout, start)).await {
            Ok(Ok(Ok(outcome))) => outcome.map_err(|error| self.failed(error, since.elapsed())),
            Ok(Ok(Err(panic))) => Err(StartError::Panicked(panic)),
            Ok(Err(no_thread)) => Err(StartError::App(no_thread.into())),
            Err(_elapsed) => Err(StartError::Deadline { limit: self.start_timeout, source: None }),
        }
    }

    /// Runs [`App::stop`], until `deadline`, of an application that has started.
    async fn stop(&self, deadline: Instant) {
        if !self.guard.gate.is_open() {
            return;
        }
        let (app, context) = (Arc::clone(&self.app), self.context.get());
        let stop = on_own_thread("app-stop", async move { app.stop(&context).await });
        match timeout_at(deadline.into(), self.at(Step::Stop, stop)).await {
            Ok(Ok(Ok(Ok(())))) | Err(_) => {} // unfinished, it is told by whoever drains
            Ok(Ok(Ok(Err(error)))) => tracing::error!(error = %Chain(&*error), "the application's own stop failed"),
            Ok(Ok(Err(panic))) => tracing::error!("the application's own stop {panic}"),
            Ok(Err(error)) => tracing::error!(%error, "the application's own stop got no thread"),
        }
    }

    /// What an error means that [`App::start`] has returned after this time. A query that its deadline ends each time
    /// is not tried for ever.
    fn failed(&self, error: BoxError, time: Duration) -> StartError {
        let error = match error::of_database(&*error) {
            Some(foobar_db::Error::Deadline { .. }) => StartError::Interrupted(error),
            Some(foobar_db::Error::OutcomeUnknown { .. }) => StartError::App(error),
            _ => return StartError::App(error),
        };
        let mut progress = self.progress();
        progress.interrupted = progress.interrupted.saturating_add(time);
        if progress.interrupted < self.start_timeout {
            return error;
        }
        StartError::Deadline { limit: self.start_timeout, source: Some(Box::new(error)) }
    }

    /// Does `work`, which is this step. Work that is dropped is never at its end.
    async fn at<T>(&self, step: Step, work: impl Future<Output = T>) -> T {
        self.progress().step = step;
        let outcome = work.await;
        self.progress().step = Step::None;
        outcome
    }

    /// Lets what has expired be forgotten, again and again.
    fn repeat<W: Future<Output = Result<(), BoxError>> + Send + 'static>(
        &self,
        clear: impl Fn() -> W + Send + Sync + 'static,
    ) {
        let context = self.context.get();
        context.spawn(every::repeat(CLEARING, context.clone(), Arc::new(move |_context| clear())));
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner) // it is whole at any time
    }
}

impl<A: App> Attempt for AppInstance<A> {
    type Error = StartError;

    const TIER: &'static str = "app";

    /// Migrates the database, then starts the application.
    async fn attempt(&self) -> Result<(), StartError> {
        self.migrate().await?;
        self.start().await?;
        self.guard.gate.open();
        if let Ok(Some(sessions)) = &self.sessions {
            let sessions = Arc::clone(sessions);
            self.repeat(move || {
                let sessions = Arc::clone(&sessions);
                async move { sessions.clear().await }
            });
        }
        #[cfg(feature = "accounts")]
        if let Ok(accounts) = self.context.get().accounts() {
            self.repeat(move || {
                let accounts = accounts.clone();
                async move { accounts.clear().await }
            });
        }
        Ok(())
    }

    fn may_pass(error: &StartError) -> bool {
        error.may_pass()
    }

    fn explain(&self, error: &(dyn Error + 'static)) {
        let waits = error.downcast_ref().is_some_and(StartError::may_pass);
        let waits = if waits { "waiting for the database: " } else { "" };
        self.guard.gate.explain(format!("{waits}{}", Chain(error)));
    }
}

#[cfg(feature = "sqlite")]
#[cfg(test)]
mod tests;
