use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::result::Error as DieselError;
use diesel::sqlite::SqliteConnection;
use diesel::{ConnectionError, ConnectionResult};
use foobar_core::{BoxError, BoxFuture, Metrics, Readiness, Tier};

use crate::connections::{Connect, ConnectError};
use crate::endpoint::Endpoint;
use crate::health::Health;
use crate::lane::{Lane, LaneSlot};
use crate::limits::{Limits, bounded};
use crate::{Access, Conn, Database, DatabaseSettings, Engine, Error, Query, metrics, thread};

mod interrupt;

/// SQLite inside the process: one connection that writes, several that read, WAL, and every COMMIT on the disk.
pub struct Sqlite {
    place: Place,
    lock_timeout: Duration,
    writer: (Limits, LaneSlot),
    readers: (Limits, LaneSlot),
    health: Health,
    /// Keeps a database in memory alive while the pools replace their connections.
    anchor: Mutex<Option<SqliteConnection>>,
}

#[derive(Clone)]
enum Place {
    File(PathBuf),
    /// A database in memory, by its unique name.
    Memory(String),
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
        Ok(Self {
            place: Place::of(url.expose())?,
            lock_timeout: bounded(settings.lock_timeout),
            writer: (Limits::lasting(settings, 1), LaneSlot::default()),
            readers: (Limits::lasting(settings, settings.readers.get()), LaneSlot::default()),
            health: Health::new(),
            anchor: Mutex::default(),
        })
    }

    fn connect(&self, role: Role) -> Arc<Connect> {
        let (place, lock_timeout) = (self.place.clone(), self.lock_timeout);
        Arc::new(move || open(&place, role, lock_timeout).map(Conn::Sqlite).map_err(refused))
    }

    fn endpoint(&self, role: Role) -> Endpoint {
        let limits = match role {
            Role::Writer => &self.writer.0,
            Role::Reader => &self.readers.0,
        };
        Endpoint::new(self.place.describe(), limits.clone(), self.connect(role))
    }
}

impl Database for Sqlite {
    fn engine(&self) -> Engine {
        Engine::Sqlite
    }

    fn describe(&self) -> String {
        self.place.describe()
    }

    fn run(&self, access: Access, query: Query) -> BoxFuture<'_, Result<(), Error>> {
        let (_, lane) = if access == Access::Read { &self.readers } else { &self.writer };
        Box::pin(lane.run(access, query))
    }
}

impl Tier for Sqlite {
    fn name(&self) -> &'static str {
        "database"
    }

    fn start(&self) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(async {
            let (place, lock_timeout) = (self.place.clone(), self.lock_timeout);
            let opened = thread::run("foobar-db-open", move || prepare(&place, lock_timeout)).await;
            let anchor = opened?.map_err(|source| Error::Open { database: self.describe(), source })?;
            *self.anchor.lock().expect("nothing panics while it holds the anchor") = anchor;
            self.readers.1.start(Lane::start(self.endpoint(Role::Reader), 0)?);
            self.writer.1.start(Lane::start(self.endpoint(Role::Writer), self.readers.0.connections)?);
            self.health.set(Readiness::Ready);
            Ok(())
        })
    }

    fn readiness(&self) -> Readiness {
        self.health.get()
    }

    fn drain(&self, deadline: Instant) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.health.set(Readiness::not("drained"));
            tokio::join!(self.readers.1.drain(deadline), self.writer.1.drain(deadline));
        })
    }

    fn metrics(&self, metrics: &mut Metrics) {
        metrics::add(metrics, &[("readers", &self.readers.1), ("writer", &self.writer.1)]);
    }
}

impl Place {
    fn of(url: &str) -> Result<Self, Error> {
        static MEMORIES: AtomicU64 = AtomicU64::new(0);
        let rest = url.strip_prefix("sqlite:").ok_or(Error::Url("does not begin with `sqlite:`"))?;
        let path = rest.strip_prefix("//").unwrap_or(rest); // both forms are common
        match path {
            "" => Err(Error::Url("names no file; write `sqlite:PATH`")),
            ":memory:" => Ok(Self::Memory(format!("file:/foobar-{}?vfs=memdb", MEMORIES.fetch_add(1, Relaxed)))),
            _ => Ok(Self::File(PathBuf::from(path))),
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::File(path) => format!("sqlite:{}", path.display()),
            Self::Memory(_) => "sqlite::memory:".to_owned(),
        }
    }

    /// What SQLite opens. A relative path gets its folder, so that none is taken for a `file:` URI.
    fn name(&self) -> String {
        match self {
            Self::File(path) => Path::new(".").join(path).display().to_string(),
            Self::Memory(name) => name.clone(),
        }
    }
}

/// Makes the folder, opens the database and sees that it can be written. A database in memory lives as long as the
/// connection that is returned for it.
fn prepare(place: &Place, lock_timeout: Duration) -> Result<Option<SqliteConnection>, BoxError> {
    if let Place::File(path) = place {
        if path.is_dir() {
            return Err("this is a folder, not a file".into());
        }
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)?;
        }
    }
    let mut conn = open(place, Role::Writer, lock_timeout)?;
    match conn.batch_execute("BEGIN IMMEDIATE; ROLLBACK") {
        Err(DieselError::DatabaseError(_, details)) if details.message() == "database is locked" => {} // it is written
        outcome => outcome?,
    }
    Ok(matches!(place, Place::Memory(_)).then_some(conn))
}

fn open(place: &Place, role: Role, lock_timeout: Duration) -> ConnectionResult<SqliteConnection> {
    let mut conn = interrupt::establish(&place.name())?;
    let query_only = match role {
        Role::Writer => "OFF",
        Role::Reader => "ON",
    };
    let pragmas = format!(
        "PRAGMA busy_timeout = {}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
         PRAGMA query_only = {query_only}",
        lock_timeout.as_millis()
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

#[cfg(test)]
mod tests;
