use std::sync::Arc;

use crate::file_source::Directory;
use crate::static_files::asset_name::AssetName;
use crate::static_files::load::Stability;
use crate::static_files::resource::Resource;

/// What was found at a path, and when. It never changes: another one takes its place.
pub(crate) struct Entry {
    pub(crate) key: Key,
    pub(crate) found: Found,
    /// Which budget it is kept from.
    pub(crate) kind: Kind,
    /// What it takes of that budget.
    pub(crate) weight: u64,
    scope: Scope,
    looked: Milliseconds,
    /// Whether the system tells of every change that concerns it.
    told: bool,
}

/// A path in one of the trees of a store.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) tree: u32,
    pub(crate) path: Box<[u8]>,
}

/// What a path leads to.
#[derive(Clone)]
pub(crate) enum Found {
    /// A regular file.
    File(Arc<Resource>),
    /// A directory with something to show, asked for without the `/` at its end.
    Directory,
    /// A directory without an index, to be listed.
    Listing,
    /// Nothing that is served.
    Nothing,
}

/// The budget that an entry is kept from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Bytes of memory.
    Content,
    /// Open files.
    Descriptors,
    /// Bytes of memory, for what is no file.
    Other,
}

/// The directory whose changes concern an entry, as it was before the entry was looked for.
#[derive(Clone)]
pub(crate) struct Scope {
    directory: Arc<Directory>,
    seen: u64,
}

/// A time of the system's monotonic clock.
pub(crate) type Milliseconds = u64;

/// How long what the system tells of is taken as true at least, as by nginx's `open_file_cache_valid`: it may miss what
/// is written through a memory mapping.
const TOLD: Milliseconds = 60_000;

/// The memory that a file takes beside what it can be sent as: the look at it, its place in tables.
const FILE: u64 = 1 << 10;
/// The same of anything else.
const OTHER: u64 = 256;

impl Entry {
    /// `looked` is the time at which the look for it began.
    pub(crate) fn new(key: Key, found: Found, scope: Scope, looked: Milliseconds, told: bool) -> Self {
        let path = key.path.len() as u64;
        let (kind, weight) = match &found {
            Found::File(file) => match file.descriptors() {
                0 => (Kind::Content, FILE + 3 * path + file.memory()), // the cache has a key of its own, and so has the file
                descriptors => (Kind::Descriptors, descriptors as u64),
            },
            Found::Directory | Found::Listing | Found::Nothing => (Kind::Other, OTHER + 2 * path),
        };
        Self { key, found, kind, weight, scope, looked, told }
    }

    /// The same with another weight, if it has another by now.
    pub(crate) fn weighed_again(&self) -> Option<Self> {
        let again = Self::new(self.key.clone(), self.found.clone(), self.scope.clone(), self.looked, self.told);
        (again.weight != self.weight).then_some(again)
    }

    pub(crate) fn holds(&self, resource: &Arc<Resource>) -> bool {
        matches!(&self.found, Found::File(file) if Arc::ptr_eq(file, resource))
    }

    /// Whether it may be taken as true without another look.
    pub(crate) fn is_fresh(&self, now: Milliseconds, valid: Milliseconds) -> bool {
        let valid = if self.told { valid.max(TOLD) } else { valid };
        now.saturating_sub(self.looked) < valid && self.scope.directory.is_still(self.scope.seen)
    }

    /// Whether the cache may keep it.
    pub(crate) fn is_steady(&self) -> bool {
        !matches!(&self.found, Found::File(file) if file.trust == Stability::Volatile || self.is_of_before(file))
    }

    /// Whether it was asked for by the hash of another content than it has.
    fn is_of_before(&self, file: &Resource) -> bool {
        let of_before = |asset: AssetName<'_>| *file.path == *asset.plain && file.content_hash() != Some(asset.hash);
        AssetName::parse(&self.key.path).is_some_and(of_before)
    }
}

impl Scope {
    /// `directory` as it is now.
    pub(crate) fn new(directory: Arc<Directory>) -> Self {
        Self { seen: directory.generation(), directory }
    }

    pub(crate) fn is_told(&self) -> bool {
        self.directory.is_told()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_fresh_after(age: Milliseconds, valid: Milliseconds, told: bool) -> bool {
        let (key, scope) = (Key { tree: 0, path: b"a".as_slice().into() }, Scope::new(Arc::default()));
        Entry::new(key, Found::Nothing, scope, 1000, told).is_fresh(1000 + age, valid)
    }

    #[test]
    fn what_was_found_is_taken_as_true_for_the_configured_time_and_for_a_minute_where_changes_are_told_of() {
        for (valid, told, last) in
            [(1000, false, 999), (90_000, false, 89_999), (1000, true, 59_999), (90_000, true, 89_999)]
        {
            assert!(is_fresh_after(last, valid, told), "{valid} {told}");
            assert!(!is_fresh_after(last + 1, valid, told), "{valid} {told}");
        }
    }
}
