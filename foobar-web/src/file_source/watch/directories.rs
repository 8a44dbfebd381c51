use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use super::directory::Directory;

/// The directories that are watched, by their paths and by the system's numbers of the watches.
///
/// Where a directory is here, so are all above it. Two paths may lead to one directory, which has one watch.
#[derive(Default)]
pub(crate) struct Directories {
    trees: HashMap<u32, BTreeMap<Box<[u8]>, Watched>>,
    paths: HashMap<i32, Vec<WatchedPath>>,
    count: usize,
    /// Whether somebody takes what the system tells.
    pub(crate) listening: bool,
    failed: bool,
}

/// The number of a tree, and a path in it.
type WatchedPath = (u32, Box<[u8]>);

struct Watched {
    directory: Arc<Directory>,
    /// `None` where the system cannot tell.
    watch: Option<i32>,
}

impl Directories {
    pub(crate) const fn len(&self) -> usize {
        self.count
    }

    pub(crate) fn get(&self, tree: u32, path: &[u8]) -> Option<Arc<Directory>> {
        Some(Arc::clone(&self.trees.get(&tree)?.get(path)?.directory))
    }

    /// Where a watch leads to.
    pub(crate) fn paths(&self, watch: i32) -> Vec<WatchedPath> {
        self.paths.get(&watch).cloned().unwrap_or_default() // one that has just been ended
    }

    /// The one that is there, or this.
    pub(crate) fn add(&mut self, tree: u32, path: &[u8], watch: Option<i32>, told: bool) -> Arc<Directory> {
        if let Some(directory) = self.get(tree, path) {
            return directory;
        }
        let directory = Arc::new(Directory::new(told));
        let watched = Watched { directory: Arc::clone(&directory), watch };
        self.trees.entry(tree).or_default().insert(path.into(), watched);
        self.count += 1;
        if let Some(watch) = watch {
            self.paths.entry(watch).or_default().push((tree, path.into()));
        }
        directory
    }

    pub(crate) fn has_changed(&self, tree: u32, path: &[u8]) {
        if let Some(watched) = self.trees.get(&tree).and_then(|tree| tree.get(path)) {
            watched.directory.has_changed();
        }
    }

    /// Takes out the directory at `path` and those under it; gives the watches that lead nowhere any more.
    pub(crate) fn forget(&mut self, tree: u32, path: &[u8]) -> Vec<i32> {
        let Some(directories) = self.trees.get(&tree) else { return Vec::new() };
        if !directories.contains_key(path) {
            return Vec::new();
        }
        let under =
            |other: &[u8]| path.is_empty() || other.strip_prefix(path).is_some_and(|rest| rest.starts_with(b"/"));
        let beyond = (Bound::Excluded(path), Bound::Unbounded);
        let others = directories.range::<[u8], _>(beyond).map(|(other, _)| other);
        // Between them may stand names that go on otherwise than with a slash, such as `a-b` between `a` and `a/b`.
        let gone: Vec<Box<[u8]>> =
            others.take_while(|other| other.starts_with(path)).filter(|other| under(other)).cloned().collect();
        let gone = gone.into_iter().chain([path.into()]);
        gone.filter_map(|path| self.remove(tree, &path)).collect()
    }

    pub(crate) fn forget_all(&mut self) -> Vec<i32> {
        let trees: Vec<u32> = self.trees.keys().copied().collect();
        trees.into_iter().flat_map(|tree| self.forget(tree, b"")).collect()
    }

    /// Whether this is the first time that a watch was refused.
    pub(crate) const fn is_first_failure(&mut self) -> bool {
        !std::mem::replace(&mut self.failed, true)
    }

    /// Gives its watch, if nothing else has it.
    fn remove(&mut self, tree: u32, path: &[u8]) -> Option<i32> {
        let Watched { directory, watch } = self.trees.get_mut(&tree)?.remove(path)?;
        self.count -= 1;
        directory.forget();
        let watch = watch?;
        let paths = self.paths.get_mut(&watch)?;
        paths.retain(|(other_tree, other)| (*other_tree, &**other) != (tree, path));
        paths.is_empty().then(|| self.paths.remove(&watch)).map(|_| watch)
    }
}
