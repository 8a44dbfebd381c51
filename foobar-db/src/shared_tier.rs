use std::sync::Arc;
use std::time::{Duration, Instant};

use foobar_core::{BoxError, BoxFuture, Metrics, Readiness, Tier};
use tokio::sync::{Mutex, watch};

use crate::{Database, Error, Query, QueryKind};

/// The tier of a database, for all that start it: the first start opens it and the last drain closes it, so that of two
/// servers on one database each stops on its own.
pub(crate) struct SharedTier {
    current: watch::Sender<Arc<Serving>>,
    /// How many have started it and not drained it since; held while one of them does.
    users: Mutex<usize>,
    /// Its own name, in a program with several databases.
    name: Option<&'static str>,
}

/// The database that calls go to. Each call keeps a receiver of `calls` until it has ended.
struct Serving {
    database: Arc<dyn Database>,
    calls: watch::Sender<()>,
}

/// How long calls that the database before has begun, or that wait for it, may take until it is closed.
const LAST_CALLS: Duration = Duration::from_secs(60 * 60);

impl Serving {
    fn new(database: Arc<dyn Database>) -> Arc<Self> {
        Arc::new(Self { database, calls: watch::Sender::new(()) })
    }
}

impl SharedTier {
    pub(crate) fn new(database: Arc<dyn Database>, name: Option<&'static str>) -> Self {
        Self { current: watch::Sender::new(Serving::new(database)), users: Mutex::new(0), name }
    }

    pub(crate) fn database(&self) -> Arc<dyn Database> {
        Arc::clone(&self.serving().0.database)
    }

    /// Runs `query` on the database that is there now, also where another takes its place meanwhile.
    pub(crate) async fn run(&self, kind: QueryKind, query: Query) -> Result<(), Error> {
        let (serving, _call) = self.serving();
        serving.database.run(kind, query).await
    }

    /// From now on calls go to `database`, which has started; the one before is closed when its calls have ended.
    pub(crate) fn replace(&self, database: Arc<dyn Database>) {
        let before = self.current.send_replace(Serving::new(database));
        tokio::spawn(async move {
            before.calls.closed().await;
            before.database.drain(Instant::now() + LAST_CALLS).await;
        });
    }

    /// With a call that has begun.
    fn serving(&self) -> (Arc<Serving>, watch::Receiver<()>) {
        let current = self.current.borrow(); // nobody takes its place meanwhile
        (Arc::clone(&current), current.calls.subscribe())
    }
}

impl Tier for SharedTier {
    fn name(&self) -> &'static str {
        self.name.unwrap_or_else(|| self.database().name())
    }

    fn start(&self) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(async {
            let mut users = self.users.lock().await;
            if *users == 0 {
                self.database().start().await?;
            }
            *users += 1;
            Ok(())
        })
    }

    fn failed(&self) -> BoxFuture<'_, BoxError> {
        Box::pin(async {
            let mut current = self.current.subscribe();
            loop {
                let database = Arc::clone(&current.borrow_and_update().database);
                tokio::select! {
                    biased;
                    Ok(()) = current.changed() => {} // what becomes of one that is not used any more is no failure
                    error = database.failed() => return error,
                }
            }
        })
    }

    fn readiness(&self) -> Readiness {
        self.database().readiness()
    }

    fn stopping(&self) {
        self.database().stopping();
    }

    fn drain(&self, deadline: Instant) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let mut users = self.users.lock().await;
            *users = users.saturating_sub(1); // a drain without a start closes what nobody uses
            if *users == 0 {
                self.database().drain(deadline).await;
            }
        })
    }

    fn unfinished(&self) -> Option<String> {
        self.database().unfinished()
    }

    fn cut_off(&self) -> BoxFuture<'_, ()> {
        Box::pin(async { self.database().cut_off().await })
    }

    fn metrics(&self, metrics: &mut Metrics) {
        match self.name {
            Some(name) => self.database().metrics_of(name, metrics),
            None => self.database().metrics(metrics),
        }
    }
}
