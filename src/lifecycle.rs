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
    upgrade: Mutex<Option<Upgrade>>,
    /// Held where an upgrade begins, and where an operator's order is carried out that the new program has to know of.
    handing_over: Mutex<()>,
    /// Whether another program serves in its place.
    is_over: AtomicBool,
    before: Mutex<Option<Before>>,
}

/// An upgrade that is under way.
#[derive(Clone, Copy)]
struct Upgrade {
    since: Instant,
    /// The process of the new program, once it has been started.
    process: Option<u32>,
}

/// A program in whose place this one serves.
struct Before {
    process: u32,
    /// What it still does.
    left: String,
    since: Instant,
}

impl Lifecycle {
    pub(crate) fn new() -> Self {
        Self {
            stopping: AtomicBool::new(false),
            drained: AtomicBool::new(false),
            configurations: AtomicU64::new(1),
            since: Mutex::new(Instant::now()),
            generation: AtomicU64::new(1),
            upgrade: Mutex::new(None),
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
        *self.upgrade_mut() = is_upgrading.then(|| Upgrade { since: Instant::now(), process: None });
    }

    /// The process of the new program.
    pub(crate) fn set_successor(&self, process: u32) {
        self.upgrade_mut().iter_mut().for_each(|upgrade| upgrade.process = Some(process));
    }

    fn upgrade_mut(&self) -> MutexGuard<'_, Option<Upgrade>> {
        self.upgrade.lock().unwrap_or_else(PoisonError::into_inner) // it is whole at any time
    }

    /// To which process an upgrade goes that is under way, and for how long it has been; `None` where there is none.
    pub(crate) fn upgrade(&self) -> Option<String> {
        let Upgrade { since, process } = (*self.upgrade_mut())?;
        let to = process.map_or("it begins".to_owned(), |process| format!("to process {process}"));
        Some(format!("{to}, for {} s", since.elapsed().as_secs()))
    }

    /// For how long an upgrade has been under way.
    pub(crate) fn upgrading_for(&self) -> Option<Duration> {
        self.upgrade_mut().map(|upgrade| upgrade.since.elapsed())
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
        self.upgrade_mut().is_some()
    }

    /// Another program serves in its place.
    pub(crate) fn hand_over(&self) {
        self.is_over.store(true, Relaxed);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Relaxed)
    }

    /// What the process in whose place this one serves still does.
    pub(crate) fn set_before(&self, process: u32, left: String) {
        let mut before = self.before_mut();
        let since = before.as_ref().map_or_else(Instant::now, |before| before.since);
        *before = Some(Before { process, left, since });
    }

    /// It has ended.
    pub(crate) fn forget_before(&self) {
        *self.before_mut() = None;
    }

    /// What the program before still does, and for how long it has drained; `None` where there is none, or it has ended.
    pub(crate) fn before(&self) -> Option<String> {
        self.before_mut().as_ref().map(|Before { process, left, since }| {
            format!("process {process} has drained for {} s, and still has {left}", since.elapsed().as_secs())
        })
    }

    /// For how long the program before has drained.
    pub(crate) fn before_for(&self) -> Option<Duration> {
        self.before_mut().as_ref().map(|before| before.since.elapsed())
    }

    fn before_mut(&self) -> MutexGuard<'_, Option<Before>> {
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
