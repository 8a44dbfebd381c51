//! What a driver knows of an error and Diesel's own type has no place for: its number. Errors are told apart by it and
//! never by their text, which can be the application's (`SIGNAL`, `RAISE`).
//!
//! A call runs wholly on one thread, so the errors of the current one are remembered there.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt::Display;

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error as DieselError};

/// Where an error comes from, and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The MySQL or MariaDB server, with its number and its SQLSTATE.
    #[cfg(feature = "mysql")]
    Mysql { number: u16, state: [u8; 5] },
    /// The MySQL driver: the connection is gone, or what came over it makes no sense.
    #[cfg(feature = "mysql")]
    Connection,
    /// SQLite, with its extended result code.
    #[cfg(feature = "sqlite")]
    Sqlite(i32),
    /// This crate: the deadline of the call has passed.
    Deadline,
}

thread_local! {
    static REMEMBERED: RefCell<VecDeque<(String, Origin)>> = const { RefCell::new(VecDeque::new()) };
    /// Whether the last statement of the current call has failed.
    static HAS_FAILED: Cell<bool> = const { Cell::new(false) };
}

/// How many errors of one call are remembered.
const MOST: usize = 32;

/// Begins a new call, whose errors are not those of the last one.
pub(crate) fn forget() {
    REMEMBERED.with_borrow_mut(VecDeque::clear);
    HAS_FAILED.set(false);
}

/// Remembers where the error with this message comes from.
pub(crate) fn remember(message: &str, origin: Origin) {
    HAS_FAILED.set(true);
    REMEMBERED.with_borrow_mut(|errors| {
        errors.truncate(MOST - 1);
        errors.push_front((message.to_owned(), origin));
    });
}

/// A statement has succeeded, so what failed before it has been dealt with; but not by a rollback, which Diesel makes
/// of the error itself.
pub(crate) fn succeeded(statement: &dyn Display) {
    if HAS_FAILED.get() && !statement.to_string().starts_with("ROLLBACK") {
        HAS_FAILED.set(false);
    }
}

/// The error of the last statement of the current call, if it has failed.
pub(crate) fn last() -> Option<DieselError> {
    let newest = REMEMBERED.with_borrow(|errors| errors.front().filter(|_| HAS_FAILED.get()).cloned());
    newest.map(|(message, _)| DieselError::DatabaseError(DatabaseErrorKind::Unknown, Box::new(message)))
}

/// Makes an error and remembers where it comes from.
pub(crate) fn make(kind: DatabaseErrorKind, message: String, origin: Origin) -> DieselError {
    remember(&message, origin);
    DieselError::DatabaseError(kind, Box::new(message))
}

/// Where an error of the current call comes from; `None` for one that no driver has made.
pub(crate) fn origin(error: &DieselError) -> Option<Origin> {
    let details = database_error(error)?;
    let of = |(message, origin): &(String, Origin)| (message == details.message()).then_some(*origin);
    REMEMBERED.with_borrow(|errors| errors.iter().find_map(of))
}

fn database_error(error: &DieselError) -> Option<&(dyn DatabaseErrorInformation + Send + Sync)> {
    match error {
        DieselError::DatabaseError(_, details) => Some(&**details),
        DieselError::RollbackErrorOnCommit { commit_error, .. } => database_error(commit_error),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(message: &str) -> DieselError {
        DieselError::DatabaseError(DatabaseErrorKind::Unknown, Box::new(message.to_owned()))
    }

    #[test]
    fn an_error_that_no_driver_has_made_has_no_origin_whatever_its_text() {
        make(DatabaseErrorKind::Unknown, "first".to_owned(), Origin::Deadline);
        assert_eq!(origin(&error("first")), Some(Origin::Deadline));
        assert_eq!(origin(&error("second")), None);
        forget();
        assert_eq!(origin(&error("first")), None);
    }

    #[test]
    fn the_last_error_is_that_of_the_last_statement_whatever_was_rolled_back_after_it() {
        let last = || last().map(|error| error.to_string());
        remember("first", Origin::Deadline);
        succeeded(&"ROLLBACK TO SAVEPOINT diesel_savepoint_1");
        assert_eq!(last().as_deref(), Some("first"));
        succeeded(&"SELECT 1");
        assert_eq!(last(), None);
        remember("second", Origin::Deadline);
        assert_eq!(last().as_deref(), Some("second"));
        forget();
        assert_eq!(last(), None);
    }

    #[test]
    fn a_call_with_endless_errors_remembers_the_last_ones() {
        (0..10 * MOST).for_each(|number| remember(&number.to_string(), Origin::Deadline));
        assert_eq!(REMEMBERED.with_borrow(VecDeque::len), MOST);
        assert_eq!(origin(&error(&(10 * MOST - 1).to_string())), Some(Origin::Deadline));
        forget();
    }
}
