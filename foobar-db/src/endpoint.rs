use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use diesel::result::{DatabaseErrorKind, Error as DieselError};
use foobar_core::panics;
use r2d2::{NopErrorHandler, Pool, PooledConnection};

use crate::attempt::{attempt, restore};
use crate::connections::{Connect, Connections, random};
use crate::deadline::End;
use crate::limits::Limits;
use crate::statements::Observer;
use crate::stats::Stats;
use crate::{ConnectError, Ending, Error, Isolation, Query, QueryKind, deadline};

/// One database as its threads see it: a pool of connections, and what is done when a query on one fails.
pub(crate) struct Endpoint {
    pub(crate) limits: Limits,
    pub(crate) stats: Stats,
    pub(crate) connections: Connections,
    /// Ends the calls that run, at the end of a drain.
    pub(crate) end: Arc<End>,
    present: Arc<Present>,
    /// Why the database cannot be reached, while that is known.
    down: Mutex<Option<ConnectError>>,
    pool: Pool<Connections>,
    observer: Arc<Observer>,
}

/// Says why the database that was connected to is not the one that is there now.
pub(crate) type Present = dyn Fn() -> Result<(), ConnectError> + Send + Sync;

/// How often one query is tried.
const fn attempts_at(kind: QueryKind) -> u32 {
    match kind {
        // Collisions are how it keeps transactions apart: of those that have read a row all but one give way.
        QueryKind::Write(Isolation::Serializable) => 20,
        QueryKind::Read | QueryKind::Write(_) | QueryKind::Migrate => 5,
    }
}
/// The longest pause before the second attempt; it doubles with each up to the fifth.
const PAUSE: Duration = Duration::from_millis(10);
/// r2d2 pauses at most half of this between two attempts to connect.
const RECONNECT: Duration = Duration::from_secs(1);
/// How long a call waits for a connection until it looks whether the database refuses them; each look may open one more.
const LOOK: Duration = Duration::from_millis(500);
/// The same where the last one was refused.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

impl Endpoint {
    /// The pool of `database`, whose connections `connect` opens; it need not be up. They are used while it is
    /// `present`, and until the `end`.
    pub(crate) fn new(
        database: String,
        limits: Limits,
        connect: Arc<Connect>,
        present: Arc<Present>,
        end: Arc<End>,
    ) -> io::Result<Self> {
        let connections = Connections::new(connect, limits.lifetime);
        let builder = Pool::builder()
            .max_size(limits.connections)
            .min_idle(Some(1))
            .max_lifetime(None)
            .idle_timeout(limits.idle)
            .connection_timeout(RECONNECT)
            .error_handler(Box::new(NopErrorHandler));
        // r2d2 panics where it can start no threads.
        let pool = panics::catch(|| builder.build_unchecked(connections.clone()));
        let pool = pool.map_err(|panic| io::Error::other(format!("the pool {panic}")))?;
        let observer = Arc::new(Observer::new(database, limits.slow_query));
        Ok(Self { limits, stats: Stats::default(), connections, end, present, down: Mutex::default(), pool, observer })
    }

    /// Runs `query`, `now`, on a connection that must be there by `acquire_by`, again where that may help.
    pub(crate) fn run(
        &self,
        kind: QueryKind,
        query: &mut Query,
        now: Instant,
        acquire_by: Instant,
    ) -> Result<(), Error> {
        let connection = self.checkout(now, acquire_by, acquire_by + self.limits.connect);
        let acquired = Instant::now();
        self.stats.acquire.observe(acquired - now);
        let outcome = self.run_on(connection?, kind, query, acquired);
        self.stats.queries.observe(acquired.elapsed());
        outcome
    }

    fn run_on(
        &self,
        mut connection: PooledConnection<Connections>,
        kind: QueryKind,
        query: &mut Query,
        since: Instant,
    ) -> Result<(), Error> {
        let until = since + self.limits.of(kind);
        let mut attempts = 1;
        loop {
            connection.broken = true; // if anything panics
            let outcome = attempt(&mut connection.conn, kind, query, until, &self.end, &self.observer);
            // A migration leaves its lock and no statement limit behind.
            let is_broken = kind == QueryKind::Migrate || outcome.as_ref().is_err_and(|f| f.breaks_connection());
            connection.broken = is_broken || !restore(&mut connection.conn);
            drop(connection);
            let failure = match outcome {
                Ok(Ending::Commit) => return self.confirm(kind),
                Ok(Ending::RollBack) => return Ok(()),
                Err(failure) => failure,
            };
            let cause = failure.retry_cause(kind).filter(|_| attempts < attempts_at(kind) && Instant::now() < until);
            let Some(cause) = cause else {
                return Err(failure.into_error(attempts, self.limits.of(kind), self.database()));
            };
            self.stats.retried(cause);
            sleep(PAUSE.mul_f64(random() * f64::from(1 << attempts.min(5))));
            let now = Instant::now();
            connection = self.checkout(now, until.min(now + self.limits.acquire), until)?;
            attempts += 1;
        }
    }

    /// Which database this is, for an error.
    pub(crate) fn database(&self) -> &str {
        self.observer.database()
    }

    /// How many statements were slow.
    pub(crate) fn slow_statements(&self) -> u64 {
        self.observer.slow_statements()
    }

    /// How many connections are open, and how many of them are idle.
    pub(crate) fn size(&self) -> (u32, u32) {
        let state = self.pool.state();
        (state.connections, state.idle_connections)
    }

    /// A connection: one that is open must answer `by` then, and one that has to be opened may take until `latest`.
    fn checkout(&self, now: Instant, by: Instant, latest: Instant) -> Result<PooledConnection<Connections>, Error> {
        let up = self.down().clone().map_or(Ok(()), Err);
        up.and_then(|()| (self.present)()).map_err(|source| self.unavailable(source))?;
        match deadline::until(by, || self.pool.try_get()) {
            Some(connection) => Ok(connection),
            None => self.wait_for_connection(now, by, latest),
        }
    }

    fn wait_for_connection(
        &self,
        since: Instant,
        by: Instant,
        latest: Instant,
    ) -> Result<PooledConnection<Connections>, Error> {
        loop {
            let left = latest.saturating_duration_since(Instant::now());
            let look = left.min(if self.refused().is_some() { LOOK_AGAIN } else { LOOK });
            match (deadline::until(by, || self.pool.get_timeout(look)), self.refused()) {
                (Ok(connection), _) => return Ok(connection),
                (Err(_no_connection), Some(refused)) => return Err(self.unavailable(refused)),
                (Err(_no_connection), None) if look < left => {}
                (Err(_no_connection), None) => {
                    let time = latest.saturating_duration_since(since);
                    let slow = || ConnectError::Unreachable(format!("no connection was made within {time:?}"));
                    return Err(self.unavailable(self.connections.last_error().unwrap_or_else(slow)));
                }
            }
        }
    }

    /// Why the database refuses connections, while none is open that could be waited for.
    pub(crate) fn refused(&self) -> Option<ConnectError> {
        let (open, _idle) = self.size();
        self.connections.last_error().filter(|error| open == 0 && matches!(error, ConnectError::Refused(_)))
    }

    /// What has been committed is kept only where the database that took it is still there, or comes back.
    fn confirm(&self, kind: QueryKind) -> Result<(), Error> {
        match kind {
            QueryKind::Read => Ok(()),
            QueryKind::Write(_) => (self.present)().map_err(|gone| self.unknown(closed(&gone))),
            QueryKind::Migrate => (self.present)().map_err(|source| self.unavailable(source)), // it is recorded or it is not
        }
    }

    fn down(&self) -> MutexGuard<'_, Option<ConnectError>> {
        self.down.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unavailable(&self, source: ConnectError) -> Error {
        Error::Unavailable { database: self.database().to_owned(), source }
    }

    fn unknown(&self, source: DieselError) -> Error {
        Error::OutcomeUnknown { database: self.database().to_owned(), source }
    }
}

fn closed(why: &ConnectError) -> DieselError {
    DieselError::DatabaseError(DatabaseErrorKind::ClosedConnection, Box::new(why.to_string()))
}

/// What a check of the server's own tells.
#[cfg(feature = "mysql")]
impl Endpoint {
    /// The server is gone: every connection that is open now is closed, and calls fail at once.
    pub(crate) fn mark_down(&self, why: ConnectError) {
        self.connections.flush();
        *self.down() = Some(why);
    }

    /// The server is another one, or has another role: every connection that is open now is closed when it is free.
    pub(crate) fn flush(&self) {
        self.connections.flush();
    }

    /// The server is there: calls are taken again, with a connection for the first.
    pub(crate) fn mark_up(&self) {
        if self.down().is_some() {
            let _late = self.pool.get_timeout(RECONNECT); // then the first call waits for it
            *self.down() = None;
        }
    }
}
