use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use diesel::result::Error as DieselError;
use foobar_core::Histogram;

use crate::Error;
use crate::failure::RetryCause;

/// What one pool has counted since its start.
#[derive(Default)]
pub(crate) struct Stats {
    /// How long calls waited for a thread, also those that gave up.
    pub(crate) queue: Histogram,
    /// How long those that had a thread waited for a connection, also those that got none.
    pub(crate) acquire: Histogram,
    /// How long those that had a connection took.
    pub(crate) queries: Histogram,
    pub(crate) waits: AtomicU64,
    /// By their cause, in the order of [`RetryCause::ALL`].
    retries: [AtomicU64; RetryCause::ALL.len()],
    errors: Mutex<BTreeMap<&'static str, u64>>,
}

impl Stats {
    /// Counts a call that failed; a row that is not there, and what a query takes back for a reason of its own, are
    /// answers.
    pub(crate) fn failed(&self, error: &Error) {
        if matches!(error, Error::Query(DieselError::NotFound | DieselError::RollbackTransaction)) {
            return;
        }
        *self.lock().entry(error.kind()).or_default() += 1;
    }

    /// Counts an attempt after one that failed for this cause.
    pub(crate) fn retried(&self, cause: RetryCause) {
        self.retries[cause as usize].fetch_add(1, Relaxed);
    }

    /// How many attempts there were after the first, by the cause.
    pub(crate) fn retries(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        RetryCause::ALL.into_iter().map(|cause| (cause.name(), self.retries[cause as usize].load(Relaxed)))
    }

    /// How many calls failed, by kind of error.
    pub(crate) fn errors(&self) -> BTreeMap<&'static str, u64> {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<&'static str, u64>> {
        self.errors.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
