use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use diesel::r2d2::R2D2Connection;
use foobar_core::{Histogram, panics};
use r2d2::ManageConnection;

use crate::{Conn, ConnectError, deadline};

/// Opens connections for a pool and decides which of them may be used again.
///
/// r2d2 by itself pings at every checkout or never notices that a connection is dead, and lets all grow old together.
///
/// Clones are the same: one belongs to r2d2.
#[derive(Clone)]
pub(crate) struct Connections {
    connect: Arc<Connect>,
    lifetime: Option<Duration>,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    generation: AtomicU64,
    last_error: Mutex<Option<ConnectError>>,
    opened: Histogram,
}

/// Opens one connection, within its own deadline.
pub(crate) type Connect = dyn Fn() -> Result<Conn, ConnectError> + Send + Sync;

/// A connection in a pool.
pub(crate) struct Pooled {
    pub(crate) conn: Conn,
    /// It must not be used again.
    pub(crate) broken: bool,
    expires: Option<Instant>,
    used: Instant,
    generation: u64,
}

/// A connection that worked this short a time ago is not asked again whether it does.
const TRUST: Duration = Duration::from_millis(500);

impl Connections {
    pub(crate) fn new(connect: Arc<Connect>, lifetime: Option<Duration>) -> Self {
        Self { connect, lifetime, state: Arc::default() }
    }

    /// Closes every connection that is open now, since the server behind it is gone.
    pub(crate) fn flush(&self) {
        self.state.generation.fetch_add(1, Relaxed);
    }

    /// Why no connection could be opened, the last time.
    pub(crate) fn last_error(&self) -> Option<ConnectError> {
        self.remembered().clone()
    }

    /// How long each connection took to open, without those that could not be opened.
    pub(crate) fn opened(&self) -> &Histogram {
        &self.state.opened
    }

    fn remembered(&self) -> MutexGuard<'_, Option<ConnectError>> {
        self.state.last_error.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn validate(&self, pooled: &mut Pooled) -> Result<(), ConnectError> {
        let now = Instant::now();
        if self.is_outdated(pooled, now) {
            return Err(ConnectError::Unreachable("the connection is outdated".to_owned()));
        }
        if now.saturating_duration_since(pooled.used) < TRUST {
            return Ok(());
        }
        without_panic(|| {
            pooled.conn.ping().map_err(|error| {
                // A server that is silent to one is silent to all, and each would be waited for. One that has closed a
                // connection may have kept the others, and may be too full to take new ones.
                if deadline::has_passed() {
                    self.flush();
                }
                ConnectError::Unreachable(error.to_string())
            })
        })
    }

    fn is_outdated(&self, pooled: &Pooled, now: Instant) -> bool {
        pooled.generation != self.state.generation.load(Relaxed) || pooled.expires.is_some_and(|expires| expires <= now)
    }
}

impl ManageConnection for Connections {
    type Connection = Pooled;
    type Error = ConnectError;

    fn connect(&self) -> Result<Pooled, ConnectError> {
        let generation = self.state.generation.load(Relaxed);
        let since = Instant::now();
        let outcome = without_panic(|| (self.connect)());
        *self.remembered() = outcome.as_ref().err().cloned();
        let now = Instant::now();
        if outcome.is_ok() {
            self.state.opened.observe(now - since);
        }
        let expires = self.lifetime.map(|lifetime| now + lifetime.mul_f64(0.9 + 0.1 * random()));
        outcome.map(|conn| Pooled { conn, broken: false, expires, used: now, generation })
    }

    fn is_valid(&self, pooled: &mut Pooled) -> Result<(), ConnectError> {
        let valid = self.validate(pooled);
        if valid.is_err() {
            pooled.conn.disconnect();
        }
        valid
    }

    /// What has broken is closed here: r2d2 opens the next one before it drops this one, and a pool of 8 would have 9.
    fn has_broken(&self, pooled: &mut Pooled) -> bool {
        let now = Instant::now();
        pooled.used = now;
        let has_broken = pooled.broken || pooled.conn.is_broken() || self.is_outdated(pooled, now);
        if has_broken {
            pooled.conn.disconnect();
        }
        has_broken
    }
}

/// Makes an error of a panic: r2d2 would count the connection for good.
fn without_panic<T>(work: impl FnOnce() -> Result<T, ConnectError>) -> Result<T, ConnectError> {
    panics::catch(work).unwrap_or_else(|panic| {
        tracing::error!(%panic, "a connection to the database cannot be used");
        Err(ConnectError::Unreachable(format!("the driver {panic}")))
    })
}

/// A number from 0 to 1 that differs each time.
pub(crate) fn random() -> f64 {
    let bits = RandomState::new().hash_one(()) >> 11;
    bits as f64 / (1_u64 << 53) as f64
}

#[cfg(feature = "sqlite")]
#[cfg(test)]
mod tests {
    use diesel::Connection;
    use diesel::connection::InstrumentationEvent;
    use diesel::sqlite::SqliteConnection;

    use super::*;

    fn connections(lifetime: Option<Duration>) -> Connections {
        Connections::new(Arc::new(|| Ok(Conn::Sqlite(SqliteConnection::establish(":memory:").unwrap()))), lifetime)
    }

    #[test]
    fn a_connection_is_used_again_until_its_lifetime_is_over() {
        let lasting = connections(None);
        let mut connection = lasting.connect().unwrap();
        assert!(lasting.is_valid(&mut connection).is_ok() && !lasting.has_broken(&mut connection));
        let short = connections(Some(Duration::ZERO));
        let mut connection = short.connect().unwrap();
        assert!(short.is_valid(&mut connection).is_err() && short.has_broken(&mut connection));
    }

    #[test]
    fn a_flush_ends_the_connections_that_were_open_and_no_others() {
        let connections = connections(None);
        let mut before = connections.connect().unwrap();
        connections.flush();
        let mut after = connections.connect().unwrap();
        assert!(connections.is_valid(&mut before).is_err() && connections.has_broken(&mut before));
        assert!(connections.is_valid(&mut after).is_ok() && !connections.has_broken(&mut after));
    }

    #[test]
    fn a_connection_whose_check_panics_is_an_error() {
        let connections = connections(None);
        let mut connection = connections.connect().unwrap();
        connection.conn.set_instrumentation(|_: InstrumentationEvent<'_>| panic!("in the driver"));
        connection.used -= TRUST;
        let error = connections.is_valid(&mut connection).unwrap_err();
        assert_eq!(error.to_string(), "the driver panicked: in the driver");
    }
}

#[cfg(feature = "mysql")]
#[cfg(test)]
mod mysql_tests {
    use diesel::connection::SimpleConnection;
    use diesel::dsl::sql;
    use diesel::prelude::*;
    use diesel::sql_types::BigInt;

    use super::*;
    use crate::MysqlConnection;
    use crate::testing::MysqlServer;

    #[test]
    fn one_connection_that_the_server_has_closed_says_nothing_of_the_others() {
        let server = MysqlServer::start().unwrap();
        let url = server.url("mysql");
        let connect = move || Ok(Conn::Mysql(MysqlConnection::establish(&url).unwrap()));
        let connections = Connections::new(Arc::new(connect), None);
        let [mut lost, mut other] = [0, 1].map(|_| connections.connect().unwrap());
        let id = diesel::select(sql::<BigInt>("CONNECTION_ID()")).get_result::<i64>(&mut lost.conn).unwrap();
        other.conn.batch_execute(&format!("KILL {id}")).unwrap();
        lost.used -= TRUST;
        other.used -= TRUST;
        assert!(connections.is_valid(&mut lost).is_err());
        assert!(connections.is_valid(&mut other).is_ok() && !connections.has_broken(&mut other));
    }
}
