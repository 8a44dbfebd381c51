//! MySQL and MariaDB, without a C library.
//!
//! - Diesel's own connection needs a C library and has no read deadline. `connection.rs` implements Diesel's
//!   `Connection` over the driver (mysql_async) with a deadline around every call; diesel is held to its minor
//!   version. diesel-async's connection was under it until errors had to be told apart by number: it drops the number
//!   and the SQLSTATE, panics at types that it does not know, and repeats in 8 round trips what the session statement
//!   sets.
//! - A statement is ended where it runs. When a call's time is over, the control connection sends `KILL QUERY`, if it
//!   is on the same run of the same server (name and start; MariaDB has no `server_uuid`): elsewhere the same number
//!   is a stranger's. The connection is kept if the server then answers.
//! - A session goes back as it came. Where a statement may have set something, the session is reset; where its text
//!   consists of known words alone (`effects.rs`), nothing is asked. What a trigger or a view does is not seen.
//!   Sessions that are read-only from their start, with `START TRANSACTION READ WRITE` for writes, would leave the
//!   guard of reads to the server; but servers that know no read-only transactions (TiDB by default) would then take
//!   no connection at all. The driver does not ask the server for session tracking, and neither server tracks
//!   `GET_LOCK`.

mod bind;
mod connection;
mod control;
mod effects;
mod ending;
mod greeting;
mod link;
mod migration_lock;
mod monitor;
mod options;
mod provider;
mod refusal;
mod replication;
mod row;
mod server_error;
mod session;
mod url;

use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use foobar_core::{BoxError, BoxFuture, Metrics, Readiness, Tier};
use tokio::sync::SetOnce;

use crate::connections::Connect;
use crate::deadline::End;
use crate::endpoint::Endpoint;
use crate::health::Health;
use crate::limits::{Limits, bounded, unless_zero};
use crate::query_threads::{QueryThreads, QueryThreadsSlot};
use crate::{
    Conn, ConnectError, Database, DatabaseSettings, Engine, Error, Presence, Query, QueryKind, deadline, metrics,
    thread,
};

pub use connection::MysqlConnection;
use control::Control;
pub(crate) use migration_lock::{claim_migrations, lock_migrations, release_migrations, unlock_migrations};
use monitor::Monitor;
use options::Options;
#[cfg(all(test, feature = "sqlite"))]
pub(crate) use options::UNLIMITED;
pub use provider::crypto_provider;
pub use row::{MysqlField, MysqlRow};
pub(crate) use url::has_password;

/// A MySQL or MariaDB server: a pool of connections, and a check of its own that tells when it is gone or back.
pub struct Mysql {
    options: Arc<Options>,
    control: Arc<Control>,
    limits: Limits,
    threads: QueryThreadsSlot,
    health: Arc<Health>,
    end: Arc<End>,
    /// Why the server, which was down at the start, refuses us.
    refused: Arc<SetOnce<Arc<Error>>>,
    check: Mutex<Option<Check>>,
}

/// The thread of the check; dropped, it ends the check.
struct Check {
    stop: mpsc::Sender<()>,
    ended: mpsc::Receiver<()>,
}

impl Check {
    /// Ends the check, and waits until it has taken leave of the server; a silent one holds nobody beyond `deadline`.
    fn end(self, deadline: Instant) {
        drop(self.stop);
        let left = deadline.saturating_duration_since(Instant::now()).clamp(FAREWELL, LAST_MOMENTS);
        let _disconnected_or_silent = self.ended.recv_timeout(left);
    }
}

/// How many of the connections watch the server, and run no query.
const CONTROL: u32 = 1;
/// How long ending the statements that run may take where the process ends at once, and the end of the check.
const LAST_MOMENTS: Duration = Duration::from_secs(1);
/// How long the end of the check may take where no time is left.
const FAREWELL: Duration = Duration::from_millis(200);

impl Mysql {
    /// The database of `database.url`, not yet connected to.
    pub fn new(settings: &DatabaseSettings) -> Result<Self, Error> {
        let options = Arc::new(Options::new(settings)?);
        let mut limits = Limits::new(settings, "database.connections", settings.connections)?;
        limits.connections = limits.connections.saturating_sub(CONTROL).max(1);
        Ok(Self {
            control: Arc::new(Control::new(Arc::clone(&options))),
            options,
            limits: Limits {
                connect: bounded(settings.connect_timeout),
                lifetime: unless_zero(settings.max_lifetime),
                idle: unless_zero(settings.idle_timeout),
                ..limits
            },
            threads: QueryThreadsSlot::default(),
            health: Arc::new(Health::new()),
            end: Arc::default(),
            refused: Arc::default(),
            check: Mutex::default(),
        })
    }

    fn pool(&self) -> metrics::Pool<'_> {
        let role = if self.control.is_read_only() { "replica" } else { "primary" };
        metrics::Pool { name: "server", role, threads: &self.threads }
    }

    fn add_metrics(&self, metrics: &mut Metrics, name: Option<&str>) {
        metrics::add(metrics, Engine::Mysql, name, &[self.pool()]);
        let replication = self.control.replication().filter(|_| self.threads.get().is_some());
        if let Some(replication) = replication {
            let endpoint = self.describe();
            let labels = [metrics::labels(self.pool().name, name), vec![("endpoint", endpoint.as_str())]].concat();
            replication.add_to(metrics, &labels);
        }
    }

    fn connect(&self) -> Arc<Connect> {
        let (options, control) = (Arc::clone(&self.options), Arc::clone(&self.control));
        Arc::new(move || {
            let connection = MysqlConnection::connect(&options)?;
            Ok(Conn::Mysql(connection.controlled_by(Arc::clone(&control) as _)))
        })
    }
}

/// The name of the database of `database.url`.
pub(crate) fn database_name(settings: &DatabaseSettings) -> Result<String, Error> {
    Ok(Options::new(settings)?.name().to_owned())
}

fn not_connected(database: String, error: ConnectError) -> Error {
    match error {
        ConnectError::Refused(_) => Error::Open { database, source: error.into() },
        ConnectError::Full(_) | ConnectError::Unreachable(_) => Error::Unavailable { database, source: error },
    }
}

impl Database for Mysql {
    fn engine(&self) -> Engine {
        Engine::Mysql
    }

    fn describe(&self) -> String {
        self.options.describe()
    }

    fn call_limit(&self) -> Option<Duration> {
        Some(self.limits.whole_call())
    }

    fn run(&self, kind: QueryKind, query: Query) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(self.threads.run(kind, query))
    }

    fn check(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async {
            let options = Arc::clone(&self.options);
            let connect = move || MysqlConnection::connect(&options).map(drop);
            let connected = thread::run("foobar-db-open", connect).await;
            let no_thread = |error: std::io::Error| ConnectError::Unreachable(error.to_string());
            connected.map_err(no_thread).flatten().map_err(|error| not_connected(self.describe(), error))
        })
    }

    fn metrics_of(&self, name: &str, metrics: &mut Metrics) {
        self.add_metrics(metrics, Some(name));
    }

    fn peek(&self, mut query: Query) -> BoxFuture<'_, Result<Presence, Error>> {
        Box::pin(async move {
            let (options, limit) = (Arc::clone(&self.options), self.limits.query);
            let work = move || {
                let connection = MysqlConnection::connect(&options).map_err(PeekError::Connect)?;
                let ask = || query.run(&mut Conn::Mysql(connection)).map_err(PeekError::Query);
                deadline::until(Instant::now() + limit, ask)
            };
            match thread::run("foobar-db-open", work).await {
                Ok(Ok(_)) => Ok(Presence::Present),
                Ok(Err(PeekError::Connect(error))) => Err(not_connected(self.describe(), error)),
                Ok(Err(PeekError::Query(error))) => Err(Error::Query(error)),
                Err(error) => Err(not_connected(self.describe(), ConnectError::Unreachable(error.to_string()))),
            }
        })
    }
}

enum PeekError {
    Connect(ConnectError),
    Query(diesel::result::Error),
}

impl Tier for Mysql {
    fn name(&self) -> &'static str {
        "database"
    }

    /// A server that is down is no error; one that refuses the user, the password or the database's name is, and where
    /// it was down at first, the tier has [failed](Tier::failed) then.
    fn start(&self) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(async {
            let present = Arc::new(|| Ok(())); // a server at the same address is the same server
            let endpoint =
                Endpoint::new(self.describe(), self.limits.clone(), self.connect(), present, Arc::clone(&self.end))?;
            let threads = QueryThreads::start(endpoint, 0)?;
            let (options, control) = (Arc::clone(&self.options), Arc::clone(&self.control));
            let mut monitor = Monitor::new(options, control, Arc::clone(&self.health), Arc::clone(threads.endpoint()));
            let first = thread::run("foobar-db-open", move || monitor.check().map(|()| monitor)).await;
            let monitor = first?.map_err(|error| not_connected(self.describe(), error))?;
            if let Readiness::NotReady(reason) = self.health.get() {
                tracing::warn!(reason, "the database is not there yet");
            }
            let (stop, stopped) = mpsc::channel();
            let (database, failure) = (self.describe(), Arc::clone(&self.refused));
            let refused = move |error| drop(failure.set(not_connected(database, error).into())); // it is set here alone
            let (ends, ended) = mpsc::channel();
            let watch = move || {
                monitor.watch(&stopped, refused);
                drop(ends);
            };
            thread::spawn("foobar-db-check".to_owned(), watch)?;
            *self.check.lock().unwrap_or_else(PoisonError::into_inner) = Some(Check { stop, ended });
            self.threads.start(threads);
            Ok(())
        })
    }

    fn failed(&self) -> BoxFuture<'_, BoxError> {
        Box::pin(async { Arc::clone(self.refused.wait().await).into() })
    }

    fn readiness(&self) -> Readiness {
        self.health.get()
    }

    fn drain(&self, deadline: Instant) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.threads.drain(deadline).await;
            let check = self.check.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(check) = check {
                let _no_thread = thread::run("foobar-db-drain", move || check.end(deadline)).await; // then it ends by itself
            }
            self.health.set(Readiness::not("drained"));
        })
    }

    fn cut_off(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.end.come_and_wait(LAST_MOMENTS))
    }

    fn metrics(&self, metrics: &mut Metrics) {
        self.add_metrics(metrics, None);
    }
}

#[cfg(test)]
mod tests;
