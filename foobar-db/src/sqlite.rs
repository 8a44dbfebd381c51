//! SQLite: one writer and several readers, so that the same code runs on a primary with replicas: `read` and `write`
//! make the same promise on both.
//!
//! What a statement may have set is known from SQLite's authorizer; another connection then takes its place.

mod file_identity;
mod handle;
mod location;
mod migration_lock;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sqlite::SqliteConnection;
use foobar_core::{Attempt, BoxError, BoxFuture, Chain, Metrics, PersistentStart, Readiness, Tier};

use crate::connections::{Connect, random};
use crate::driver_error::{self, Origin};
use crate::endpoint::{Endpoint, Present};
use crate::health::Health;
use crate::limits::{Limits, bounded};
use crate::query_threads::{QueryThreads, QueryThreadsSlot};
use crate::{
    Conn, ConnectError, Database, DatabaseSettings, Engine, Error, Presence, Query, QueryKind, metrics, passing, thread,
};

use file_identity::FileIdentity;
pub(crate) use handle::{begin_call, restore, rolled_back};
use location::Location;
pub(crate) use migration_lock::lock_migrations;

/// SQLite inside the process: one connection that writes, several that read, WAL, and every COMMIT on the disk.
///
/// A file that it makes can be read and written by the process's user alone; the permissions of one that exists stay.
/// While the file is gone or another is in its place, each call gets [`Error::Unavailable`]. So does it while the file
/// cannot be opened because another process has it locked or the disk is full: the tier starts and goes on trying.
pub struct Sqlite {
    database: Arc<FileDatabase>,
    start: PersistentStart<FileDatabase>,
}

/// What a start opens.
struct FileDatabase {
    location: Location,
    lock_timeout: Duration,
    writer: (Limits, QueryThreadsSlot),
    readers: (Limits, QueryThreadsSlot),
    health: Health,
    /// Why it has not been opened yet.
    waiting: Mutex<Option<ConnectError>>,
    /// `None` before it is opened, and for a database in memory.
    opened: Mutex<Option<FileIdentity>>,
    /// Keeps a database in memory alive while the pools replace their connections.
    anchor: Mutex<Option<SqliteConnection>>,
}

#[derive(Clone, Copy)]
enum Role {
    Writer,
    Reader,
}

impl Sqlite {
    /// The database of `database.url`, not yet opened: the tier's start opens it, and makes its folder if needed.
    pub fn new(settings: &DatabaseSettings) -> Result<Self, Error> {
        let url = settings.url.as_ref().ok_or(Error::NoUrl)?;
        let database = Arc::new(FileDatabase {
            location: Location::of(url.expose())?,
            lock_timeout: bounded(settings.lock_timeout),
            writer: (Limits::lasting(settings, 1), QueryThreadsSlot::default()),
            readers: (Limits::new(settings, "database.readers", settings.readers)?, QueryThreadsSlot::default()),
            health: Health::new(),
            waiting: Mutex::default(),
            opened: Mutex::default(),
            anchor: Mutex::default(),
        });
        Ok(Self { start: PersistentStart::new(Arc::clone(&database)), database })
    }
}

impl FileDatabase {
    async fn open(&self) -> Result<(), Error> {
        let anchor = self.on_thread(prepare).await?;
        *self.anchor.lock().unwrap_or_else(PoisonError::into_inner) = anchor;
        *self.opened.lock().unwrap_or_else(PoisonError::into_inner) = FileIdentity::at(&self.location);
        self.start_threads().map_err(|error| self.cannot_open(error))?;
        *self.waiting() = None;
        self.health.set(Readiness::Ready);
        Ok(())
    }

    fn start_threads(&self) -> io::Result<()> {
        let readers = QueryThreads::start(self.endpoint(Role::Reader)?, 0)?;
        let writer = QueryThreads::start(self.endpoint(Role::Writer)?, self.readers.0.connections)?;
        self.readers.1.start(readers);
        self.writer.1.start(writer);
        Ok(())
    }

    /// Opens the file that is `present` and never makes one.
    fn connect(&self, role: Role, present: Arc<Present>) -> Arc<Connect> {
        let (name, lock_timeout) = (self.location.existing(), self.lock_timeout);
        Arc::new(move || {
            let conn = open(&name, role, lock_timeout).map_err(refused)?;
            present().map(|()| Conn::Sqlite(conn))
        })
    }

    fn opened(&self) -> Option<FileIdentity> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn waiting(&self) -> MutexGuard<'_, Option<ConnectError>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn endpoint(&self, role: Role) -> io::Result<Endpoint> {
        let limits = match role {
            Role::Writer => &self.writer.0,
            Role::Reader => &self.readers.0,
        };
        let opened = self.opened();
        let present: Arc<Present> = Arc::new(move || opened.as_ref().map_or(Ok(()), FileIdentity::check));
        Endpoint::new(
            self.location.describe(),
            limits.clone(),
            self.connect(role, Arc::clone(&present)),
            present,
            Arc::default(),
        )
    }

    async fn run(&self, kind: QueryKind, query: Query) -> Result<(), Error> {
        let (_, threads) = if kind == QueryKind::Read { &self.readers } else { &self.writer };
        let outcome = threads.run(kind, query).await;
        match (outcome, &*self.waiting()) {
            (Err(Error::Closed), Some(source)) => {
                Err(Error::Unavailable { database: self.location.describe(), source: source.clone() })
            }
            (outcome, _) => outcome,
        }
    }

    fn metrics(&self, name: Option<&str>, metrics: &mut Metrics) {
        let pools = [
            metrics::Pool { name: "readers", role: "reader", threads: &self.readers.1 },
            metrics::Pool { name: "writer", role: "primary", threads: &self.writer.1 },
        ];
        metrics::add(metrics, Engine::Sqlite, name, &pools);
    }

    /// Runs `work`, which may wait for the disk or for a lock, on a thread of its own.
    async fn on_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Location, Duration) -> Result<T, BoxError> + Send + 'static,
    ) -> Result<T, Error> {
        let (location, lock_timeout, database) = (self.location.clone(), self.lock_timeout, self.location.describe());
        let cannot_open = move |source| passing::mark(Error::Open { database, source });
        let outcome = thread::run("foobar-db-open", move || work(&location, lock_timeout).map_err(cannot_open)).await;
        outcome.map_err(|error| self.cannot_open(error)).flatten()
    }

    fn cannot_open(&self, error: io::Error) -> Error {
        Error::Open { database: self.location.describe(), source: error.into() }
    }
}

impl Attempt for FileDatabase {
    type Error = Error;

    const TIER: &'static str = "database";

    async fn attempt(&self) -> Result<(), Error> {
        self.open().await
    }

    fn may_pass(error: &Error) -> bool {
        error.may_pass()
    }

    fn explain(&self, error: &(dyn std::error::Error + 'static)) {
        self.health.set(Readiness::not(Chain(error).to_string()));
        let cause = error.source().unwrap_or(error); // the error's own words are those of whoever gets it
        *self.waiting() = Some(ConnectError::Unreachable(Chain(cause).to_string()));
    }
}

impl Database for Sqlite {
    fn engine(&self) -> Engine {
        Engine::Sqlite
    }

    fn describe(&self) -> String {
        self.database.location.describe()
    }

    fn is_temporary(&self) -> bool {
        matches!(self.database.location, Location::Memory(_))
    }

    fn call_limit(&self) -> Option<Duration> {
        Some(self.database.writer.0.whole_call())
    }

    fn run(&self, kind: QueryKind, query: Query) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(self.database.run(kind, query))
    }

    fn check(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(self.database.on_thread(check))
    }

    fn metrics_of(&self, name: &str, metrics: &mut Metrics) {
        self.database.metrics(Some(name), metrics);
    }

    fn peek(&self, mut query: Query) -> BoxFuture<'_, Result<Presence, Error>> {
        Box::pin(self.database.on_thread(move |location, lock_timeout| peek(location, lock_timeout, &mut query)))
    }
}

impl Tier for Sqlite {
    fn name(&self) -> &'static str {
        FileDatabase::TIER
    }

    fn start(&self) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(self.start.start())
    }

    fn failed(&self) -> BoxFuture<'_, BoxError> {
        Box::pin(self.start.failed())
    }

    fn readiness(&self) -> Readiness {
        match (self.database.health.get(), self.database.opened().map(|opened| opened.check())) {
            (Readiness::Ready, Some(Err(gone))) => Readiness::not(gone.to_string()),
            (health, _) => health,
        }
    }

    fn drain(&self, deadline: Instant) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.start.stop(deadline).await;
            let database = &self.database;
            *database.waiting() = None;
            database.health.set(Readiness::not("drained"));
            tokio::join!(database.readers.1.drain(deadline), database.writer.1.drain(deadline));
        })
    }

    fn metrics(&self, metrics: &mut Metrics) {
        self.database.metrics(None, metrics);
    }
}

/// Makes the file, opens the database and sees that it can be written. A database in memory lives as long as the
/// connection that is returned for it.
fn prepare(location: &Location, lock_timeout: Duration) -> Result<Option<SqliteConnection>, BoxError> {
    if let Location::File(path) = location {
        location::inspect(path)?;
        location::make(path)?;
    }
    let mut conn = open_first(location, lock_timeout)?;
    match conn.batch_execute("BEGIN IMMEDIATE; ROLLBACK") {
        Err(error) if is_locked(&error) => {} // it is written
        outcome => outcome?,
    }
    Ok(matches!(location, Location::Memory(_)).then_some(conn))
}

/// Says whether [`prepare`] would succeed, and changes nothing.
fn check(location: &Location, lock_timeout: Duration) -> Result<(), BoxError> {
    let Location::File(path) = location else { return Ok(()) };
    location::inspect(path)?;
    if path.exists() {
        let mut conn = handle::establish(&location::read_only(path)?, lock_timeout)?;
        conn.batch_execute("SELECT 1 FROM sqlite_schema")?;
    }
    Ok(())
}

/// Runs a query on the database that is there, and changes nothing.
fn peek(location: &Location, lock_timeout: Duration, query: &mut Query) -> Result<Presence, BoxError> {
    match location {
        Location::File(path) if path.exists() => {
            let conn = handle::establish(&location::read_only(path)?, lock_timeout)?;
            query.run(&mut Conn::Sqlite(conn))?;
            Ok(Presence::Present)
        }
        Location::File(_) | Location::Memory(_) => Ok(Presence::Missing),
    }
}

/// Opens a database that may be new. To become WAL it needs the file alone, and SQLite does not wait for that: of
/// several processes that start at once one succeeds, and the others find it done.
fn open_first(location: &Location, lock_timeout: Duration) -> ConnectionResult<SqliteConnection> {
    let patience = Instant::now() + lock_timeout;
    loop {
        match open(&location.or_new(), Role::Writer, lock_timeout) {
            Err(ConnectionError::CouldntSetupConfiguration(error))
                if is_locked(&error) && Instant::now() < patience =>
            {
                sleep(PAUSE.mul_f64(random()));
            }
            outcome => return outcome,
        }
    }
}

/// The longest pause before a new database is opened again.
const PAUSE: Duration = Duration::from_millis(20);

fn open(name: &str, role: Role, lock_timeout: Duration) -> ConnectionResult<SqliteConnection> {
    let mut conn = handle::establish(name, lock_timeout)?;
    let query_only = match role {
        Role::Writer => "OFF",
        Role::Reader => "ON",
    };
    let pragmas = format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
         PRAGMA query_only = {query_only}"
    );
    conn.batch_execute(&pragmas).map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(conn)
}

fn refused(error: ConnectionError) -> ConnectError {
    ConnectError::Refused(match error {
        ConnectionError::CouldntSetupConfiguration(cause) => cause.to_string(),
        other => other.to_string(),
    })
}

fn is_locked(error: &DieselError) -> bool {
    const BUSY: i32 = libsqlite3_sys::SQLITE_BUSY;
    matches!(driver_error::origin(error), Some(Origin::Sqlite(code)) if code & 0xff == BUSY)
}

#[cfg(test)]
pub(crate) mod tests;
