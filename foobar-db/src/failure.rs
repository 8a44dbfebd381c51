use std::time::Duration;

use diesel::result::{DatabaseErrorKind, Error as DieselError};
use foobar_core::panics::Panic;

use crate::{Access, ConnectError, Error};

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
    /// The connection broke during COMMIT.
    OutcomeUnknown(DieselError),
    /// The closure panicked.
    Panicked(Panic),
}

/// What is said of a database that has not answered in time.
const DEADLINE_PASSED: &str = "the deadline has passed";

/// How messages begin, since neither driver hands on the error's number: the server's texts for 1213, 1205, 1020,
/// 1412, 1615 and TiDB's 9007, then SQLite's.
const CONFLICT: &[&str] = &[
    "Deadlock found when trying to get lock",
    "Lock wait timeout exceeded",
    "Record has changed since last read",
    "Table definition has changed",
    "Prepared statement needs to be re-prepared",
    "Write conflict",
    "database is locked",
    "database table is locked",
];
/// The driver's own words, then the server's for 1927, 1053 and 1158 to 1161.
const LOST: &[&str] = &[
    "Input/output error",
    "Driver error: `Connection to the server is closed",
    "Driver error: `Packet out of order",
    "Connection was killed",
    "Server shutdown in progress",
    "Got an error reading communication packets",
    "Got timeout reading communication packets",
    "Got an error writing communication packets",
    "Got timeout writing communication packets",
];
/// 1290, 1836, 1047, 1040, 1203 and 1226.
const REFUSED: &[&str] = &[
    "The MariaDB server is running with the",
    "The MySQL server is running with the",
    "Running in read-only mode",
    "WSREP has not yet prepared node",
    "Too many connections",
    "Already has more than 'max_user_connections'",
    "User '",
];
/// SQLite's, then the server's for 1021.
const FULL: &[&str] = &["database or disk is full", "Disk full ("];
/// How the server's text for 1114 begins and ends.
const TABLE_FULL: (&str, &str) = ("The table '", "' is full");
/// SQLite's.
const DISK: &[&str] = &["disk I/O error"];
/// 1317, 1969 and 3024, then SQLite's.
const DEADLINE: &[&str] = &["Query execution was interrupted", "interrupted", DEADLINE_PASSED];

impl Failure {
    /// What an error outside of COMMIT means.
    pub(crate) fn of(error: DieselError) -> Self {
        let Some(message) = transient_message(&error) else { return Self::Query(error) };
        let begins_with = |texts: &[&str]| texts.iter().any(|text| message.starts_with(text));
        if begins_with(DEADLINE) {
            Self::Deadline
        } else if begins_with(CONFLICT) {
            Self::Conflict(error)
        } else if begins_with(LOST) {
            Self::Lost(error)
        } else if begins_with(REFUSED) {
            Self::Refused(error)
        } else if begins_with(FULL) || message.starts_with(TABLE_FULL.0) && message.ends_with(TABLE_FULL.1) {
            Self::Full(error)
        } else if begins_with(DISK) {
            Self::Disk(error)
        } else {
            Self::Query(error)
        }
    }

    /// What an error of COMMIT means: only what the server has answered is known.
    pub(crate) fn of_commit(error: DieselError) -> Self {
        match Self::of(error) {
            Self::Lost(error) | Self::Disk(error) => Self::OutcomeUnknown(error),
            Self::Deadline => Self::OutcomeUnknown(deadline_passed()),
            known => known,
        }
    }

    /// Whether the connection cannot be used any more.
    pub(crate) const fn breaks_connection(&self) -> bool {
        !matches!(self, Self::Query(_) | Self::Conflict(_) | Self::Deadline)
    }

    /// Whether the whole query may be run again.
    pub(crate) fn may_be_retried(&self, access: Access) -> bool {
        access != Access::Migrate && matches!(self, Self::Conflict(_) | Self::Lost(_))
    }

    /// What the caller is told when there is no further attempt.
    pub(crate) fn into_error(self, attempts: u32, limit: Duration, database: &str) -> Error {
        match self {
            Self::Query(error) => Error::Query(error),
            Self::Conflict(source) => Error::Conflict { attempts, source },
            Self::Lost(error) => Error::Lost(error),
            Self::Refused(error) => Error::Unavailable {
                database: database.to_owned(),
                source: ConnectError::Unreachable(error.to_string()),
            },
            Self::Full(error) | Self::Disk(error) => Error::Disk(error),
            Self::Deadline => Error::Deadline(limit),
            Self::OutcomeUnknown(error) => Error::OutcomeUnknown(error),
            Self::Panicked(panic) => Error::Panicked(panic),
        }
    }
}

/// The error of a connection that has given up on the database.
pub(crate) fn deadline_passed() -> DieselError {
    DieselError::DatabaseError(DatabaseErrorKind::ClosedConnection, Box::new(DEADLINE_PASSED.to_owned()))
}

/// The message of an error that may pass; a violated constraint, whose message can hold the user's text, never does.
fn transient_message(error: &DieselError) -> Option<&str> {
    use DatabaseErrorKind::{ClosedConnection, ReadOnlyTransaction, SerializationFailure, Unknown};
    match error {
        DieselError::DatabaseError(
            Unknown | ClosedConnection | SerializationFailure | ReadOnlyTransaction,
            details,
        ) => Some(details.message()),
        DieselError::RollbackErrorOnCommit { commit_error, .. } => transient_message(commit_error),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown(message: &str) -> DieselError {
        DieselError::DatabaseError(DatabaseErrorKind::Unknown, Box::new(message.to_owned()))
    }

    #[test]
    fn the_message_decides_what_comes_next() {
        for (message, expected) in [
            ("Deadlock found when trying to get lock; try restarting transaction", "Conflict"),
            ("Lock wait timeout exceeded; try restarting transaction", "Conflict"),
            ("database is locked", "Conflict"),
            ("Input/output error: connection closed", "Lost"),
            ("Connection was killed", "Lost"),
            (
                "The MariaDB server is running with the --read-only option so it cannot execute this statement",
                "Refused",
            ),
            ("Query execution was interrupted (max_statement_time exceeded)", "Deadline"),
            ("interrupted", "Deadline"),
            ("database or disk is full", "Full"),
            ("The table 'notes' is full", "Full"),
            ("disk I/O error", "Disk"),
            ("Unknown column 'Deadlock found when trying to get lock' in 'field list'", "Query"),
        ] {
            let failure = format!("{:?}", Failure::of(unknown(message)));
            assert!(failure.starts_with(expected), "{message}: {failure}");
        }
    }

    #[test]
    fn a_violated_constraint_is_the_query_s_own_whatever_its_text() {
        let error = DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, Box::new("interrupted".to_owned()));
        assert!(matches!(Failure::of(error), Failure::Query(_)));
    }

    #[test]
    fn after_a_loss_or_a_failing_disk_at_commit_nothing_is_tried_again() {
        let failure = Failure::of_commit(unknown("Input/output error: connection closed"));
        assert!(matches!(failure, Failure::OutcomeUnknown(_)) && !failure.may_be_retried(Access::Write));
        let failure = Failure::of_commit(unknown("disk I/O error"));
        assert!(matches!(failure, Failure::OutcomeUnknown(_)) && !failure.may_be_retried(Access::Write));
        let failure = Failure::of_commit(unknown("Deadlock found when trying to get lock"));
        assert!(failure.may_be_retried(Access::Write));
    }
}
