//! Migrations and openings that failed for now: nothing is wrong with them.

use std::error::Error as StdError;
use std::io::{self, ErrorKind};

use diesel::result::{ConnectionError, DatabaseErrorKind, Error as DieselError};
use foobar_core::BoxError;

use crate::Error;
use crate::failure::Failure;

/// The cause of such an error.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct Passing(BoxError);

/// Marks the cause of `error` where it may pass; on the thread on which it came up, which knows most of it.
pub(crate) fn mark(error: Error) -> Error {
    match error {
        Error::Open { database, source } if may_pass(&*source) => {
            Error::Open { database, source: Passing(source).into() }
        }
        Error::Migration { name, source } if may_pass(&*source) => {
            Error::Migration { name, source: Passing(source).into() }
        }
        Error::MigrationState(source) if may_pass(&*source) || is_late(&*source) => {
            Error::MigrationState(Passing(source).into())
        }
        lasting => lasting,
    }
}

fn may_pass(error: &(dyn StdError + 'static)) -> bool {
    use Failure::{Conflict, Disk, Full, Lost, Refused};
    let is_full = |error: &io::Error| matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded);
    causes(error).any(|cause| cause.downcast_ref().is_some_and(is_full))
        || failure_of(error).is_some_and(|failure| match failure {
            Conflict(_) | Lost(_) | Refused(_) | Full(_) | Disk(_) => true,
            Failure::Query(error) => is_of_read_only_transactions(&error),
            _ => false,
        })
}

fn is_late(error: &(dyn StdError + 'static)) -> bool {
    matches!(failure_of(error), Some(Failure::Deadline))
}

/// The server's own 1792. No transaction of a migration is read-only but where the server makes all of them so.
fn is_of_read_only_transactions(error: &DieselError) -> bool {
    error.to_string().starts_with("Cannot execute statement in a READ ONLY transaction")
}

fn failure_of(error: &(dyn StdError + 'static)) -> Option<Failure> {
    causes(error).find_map(diesel_error).map(Failure::of)
}

fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

/// Diesel's error, made anew; where a migration fails, all that Diesel shows of it is the text.
fn diesel_error(error: &(dyn StdError + 'static)) -> Option<DieselError> {
    let own = match error.downcast_ref() {
        Some(ConnectionError::CouldntSetupConfiguration(error)) => Some(error),
        _ => error.downcast_ref(),
    };
    match own {
        Some(DieselError::DatabaseError(kind, details)) => Some(database_error(*kind, details.message())),
        Some(DieselError::RollbackErrorOnCommit { commit_error, .. }) => diesel_error(&**commit_error),
        Some(_) => None,
        None => {
            let text = error.to_string();
            let (_, message) = text.strip_prefix("Failed to run ")?.split_once(" with: ")?;
            Some(database_error(DatabaseErrorKind::Unknown, message))
        }
    }
}

fn database_error(kind: DatabaseErrorKind, message: &str) -> DieselError {
    DieselError::DatabaseError(kind, Box::new(message.to_owned()))
}

#[cfg(all(feature = "sqlite", feature = "mysql"))]
#[cfg(test)]
mod tests;
