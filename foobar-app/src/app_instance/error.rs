use std::error::Error;
use std::time::Duration;

use foobar_core::BoxError;
use foobar_core::panics::Panic;

/// Why an application could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// [`App::migrations`](crate::App::migrations) panicked.
    #[error("the application's list of migrations {0}")]
    MigrationsPanicked(Panic),
    /// The schema of the database could not be brought up to date; the cause names the migration.
    #[error("the database {database} could not be migrated")]
    Migrate {
        /// The database, without a password.
        database: String,
        /// Why.
        source: foobar_db::Error,
    },
    /// [`App::start`](crate::App::start) returned an error.
    #[error("the application's own start failed")]
    App(#[source] BoxError),
    /// [`App::start`](crate::App::start) returned an error of a query that its deadline has ended.
    #[error(
        "a query of the application's own start took too long; divide it into shorter ones, or raise \
         `database.query_timeout`"
    )]
    Interrupted(#[source] BoxError),
    /// [`App::start`](crate::App::start) panicked.
    #[error("the application's own start {0}")]
    Panicked(Panic),
    /// [`App::start`](crate::App::start) took too long, in one attempt or in several whose queries took too long.
    #[error("the application's own start did not end within {limit:?} (`app.start_timeout`)")]
    Deadline {
        /// How long it may take.
        limit: Duration,
        /// Why the last of several attempts failed.
        source: Option<Box<Self>>,
    },
}

impl StartError {
    /// Whether another attempt may succeed: what failed is the database, and for now.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Migrate { source, .. } => source.may_pass(),
            Self::App(error) | Self::Interrupted(error) => {
                of_database(&**error).is_some_and(foobar_db::Error::may_pass)
            }
            Self::MigrationsPanicked(_) | Self::Panicked(_) | Self::Deadline { .. } => false,
        }
    }
}

/// The error of the database among the causes of an application's.
pub(super) fn of_database<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a foobar_db::Error> {
    std::iter::successors(Some(error), |error| (*error).source()).find_map(|cause| cause.downcast_ref())
}
