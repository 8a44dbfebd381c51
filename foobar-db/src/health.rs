use std::sync::{PoisonError, RwLock};

use foobar_core::Readiness;

/// What a database last said of its readiness. Held only for the time of a copy.
pub(crate) struct Health(RwLock<Readiness>);

impl Health {
    pub(crate) fn new() -> Self {
        Self(RwLock::new(Readiness::not("not started")))
    }

    pub(crate) fn get(&self) -> Readiness {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gives what it was before.
    pub(crate) fn set(&self, readiness: Readiness) -> Readiness {
        std::mem::replace(&mut self.0.write().unwrap_or_else(PoisonError::into_inner), readiness)
    }
}
