use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use diesel::result::Error as DieselError;

use crate::Error;

/// What one pool has counted since its start.
#[derive(Default)]
pub(crate) struct Stats {
    pub(crate) queries: AtomicU64,
    pub(crate) microseconds: AtomicU64,
    pub(crate) waits: AtomicU64,
    pub(crate) retries: AtomicU64,
    errors: Mutex<BTreeMap<&'static str, u64>>,
}

impl Stats {
    /// Counts a query that held a connection for `time`.
    pub(crate) fn ran(&self, time: Duration) {
        self.queries.fetch_add(1, Relaxed);
        self.microseconds.fetch_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Relaxed); // 584,000 years
    }

    /// Counts a call that failed; a row that is not there, and what a query takes back for a reason of its own, are answers.
    pub(crate) fn failed(&self, error: &Error) {
        if matches!(error, Error::Query(DieselError::NotFound | DieselError::RollbackTransaction)) {
            return;
        }
        *self.lock().entry(error.kind()).or_default() += 1;
    }

    /// How many calls failed, by kind of error.
    pub(crate) fn errors(&self) -> BTreeMap<&'static str, u64> {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<&'static str, u64>> {
        self.errors.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
