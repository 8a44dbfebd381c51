use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
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
    /// How many programs have served here in turn, with this one.
    generation: AtomicU64,
    is_upgrading: AtomicBool,
    /// Held where an upgrade begins, and where an operator's order is carried out that the new program has to know of.
    handing_over: Mutex<()>,
    /// Whether another program serves in its place.
    is_over: AtomicBool,
    /// What the program before still does.
    before: Mutex<Option<String>>,
}

impl Lifecycle {
    pub(crate) fn new() -> Self {
        Self {
            stopping: AtomicBool::new(false),
            drained: AtomicBool::new(false),
            configurations: AtomicU64::new(1),
            since: Mutex::new(Instant::now()),
            generation: AtomicU64::new(1),
            is_upgrading: AtomicBool::new(false),
            handing_over: Mutex::new(()),
            is_over: AtomicBool::new(false),
            before: Mutex::new(None),
        }
    }

    pub(crate) fn set_generation(&self, generation: u64) {
        self.generation.store(generation, Relaxed);
    }

    /// How many programs have served here in turn, with this one.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Relaxed)
    }

    pub(crate) fn set_upgrading(&self, is_upgrading: bool) {
        let _turn = self.turn();
        self.is_upgrading.store(is_upgrading, Relaxed);
    }

    /// Does what an operator orders of this program alone; `None` where a new one has been told, or is about to be, how it was.
    pub(crate) fn unless_handing_over<T>(&self, order: impl FnOnce() -> T) -> Option<T> {
        let _turn = self.turn();
        (!self.is_upgrading() && !self.is_over()).then(order)
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        self.handing_over.lock().unwrap_or_else(PoisonError::into_inner) // there is nothing in it
    }

    pub(crate) fn is_upgrading(&self) -> bool {
        self.is_upgrading.load(Relaxed)
    }

    /// Another program serves in its place.
    pub(crate) fn hand_over(&self) {
        self.is_over.store(true, Relaxed);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Relaxed)
    }

    pub(crate) fn set_before(&self, before: Option<String>) {
        *self.before_mut() = before;
    }

    /// What the program before still does; `None` where there is none, or it has ended.
    pub(crate) fn before(&self) -> Option<String> {
        self.before_mut().clone()
    }

    fn before_mut(&self) -> MutexGuard<'_, Option<String>> {
        self.before.lock().unwrap_or_else(PoisonError::into_inner) // it is whole at any time
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

    pub(crate) fn is_drained(&self) -> bool {
        self.drained.load(Relaxed)
    }

    /// Why it is not ready, whatever its tiers say.
    pub(crate) fn not_ready(&self) -> Option<&'static str> {
        match (self.is_stopping(), self.is_drained()) {
            (true, _) => Some("it is stopping"),
            (false, true) => Some("an operator has taken it out of the rotation (`drain`)"),
            (false, false) => None,
        }
    }
}
