//! What was found in a tree, kept for all workers within bounds, and in front of that what one worker looks at first.
//!
//! - An entry never changes; another takes its place. It holds when it was looked up and which generation its
//!   directory had then, so its validity is two loads and no lock. Every look, the first or a later one, is the same
//!   function (`Tree::look`), which keeps what is known if its state is the same.
//! - A hit takes no lock: each worker has a small table of weak references; what the cache drops is gone there too. As
//!   an entry is looked up again every `file_cache_valid`, through the cache, the cache knows what is in use.
//!   quick_cache and not moka, which brings threads and a clock.
//! - The workers' tables have a quick hash (foldhash, seeded at start): a collision costs one look into the cache,
//!   which has the standard library's.
//! - Three budgets: contents by bytes, descriptors by number, and a small share for all else (names that do not exist,
//!   directories): a flood of distinct 404s pushes out no file.

mod entry;
mod flights;
mod local;

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use quick_cache::sync::{Cache as Shared, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, Equivalent, OptionsBuilder, Weighter};

use entry::Kind;

pub(crate) use entry::{Entry, Found, Key, Milliseconds, Scope};
pub(crate) use flights::{Leader, SingleFlight};
pub(crate) use local::LocalCaches;

/// What was found, kept for all workers within bounds.
///
/// Files in memory, open files, and all else have budgets of their own: a flood of names that do not exist pushes out
/// no file.
pub(super) struct Cache {
    contents: Keep,
    descriptors: Keep,
    others: Keep,
}

type Keep = Shared<Key, Arc<Entry>, Weight, DefaultHashBuilder, DefaultLifecycle<Key, Arc<Entry>>>;

/// A [`Key`], borrowed.
#[derive(Clone, Copy)]
pub(super) struct Name<'a> {
    pub(super) tree: u32,
    pub(super) path: &'a [u8],
}

#[derive(Clone)]
struct Weight;

/// The share of the budget that what is no file gets, and its bound.
const OTHERS: u64 = 32;
const MOST_OTHERS: u64 = 4 << 20;
/// How many of the largest files each shard must have room for.
const ROOM: u64 = 4;
/// More shards than any number of workers gets in the way of each other.
const MOST_SHARDS: u64 = 64;

impl Cache {
    /// `size` bytes of memory, for files of at most `max_file` bytes, and so many open files.
    pub(super) fn new(size: u64, max_file: u64, descriptors: usize) -> Self {
        let others = (size / OTHERS).min(MOST_OTHERS);
        let shards = (size / (ROOM * max_file.max(1))).clamp(1, MOST_SHARDS);
        Self {
            contents: keep(size - others, 16 << 10, shards),
            descriptors: keep(descriptors as u64, 1, 1),
            others: keep(others, 512, 16),
        }
    }

    pub(super) fn get(&self, name: Name<'_>) -> Option<Arc<Entry>> {
        let found = self.contents.get(&name).or_else(|| self.others.get(&name));
        found.or_else(|| self.descriptors.get(&name))
    }

    /// Puts it in the place of what was found there before. What is larger than the budget is not kept.
    pub(super) fn insert(&self, entry: &Arc<Entry>) {
        let keeps =
            [(Kind::Content, &self.contents), (Kind::Descriptors, &self.descriptors), (Kind::Other, &self.others)];
        for (kind, keep) in keeps {
            if kind == entry.kind {
                keep.insert(entry.key.clone(), Arc::clone(entry));
            } else {
                keep.remove(&entry.key);
            }
        }
    }

    /// Lets go of all open files.
    pub(super) fn close_files(&self) {
        self.descriptors.clear();
    }

    /// The most bytes of memory and the most descriptors that it takes.
    pub(super) fn limits(&self) -> (u64, u64) {
        (self.contents.capacity() + self.others.capacity(), self.descriptors.capacity())
    }

    /// The bytes of memory that are taken.
    pub(super) fn bytes(&self) -> u64 {
        self.contents.weight() + self.others.weight()
    }
}

fn keep(weight: u64, usual: u64, shards: u64) -> Keep {
    let options = OptionsBuilder::new()
        .weight_capacity(weight)
        .estimated_items_capacity((weight / usual).max(1) as usize)
        .shards(shards as usize)
        .build()
        .expect("capacity and estimate are set");
    Shared::with_options(options, Weight, DefaultHashBuilder::default(), DefaultLifecycle::default())
}

impl Weighter<Key, Arc<Entry>> for Weight {
    fn weight(&self, _key: &Key, entry: &Arc<Entry>) -> u64 {
        entry.weight
    }
}

impl Hash for Name<'_> {
    /// As that of [`Key`].
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.tree.hash(state);
        self.path.hash(state);
    }
}

impl Name<'_> {
    pub(super) fn is_of(self, key: &Key) -> bool {
        self.tree == key.tree && *self.path == *key.path
    }

    pub(super) fn to_key(self) -> Key {
        Key { tree: self.tree, path: self.path.into() }
    }
}

impl Equivalent<Key> for Name<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.is_of(key)
    }
}
