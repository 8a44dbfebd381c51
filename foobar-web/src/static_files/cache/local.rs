use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Weak};

use super::Name;
use super::entry::Entry;
use crate::static_files::store::Store;

/// What one worker looks at before the cache that it shares with the others: a hit takes no lock.
///
/// It holds nothing alive: what the cache has dropped is gone here too.
pub(crate) struct Front {
    tally: Arc<Tally>,
    slots: Box<[Slot]>,
}

#[derive(Clone, Default)]
struct Slot {
    hash: u64,
    entry: Weak<Entry>,
}

/// The figures of one worker; only it writes them.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) hits: AtomicU64,
    pub(crate) misses: AtomicU64,
}

const SLOTS: usize = 1024;

thread_local! {
    /// With the mark of the store that this thread works for.
    static FRONT: RefCell<Option<(Arc<()>, Front)>> = const { RefCell::new(None) };
}

impl Front {
    /// Uses that of this thread. A thread works for one store; where it comes to another, it begins anew.
    pub(crate) fn with<T>(store: &Store, use_it: impl FnOnce(&mut Self) -> T) -> T {
        FRONT.with_borrow_mut(|mine| match mine {
            Some((mark, front)) if Arc::ptr_eq(mark, store.mark()) => use_it(front),
            other => {
                let front = Self { tally: store.new_tally(), slots: vec![Slot::default(); SLOTS].into() };
                use_it(&mut other.insert((Arc::clone(store.mark()), front)).1)
            }
        })
    }

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
        increase(&self.tally.hits);
    }

    pub(crate) fn missed(&self) {
        increase(&self.tally.misses);
    }
}

fn increase(counter: &AtomicU64) {
    counter.store(counter.load(Relaxed) + 1, Relaxed); // this thread alone writes it
}
