use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What a server says of its own course, besides its tiers.
pub(crate) struct Lifecycle {
    stopping: AtomicBool,
    /// Whether an operator has taken it out of the rotation of a balancer.
    drained: AtomicBool,
    /// How many configurations it has had.
    configurations: AtomicU64,
    /// When it has taken the one in use.
    since: Mutex<Instant>,
}

impl Lifecycle {
    pub(crate) fn new() -> Self {
        Self {
            stopping: AtomicBool::new(false),
            drained: AtomicBool::new(false),
            configurations: AtomicU64::new(1),
            since: Mutex::new(Instant::now()),
        }
    }

    /// A stop has begun.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Relaxed);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Relaxed)
    }

    /// Takes it out of the rotation, or back; whether that is a change.
    pub(crate) fn set_drained(&self, drained: bool) -> bool {
        self.drained.swap(drained, Relaxed) != drained
    }

    /// It has taken another configuration.
    pub(crate) fn reloaded(&self) {
        self.configurations.fetch_add(1, Relaxed);
        *self.since.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now(); // it is whole at any time
    }

    /// For how long it has had the configuration in use.
    pub(crate) fn configured(&self) -> Duration {
        self.since.lock().unwrap_or_else(PoisonError::into_inner).elapsed() // the same
    }

    /// The number of the configuration in use; the first is 1.
    pub(crate) fn configuration(&self) -> u64 {
        self.configurations.load(Relaxed)
    }

    /// Why it is not ready, whatever its tiers say.
    pub(crate) fn not_ready(&self) -> Option<&'static str> {
        match (self.is_stopping(), self.drained.load(Relaxed)) {
            (true, _) => Some("it is stopping"),
            (false, true) => Some("an operator has taken it out of the rotation (`drain`)"),
            (false, false) => None,
        }
    }
}
