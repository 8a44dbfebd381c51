use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::Name;
use super::entry::Entry;

/// What one worker looks at before the cache that it shares with the others: a hit takes no lock.
///
/// It holds nothing alive: what the cache has dropped is gone here too.
pub(crate) struct LocalCache {
    counters: Arc<HitCounters>,
    slots: Box<[Slot]>,
}

#[derive(Clone, Default)]
struct Slot {
    hash: u64,
    entry: Weak<Entry>,
}

/// The figures of one worker; only it writes them.
#[derive(Debug, Default)]
struct HitCounters {
    hits: AtomicU64,
    misses: AtomicU64,
}

const SLOTS: usize = 1024;

/// What the workers of one store have in front of its cache: each its own, and here their figures.
#[derive(Default)]
pub(crate) struct LocalCaches {
    owner: Arc<()>,
    counters: Mutex<Vec<Arc<HitCounters>>>,
}

thread_local! {
    /// With the owner that this thread works for.
    static LOCAL_CACHE: RefCell<Option<(Arc<()>, LocalCache)>> = const { RefCell::new(None) };
}

impl LocalCaches {
    /// Uses that of this thread. A thread works for one store; where it comes to another, it begins anew.
    pub(crate) fn with<T>(&self, use_it: impl FnOnce(&mut LocalCache) -> T) -> T {
        LOCAL_CACHE.with_borrow_mut(|mine| match mine {
            Some((owner, local)) if Arc::ptr_eq(owner, &self.owner) => use_it(local),
            other => {
                let local = LocalCache { counters: self.new_counters(), slots: vec![Slot::default(); SLOTS].into() };
                use_it(&mut other.insert((Arc::clone(&self.owner), local)).1)
            }
        })
    }

    /// The figures of all workers together.
    pub(crate) fn hits_and_misses(&self) -> (u64, u64) {
        let counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = |counter: fn(&HitCounters) -> &AtomicU64| {
            counters.iter().map(|counters| counter(counters).load(Relaxed)).sum()
        };
        (sum(|counters| &counters.hits), sum(|counters| &counters.misses))
    }

    fn new_counters(&self) -> Arc<HitCounters> {
        let counters = Arc::default();
        self.counters.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&counters));
        counters
    }
}

impl LocalCache {
    /// What is known of a name, by its hash.
    pub(crate) fn get(&self, hash: u64, name: Name<'_>) -> Option<Arc<Entry>> {
        let slot = &self.slots[hash as usize % SLOTS];
        let entry = if slot.hash == hash { slot.entry.upgrade() } else { None }?;
        name.is_of(&entry.key).then_some(entry)
    }

    /// Knows it until another one comes to its place.
    pub(crate) fn put(&mut self, hash: u64, entry: &Arc<Entry>) {
        self.slots[hash as usize % SLOTS] = Slot { hash, entry: Arc::downgrade(entry) };
    }

    pub(crate) fn hit(&self) {
        increase(&self.counters.hits);
    }

    pub(crate) fn missed(&self) {
        increase(&self.counters.misses);
    }
}

fn increase(counter: &AtomicU64) {
    counter.store(counter.load(Relaxed) + 1, Relaxed); // this thread alone writes it
}
