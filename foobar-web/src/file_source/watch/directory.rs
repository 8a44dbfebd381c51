use std::sync::atomic::{AtomicU64, Ordering};

/// A directory that may change.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    generation: AtomicU64,
    told: bool,
}

impl Directory {
    pub(super) fn new(told: bool) -> Self {
        Self { told, ..Self::default() }
    }

    /// Another number after each change that was told of.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Whether it has had this generation since. Who got hold of it just before it was forgotten may have seen its last
    /// one, but nothing is told of it any more.
    pub(crate) fn is_still(&self, seen: u64) -> bool {
        seen != FORGOTTEN && self.generation() == seen
    }

    pub(super) fn forget(&self) {
        self.generation.store(FORGOTTEN, Ordering::Release);
    }

    pub(super) fn is_forgotten(&self) -> bool {
        self.generation() == FORGOTTEN
    }

    pub(crate) fn has_changed(&self) {
        let next = |generation| (generation != FORGOTTEN).then(|| generation + 1);
        // Who forgot it has told of more than a change.
        _ = self.generation.fetch_update(Ordering::Release, Ordering::Relaxed, next);
    }

    /// Whether the system tells of every change to what lies in it, and to the directories above it.
    pub(crate) const fn is_told(&self) -> bool {
        self.told
    }
}

/// The generation of a directory that is watched no longer.
const FORGOTTEN: u64 = u64::MAX;
