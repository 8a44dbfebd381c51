//! Errors are told apart by number and SQLSTATE, not by text, which `SIGNAL` and `RAISE` make the application's; only of
//! 1290, which stands for any option of a server, and of 1015, which stands for any lock that failed, the text says which
//! one. Diesel's error has no place for a number, so `driver_error.rs` remembers where the errors of the running call come
//! from; SQLite's come by Diesel's own events, while its handle still knows them.
//!
//! `SIGNAL` may also take a number and a state of the server's. Only a pair that a server gives itself is one of it;
//! whoever signals just that, such as 1213 with 40001, asks for what follows from it.

use std::time::Duration;

use diesel::result::{DatabaseErrorKind, Error as DieselError};
use foobar_core::panics::Panic;

use crate::driver_error::{self, Origin};
use crate::{ConnectError, Error, QueryKind, deadline};

/// Why one attempt at a query failed, as far as it decides what comes next.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The query itself failed; another attempt would too.
    Query(DieselError),
    /// It collided with another transaction.
    Conflict(DieselError),
    /// The connection is gone; the database has rolled back, or will.
    Lost(DieselError),
    /// The server is up but takes no such work now: it shuts down, is full, or is not the primary.
    Refused(DieselError),
    /// The disk is full; nothing was written.
    Full(DieselError),
    /// The disk failed.
    Disk(DieselError),
    /// The deadline has passed.
    Deadline,
    /// The tier ended it while it was drained.
    Ended,
    /// Somebody else ended it on the server.
    Interrupted(DieselError),
    /// The connection broke during COMMIT.
    OutcomeUnknown(DieselError),
    /// The closure panicked.
    Panicked(Panic),
}

/// Why a query is run again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RetryCause {
    /// The database has taken its transaction back for the sake of another.
    Deadlock,
    /// It has waited for a lock in vain.
    LockTimeout,
    /// It was not to wait for a lock that another has.
    NoWait,
    /// It collided in another way.
    Conflict,
    /// The connection was lost.
    Lost,
}

impl RetryCause {
    pub(crate) const ALL: [Self; 5] = [Self::Deadlock, Self::LockTimeout, Self::NoWait, Self::Conflict, Self::Lost];

    fn of_conflict(error: &DieselError) -> Self {
        match driver_error::origin(error) {
            #[cfg(feature = "mysql")]
            Some(Origin::Mysql { number: 1213, .. }) => Self::Deadlock,
            #[cfg(feature = "mysql")]
            Some(Origin::Mysql { number: 1205, .. }) => Self::LockTimeout,
            #[cfg(feature = "mysql")]
            Some(Origin::Mysql { number: 3572, .. }) => Self::NoWait,
            #[cfg(feature = "sqlite")]
            Some(Origin::Sqlite(libsqlite3_sys::SQLITE_BUSY)) => Self::LockTimeout,
            _ => Self::Conflict,
        }
    }

    /// A short name for metrics.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Deadlock => "deadlock",
            Self::LockTimeout => "lock_timeout",
            Self::NoWait => "no_wait",
            Self::Conflict => "conflict",
            Self::Lost => "lost",
        }
    }
}

/// What an error's number means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Query,
    Conflict,
    #[cfg_attr(not(feature = "mysql"), expect(dead_code, reason = "only a connection over the network is lost"))]
    Lost,
    Refused,
    Full,
    Disk,
    Late,
    Interrupted,
}

/// What an error of the current call means.
fn meaning(error: &DieselError) -> Meaning {
    let meaning = match driver_error::origin(error) {
        None => Meaning::Query,
        #[cfg(feature = "mysql")]
        Some(Origin::Mysql { number: 1015 | 1290, .. }) if !names_read_only(error) => Meaning::Query,
        #[cfg(feature = "mysql")]
        Some(Origin::Mysql { number, state }) => of_mysql(number, state),
        #[cfg(feature = "mysql")]
        Some(Origin::Connection) => Meaning::Lost,
        #[cfg(feature = "sqlite")]
        Some(Origin::Sqlite(code)) => of_sqlite(code),
        Some(Origin::Deadline) => Meaning::Late,
    };
    match meaning {
        Meaning::Interrupted if deadline::has_nearly_passed() => Meaning::Late,
        meaning => meaning,
    }
}

/// Whether an error of the current call, in a migration or while a database is opened, would not be one another time.
pub(crate) fn may_pass(error: &DieselError) -> bool {
    match meaning(error) {
        Meaning::Conflict | Meaning::Lost | Meaning::Refused | Meaning::Full | Meaning::Disk => true,
        // No transaction of a migration is read-only but where the server makes all of them so.
        #[cfg(feature = "mysql")]
        Meaning::Query => {
            matches!(driver_error::origin(error), Some(Origin::Mysql { number: 1792, state }) if state == *b"25006")
        }
        _ => false,
    }
}

/// Whether an error of the current call says that a statement has waited for a lock in vain.
pub(crate) fn is_lock_wait(error: &DieselError) -> bool {
    match driver_error::origin(error) {
        #[cfg(feature = "mysql")]
        Some(Origin::Mysql { number, state }) => number == 1205 && state == *b"HY000",
        _ => false,
    }
}

/// Whether an error of the current call says that the user may not do this to a database, a table or a column.
pub(crate) fn is_denied(error: &DieselError) -> bool {
    match driver_error::origin(error) {
        #[cfg(feature = "mysql")]
        Some(Origin::Mysql { number, state }) => matches!((number, &state), (1044 | 1142 | 1143, b"42000")),
        _ => false,
    }
}

/// Whether an error of the current call says that its time was over.
pub(crate) fn is_late(error: &DieselError) -> bool {
    meaning(error) == Meaning::Late
}

/// What a number and a state mean together.
#[cfg(feature = "mysql")]
fn of_mysql(number: u16, state: [u8; 5]) -> Meaning {
    match of_number(number) {
        Some((meaning, own)) if *own == state => meaning,
        Some((_, _the_application_s)) => Meaning::Query,
        None => of_state(number, state),
    }
}

/// The numbers of both servers with the states that they have there, <https://dev.mysql.com/doc/mysql-errors/en/> and
/// <https://mariadb.com/kb/en/mariadb-error-codes/>; those below 1000 are of their file system layer.
#[cfg(feature = "mysql")]
const fn of_number(number: u16) -> Option<(Meaning, &'static [u8; 5])> {
    Some(match number {
        // Deadlock, lock wait or NOWAIT, changed record or table, a statement to prepare again, a write conflict on TiDB
        // or in a group of servers.
        1020 | 1205 | 1412 | 1615 | 3572 | 8002 | 8028 | 9007 => (Meaning::Conflict, b"HY000"),
        1213 => (Meaning::Conflict, b"40001"),
        1614 => (Meaning::Conflict, b"XA102"),
        3101 => (Meaning::Conflict, b"40000"),
        // Shutdown, killed connections, broken reads and writes, a client that was idle for too long.
        1053 | 1080 | 1152 | 1158..=1161 | 1184 => (Meaning::Lost, b"08S01"),
        1079 | 3169 | 4031 => (Meaning::Lost, b"HY000"),
        1927 => (Meaning::Lost, b"70100"),
        // Full of connections, prepared statements, locks or transactions; read-only, offline, not yet in its cluster.
        1015 | 1036 | 1206 | 1290 | 1637 | 1836 | 1874 | 3032 => (Meaning::Refused, b"HY000"),
        1040 => (Meaning::Refused, b"08004"),
        1047 => (Meaning::Refused, b"08S01"),
        1203 | 1226 | 1461 => (Meaning::Refused, b"42000"),
        1021 | 1114 => (Meaning::Full, b"HY000"),
        // Files that cannot be written or read to their end; a storage engine or a log that cannot.
        3 | 20 | 1023 | 1024 | 1026 | 1030 | 1180 | 1598 => (Meaning::Disk, b"HY000"),
        1028 | 3024 => (Meaning::Interrupted, b"HY000"),
        1317 | 1969 => (Meaning::Interrupted, b"70100"),
        // What is too large for the server, which leaves the connection as it is.
        1153 => (Meaning::Query, b"08S01"),
        _ => return None,
    })
}

/// Numbers that have no row of their own, by the class of their state: those of the servers, and not what an application
/// may take, such as 1644 of a SIGNAL without a number, or 30001.
#[cfg(feature = "mysql")]
const fn of_state(number: u16, state: [u8; 5]) -> Meaning {
    let is_of_server = matches!(number, 1000..=6999 | 8000..=9999) && number != 1644;
    match state {
        [b'0', b'8', ..] if is_of_server => Meaning::Lost,
        [b'4', b'0', ..] if is_of_server => Meaning::Conflict,
        _ => Meaning::Query,
    }
}

/// 1290 says that an option of the server forbids the statement, and which one it says in its text alone; 1015 that a
/// table cannot be locked, and there alone why: "errno: 165 - Table is read only".
#[cfg(feature = "mysql")]
fn names_read_only(error: &DieselError) -> bool {
    let text = error.to_string();
    text.contains("read-only") || text.contains("read only")
}

/// The result codes of SQLite, <https://www.sqlite.org/rescode.html>; the low byte is the primary one.
#[cfg(feature = "sqlite")]
const fn of_sqlite(code: i32) -> Meaning {
    use libsqlite3_sys as ffi;
    match code {
        // A reader's own: it may only read.
        ffi::SQLITE_READONLY => Meaning::Query,
        _ => match code & 0xff {
            ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED => Meaning::Conflict,
            ffi::SQLITE_INTERRUPT => Meaning::Interrupted,
            ffi::SQLITE_FULL => Meaning::Full,
            ffi::SQLITE_IOERR | ffi::SQLITE_CANTOPEN | ffi::SQLITE_PROTOCOL => Meaning::Disk,
            ffi::SQLITE_READONLY => Meaning::Refused,
            _ => Meaning::Query,
        },
    }
}

/// In words of the engine's where it knows more than Diesel.
fn explained(error: DieselError) -> DieselError {
    #[cfg(feature = "mysql")]
    let error = crate::misread::explain(error);
    error
}

/// What is said of a database that has not answered in time.
const DEADLINE_PASSED: &str = "the deadline has passed";

impl Failure {
    /// What an error outside of COMMIT means.
    pub(crate) fn of(error: DieselError) -> Self {
        match meaning(&error) {
            Meaning::Query => Self::Query(explained(error)),
            Meaning::Conflict => Self::Conflict(error),
            Meaning::Lost => Self::Lost(error),
            Meaning::Refused => Self::Refused(error),
            Meaning::Full => Self::Full(error),
            Meaning::Disk => Self::Disk(error),
            Meaning::Late => Self::out_of_time(),
            Meaning::Interrupted => Self::Interrupted(error),
        }
    }

    /// What an error of COMMIT means: only what the database has certainly rolled back is known.
    pub(crate) fn of_commit(error: DieselError) -> Self {
        match Self::of(error) {
            Self::Lost(error) | Self::Disk(error) | Self::Interrupted(error) => Self::OutcomeUnknown(error),
            Self::Deadline | Self::Ended => Self::OutcomeUnknown(deadline_passed()),
            known => known,
        }
    }

    /// What a call fails with that has no time left.
    pub(crate) fn out_of_time() -> Self {
        if deadline::has_ended() { Self::Ended } else { Self::Deadline }
    }

    /// Whether the connection cannot be used any more.
    pub(crate) const fn breaks_connection(&self) -> bool {
        !matches!(self, Self::Query(_) | Self::Conflict(_) | Self::Deadline | Self::Ended | Self::Interrupted(_))
    }

    /// Why the whole query may be run again, if it may.
    pub(crate) fn retry_cause(&self, kind: QueryKind) -> Option<RetryCause> {
        match self {
            Self::Conflict(error) if kind != QueryKind::Migrate => Some(RetryCause::of_conflict(error)),
            Self::Lost(_) if kind != QueryKind::Migrate => Some(RetryCause::Lost),
            _ => None,
        }
    }

    /// What the caller is told when there is no further attempt.
    pub(crate) fn into_error(self, attempts: u32, limit: Duration, database: &str) -> Error {
        let database = database.to_owned();
        match self {
            Self::Query(error) => Error::Query(error),
            Self::Conflict(source) => Error::Conflict { database, attempts, source },
            Self::Lost(source) => Error::Lost { database, source },
            Self::Refused(error) => {
                Error::Unavailable { database, source: ConnectError::Unreachable(error.to_string()) }
            }
            Self::Full(source) | Self::Disk(source) => Error::Disk { database, source },
            Self::Deadline => Error::Deadline { database, limit },
            Self::Ended => Error::Closed,
            Self::Interrupted(source) => Error::Interrupted { database, source },
            Self::OutcomeUnknown(source) => Error::OutcomeUnknown { database, source },
            Self::Panicked(panic) => Error::Panicked(panic),
        }
    }
}

/// What the caller is told of a panic outside of its query: its transaction may have been committed before.
pub(crate) fn panicked(kind: QueryKind, panic: Panic, database: &str) -> Error {
    tracing::error!(%panic, "a call of the database failed outside of its query");
    match kind {
        QueryKind::Read | QueryKind::Migrate => Error::Panicked(panic),
        QueryKind::Write(_) => {
            let panic = Box::new(format!("its thread {panic}"));
            let source = DieselError::DatabaseError(DatabaseErrorKind::Unknown, panic);
            Error::OutcomeUnknown { database: database.to_owned(), source }
        }
    }
}

/// The error of a connection that has given up on the database.
pub(crate) fn deadline_passed() -> DieselError {
    driver_error::make(DatabaseErrorKind::ClosedConnection, DEADLINE_PASSED.to_owned(), Origin::Deadline)
}

#[cfg(test)]
mod tests;
