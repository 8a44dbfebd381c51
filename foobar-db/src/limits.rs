use std::num::NonZeroU32;
use std::time::Duration;

use foobar_core::Period;

use crate::{DatabaseSettings, Error, QueryKind};

/// How much and how long one pool of connections works.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Connections, and threads.
    pub(crate) connections: u32,
    /// Calls that wait.
    pub(crate) queue: usize,
    /// The wait for a connection that is free.
    pub(crate) acquire: Duration,
    /// How much longer the wait may be where one has to be opened.
    pub(crate) connect: Duration,
    pub(crate) query: Duration,
    pub(crate) migration: Duration,
    /// From when on a statement is slow.
    pub(crate) slow_query: Option<Duration>,
    /// The age at which a connection is replaced.
    pub(crate) lifetime: Option<Duration>,
    /// The time unused after which it is closed.
    pub(crate) idle: Option<Duration>,
}

impl Limits {
    /// For as many connections as `key` says.
    pub(crate) fn new(settings: &DatabaseSettings, key: &'static str, connections: NonZeroU32) -> Result<Self, Error> {
        match connections.get() {
            value if value > MOST_CONNECTIONS => Err(Error::TooManyConnections { key, value, most: MOST_CONNECTIONS }),
            connections => Ok(Self::lasting(settings, connections)),
        }
    }

    /// For connections that stay open: those to a file.
    pub(crate) fn lasting(settings: &DatabaseSettings, connections: u32) -> Self {
        Self {
            connections,
            queue: settings.queue,
            acquire: bounded(settings.acquire_timeout),
            connect: Duration::ZERO,
            query: bounded(settings.query_timeout),
            migration: bounded(settings.migration_timeout),
            slow_query: unless_zero(settings.slow_query_time),
            lifetime: None,
            idle: None,
        }
    }

    /// How long a call may take that is no migration, with its wait for a connection.
    pub(crate) const fn whole_call(&self) -> Duration {
        self.acquire.saturating_add(self.connect).saturating_add(self.query)
    }

    /// How long a call may take once it has a connection.
    pub(crate) const fn of(&self, kind: QueryKind) -> Duration {
        match kind {
            QueryKind::Read | QueryKind::Write(_) => self.query,
            QueryKind::Migrate => self.migration,
        }
    }
}

/// Each connection has a thread, and a process may be aborted where there is no room for one more.
const MOST_CONNECTIONS: u32 = 1024;
/// Longer than any wait is meant to be, and short enough for all clocks and servers to count.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The period, where it is one.
pub(crate) fn unless_zero(period: Period) -> Option<Duration> {
    (!period.is_zero()).then(|| bounded(period))
}

/// The period, or a week where it is longer, or where it is zero, which means none.
pub(crate) fn bounded(period: Period) -> Duration {
    if period.is_zero() { LONGEST } else { (*period).min(LONGEST) }
}
