use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use foobar_core::{BoxError, Chain};
use foobar_db::Db;
use tokio::task::JoinHandle;

use crate::App;
use crate::guard::Guard;

/// An application with what stands under it and around it, shared by all threads.
pub(super) struct Hosted<A> {
    pub(super) app: A,
    pub(super) db: Option<Db>,
    pub(super) guard: Arc<Guard>,
}

/// Why an application could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The schema of the database could not be brought up to date; the cause names the migration.
    #[error("the database could not be migrated")]
    Migrate(#[source] foobar_db::Error),
    /// [`App::start`] returned an error.
    #[error("the application's own start failed")]
    App(#[source] BoxError),
}

impl<A: App> Hosted<A> {
    /// Migrates the database, then starts the application. Where the database is unavailable, a task goes on trying.
    pub(super) async fn start_or_wait(self: &Arc<Self>) -> Result<Option<JoinHandle<()>>, StartError> {
        match self.start().await {
            Ok(()) => Ok(None),
            Err(error) if is_unavailable(&error) => {
                tracing::warn!(error = %Chain(&error), "waiting for the database");
                self.guard.gate.explain("waiting for the database");
                Ok(Some(tokio::spawn(Arc::clone(self).keep_trying())))
            }
            Err(error) => Err(error),
        }
    }

    async fn start(&self) -> Result<(), StartError> {
        if let Some(db) = &self.db {
            db.migrate(&self.app.migrations()).await.map_err(StartError::Migrate)?;
        }
        self.app.start(self.db.as_ref()).await.map_err(StartError::App)?;
        self.guard.gate.open();
        Ok(())
    }

    async fn keep_trying(self: Arc<Self>) {
        let mut pause = FIRST_PAUSE;
        loop {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            match self.start().await {
                Ok(()) => return tracing::info!("the database is there; the application has started"),
                Err(error) if is_unavailable(&error) => {}
                Err(error) => {
                    tracing::error!(error = %Chain(&error), "the application could not start");
                    return self.guard.gate.explain(Chain(&error).to_string());
                }
            }
        }
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Whether the database is what is missing, and may return.
fn is_unavailable(error: &StartError) -> bool {
    let causes = std::iter::successors(Some(error as &(dyn Error + 'static)), |error| (*error).source());
    causes.filter_map(|cause| cause.downcast_ref()).any(foobar_db::Error::is_unavailable)
}

#[cfg(all(test, feature = "sqlite"))]
mod tests;
