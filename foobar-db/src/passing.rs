//! Migrations and openings that failed for now: nothing is wrong with them.

use std::error::Error as StdError;
use std::io::{self, ErrorKind};

use diesel::result::{ConnectionError, Error as DieselError};

use crate::cause::{Denied, Passing};
use crate::{Error, failure};

/// Marks the cause of `error` where it may pass, or where the user is not the right one; on the thread on which it came up, which knows most of it.
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
        Error::Migration { name, source } if is_denied(&*source) => {
            Error::Migration { name, source: Denied(source).into() }
        }
        Error::MigrationState(source) if is_denied(&*source) => Error::MigrationState(Denied(source).into()),
        lasting => lasting,
    }
}

fn may_pass(error: &(dyn StdError + 'static)) -> bool {
    use ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    let is_for_now = |error: &io::Error| matches!(error.kind(), StorageFull | QuotaExceeded | ReadOnlyFilesystem);
    causes(error).any(|cause| cause.downcast_ref().is_some_and(is_for_now))
        || causes(error).filter_map(diesel_error).any(failure::may_pass)
}

fn is_late(error: &(dyn StdError + 'static)) -> bool {
    causes(error).filter_map(diesel_error).any(failure::is_late)
}

fn is_denied(error: &(dyn StdError + 'static)) -> bool {
    causes(error).filter_map(diesel_error).any(failure::is_denied)
}

fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

fn diesel_error<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a DieselError> {
    match error.downcast_ref() {
        Some(ConnectionError::CouldntSetupConfiguration(error)) => Some(error),
        _ => error.downcast_ref(),
    }
}

#[cfg(all(feature = "sqlite", feature = "mysql"))]
#[cfg(test)]
mod tests;
