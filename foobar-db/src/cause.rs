//! Causes of errors that say what they mean for a start.

use foobar_core::BoxError;

/// The cause of an error that may pass: of a migration or an opening that failed for now.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct Passing(pub(crate) BoxError);

/// The cause of an error of migrations whose user may not do what they do.
#[derive(Debug, thiserror::Error)]
#[error(
    "this user may not do so; grant it what migrations need, or set `database.migration_url`, a URL whose user may change \
     the schema"
)]
pub(crate) struct Denied(#[source] pub(crate) BoxError);
