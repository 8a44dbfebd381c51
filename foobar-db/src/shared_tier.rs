use std::sync::Arc;
use std::time::Instant;

use foobar_core::{BoxError, BoxFuture, Metrics, Readiness, Tier};
use tokio::sync::Mutex;

use crate::Database;

/// The tier of a database, for all that start it: the first start opens it and the last drain closes it, so that of two
/// servers on one database each stops on its own.
pub(crate) struct SharedTier {
    database: Arc<dyn Database>,
    /// How many have started it and not drained it since; held while one of them does.
    users: Mutex<usize>,
}

impl SharedTier {
    pub(crate) fn new(database: Arc<dyn Database>) -> Self {
        Self { database, users: Mutex::new(0) }
    }

    pub(crate) fn database(&self) -> &dyn Database {
        &*self.database
    }
}

impl Tier for SharedTier {
    fn name(&self) -> &'static str {
        self.database.name()
    }

    fn start(&self) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(async {
            let mut users = self.users.lock().await;
            if *users == 0 {
                self.database.start().await?;
            }
            *users += 1;
            Ok(())
        })
    }

    fn failed(&self) -> BoxFuture<'_, BoxError> {
        self.database.failed()
    }

    fn readiness(&self) -> Readiness {
        self.database.readiness()
    }

    fn stopping(&self) {
        self.database.stopping();
    }

    fn drain(&self, deadline: Instant) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let mut users = self.users.lock().await;
            *users = users.saturating_sub(1); // a drain without a start closes what nobody uses
            if *users == 0 {
                self.database.drain(deadline).await;
            }
        })
    }

    fn unfinished(&self) -> Option<String> {
        self.database.unfinished()
    }

    fn cut_off(&self) -> BoxFuture<'_, ()> {
        self.database.cut_off()
    }

    fn metrics(&self, metrics: &mut Metrics) {
        self.database.metrics(metrics);
    }
}
