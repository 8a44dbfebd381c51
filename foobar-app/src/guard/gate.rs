use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use foobar_core::Readiness;

/// Lets requests through once the application has started.
pub(crate) struct Gate {
    open: AtomicBool,
    reason: Mutex<String>,
}

impl Gate {
    pub(crate) fn closed(reason: impl Into<String>) -> Self {
        Self { open: AtomicBool::new(false), reason: Mutex::new(reason.into()) }
    }

    pub(crate) fn open(&self) {
        self.open.store(true, Ordering::Release);
    }

    /// Says why it is still closed.
    pub(crate) fn explain(&self, reason: impl Into<String>) {
        *self.reason.lock().unwrap_or_else(PoisonError::into_inner) = reason.into();
    }

    pub(crate) fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    pub(crate) fn readiness(&self) -> Readiness {
        if self.is_open() {
            return Readiness::Ready;
        }
        Readiness::NotReady(self.reason.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}
