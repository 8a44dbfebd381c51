mod asset;

use std::cell::Cell;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::autoindex::can_be_asked_for;
use super::cache::{Entry, Found, Milliseconds, Name, Scope};
use super::dates::Dates;
use super::hashes::hash;
use super::load::{Loaded, Stability, Stored};
use super::options::FilesOptions;
use super::resource::{Caching, Resource, Validators};
use super::store::{Store, now};
use crate::Autoindex;
use crate::encoding::PerCoding;
use crate::error::is_out_of_descriptors;
use crate::file_source::{
    Blocking, DirEntry, Directory, FileSource, FileState, Known, Node, OpenedFile, Page, Refusals, Version, Watch,
};

/// The files of one source, as they are served in one place.
pub(super) struct Tree {
    pub(super) number: u32,
    source: Arc<dyn FileSource>,
    pub(super) options: FilesOptions,
    pub(super) store: Arc<Store>,
    /// Where the system tells of changes.
    watch: Option<Arc<Watch>>,
    /// Stands for every directory where it does not.
    unwatched: Arc<Directory>,
    /// When the source was last asked whether it has moved.
    checked_at: AtomicU64,
    /// What it could not serve.
    pub(super) refusals: Refusals,
    /// Whether the files' times tell when they were changed.
    dates: Dates,
}

/// What lies at a path, as far as it may be served as a file.
enum PathKind {
    File(Arc<Resource>),
    Directory,
    Nothing,
}

impl Tree {
    /// May block.
    pub(super) fn open(source: Arc<dyn FileSource>, options: FilesOptions, store: &Arc<Store>) -> io::Result<Self> {
        Ok(Self {
            number: store.new_tree(),
            watch: source.directory(Path::new(""))?.and_then(|_| store.watch()),
            source,
            options,
            store: Arc::clone(store),
            unwatched: Arc::default(),
            checked_at: AtomicU64::new(now()),
            refusals: Refusals::default(),
            dates: Dates::default(),
        })
    }

    /// What lies at a decoded path, without waiting: [`io::ErrorKind::WouldBlock`] where it would have to.
    pub(super) fn try_find(&self, path: &[u8]) -> io::Result<Arc<Entry>> {
        let now = now();
        self.revalidate_root(now, Blocking::Forbidden)?;
        let known = self.store.get(self.name(path), now);
        match known {
            Some(entry) if entry.is_fresh(now, self.store.valid()) => Ok(entry),
            known => self.look(path, now, Blocking::Forbidden, known.as_ref()).inspect(|_| self.store.missed()),
        }
    }

    /// The same, where that would have to wait: looked for on the file-reading pool.
    pub(super) async fn find_on_pool(self: &Arc<Self>, path: &[u8]) -> io::Result<Arc<Entry>> {
        self.store.missed();
        let (tree, at) = (Arc::clone(self), path.to_owned());
        self.store.look(self.name(path), move || tree.find_blocking(&at)).await
    }

    /// The same. Blocks.
    pub(super) fn find_blocking(&self, path: &[u8]) -> io::Result<Arc<Entry>> {
        let now = now();
        self.revalidate_root(now, Blocking::Allowed)?;
        match self.store.peek(self.name(path)) {
            Some(entry) if entry.is_fresh(now, self.store.valid()) => Ok(entry), // by now
            known => self.look(path, now, Blocking::Allowed, known.as_ref()),
        }
    }

    /// Weighs a file that has become larger in memory.
    pub(super) fn reweigh(&self, path: &[u8], resource: &Arc<Resource>) {
        self.store.reweigh(self.name(path), resource);
    }

    /// So many of the entries of a directory, behind the first, without what is hidden, and how many of all are left out
    /// as no request can ask for them. Blocks.
    pub(super) fn list(&self, path: &[u8], first: usize, most: usize) -> io::Result<Option<(Vec<DirEntry>, usize)>> {
        let path = before_slashes(behind_slashes(path));
        if is_hidden(path) {
            return Ok(None);
        }
        let left_out = Cell::new(0);
        let shows = |name: &OsStr| {
            let (hidden, shown) = (is_hidden(name.as_bytes()), can_be_asked_for(name));
            left_out.update(|left_out| left_out + usize::from(!hidden && !shown));
            !hidden && shown
        };
        let listed = self.source.list(at(path), &Page { first, most, shows: &shows })?;
        Ok(listed.map(|entries| (entries, left_out.get())))
    }

    fn name<'a>(&self, path: &'a [u8]) -> Name<'a> {
        Name { tree: self.number, path: behind_slashes(path) }
    }

    /// Makes sure that the source is still the one that was looked at.
    fn revalidate_root(&self, now: Milliseconds, wait: Blocking) -> io::Result<()> {
        if now.saturating_sub(self.checked_at.load(Relaxed)) < self.store.valid() {
            return Ok(());
        }
        let moved = match self.source.has_moved(wait) {
            Err(error) if is_out_of_descriptors(&error) => {
                self.store.close_files();
                return Ok(());
            }
            moved => moved?,
        };
        if moved {
            self.dates.forget();
            self.unwatched.has_changed();
            if let Some(watch) = &self.watch {
                watch.forget(self.number, b"");
            }
        }
        self.checked_at.store(now, Relaxed);
        Ok(())
    }

    /// Looks where the file is. Where the process may open no more files, it closes those that the cache holds; if that
    /// is not enough, what is known is better than nothing.
    fn look(
        &self,
        path: &[u8],
        now: Milliseconds,
        wait: Blocking,
        known: Option<&Arc<Entry>>,
    ) -> io::Result<Arc<Entry>> {
        let look = || self.look_up(path, now, wait, known.map(|entry| &entry.found));
        let found = look().or_else(|error| {
            if !is_out_of_descriptors(&error) {
                return Err(error);
            }
            self.store.close_files();
            look()
        });
        match (found, known) {
            (Err(error), Some(known)) if is_out_of_descriptors(&error) => Ok(Arc::clone(known)),
            (found, _) => found,
        }
    }

    /// Looks, and keeps what it finds. What is `known` already is not loaded again if it is still the same.
    fn look_up(&self, path: &[u8], now: Milliseconds, wait: Blocking, known: Option<&Found>) -> io::Result<Arc<Entry>> {
        let name = self.name(path);
        let known = known.and_then(|found| match found {
            Found::File(file) if file.trust == Stability::Stable && file.is_tagged() => Some(file),
            _ => None,
        });
        let (found, scope) = self.resolve(name.path, wait, known)?;
        let found = self.share_with_cache(name, found);
        let told = scope.is_told() && self.is_told_of(name.path, &found);
        let entry = Arc::new(Entry::new(name.to_key(), found, scope, now, told));
        self.store.keep(&entry);
        Ok(entry)
    }

    /// The file that another worker found here meanwhile, if it is the same: a coding of it is made only once.
    fn share_with_cache(&self, name: Name<'_>, found: Found) -> Found {
        let Found::File(mine) = &found else { return found };
        match self.store.peek(name).map(|entry| entry.found.clone()) {
            Some(Found::File(kept)) if kept.trust == Stability::Stable && kept.is_same(mine) => Found::File(kept),
            _ => found,
        }
    }

    /// Whether the directory of what was found is the only place where it can change.
    fn is_told_of(&self, path: &[u8], found: &Found) -> bool {
        let Found::File(file) = found else { return self.source.is_told_of(at(path)) };
        let mut siblings = self.options.encodings.sibling_names(&file.path);
        file.is_tagged()
            && self.source.is_told_of(at(&file.path))
            && siblings.all(|(_, sibling)| self.source.is_told_of(at(&sibling)))
    }

    fn resolve(&self, path: &[u8], wait: Blocking, known: Option<&Arc<Resource>>) -> io::Result<(Found, Scope)> {
        let scope = self.scope(parent(path), wait)?;
        if is_hidden(path) {
            return Ok((Found::Nothing, scope));
        }
        if path.is_empty() || path.ends_with(b"/") {
            let found = match self.index(path, wait, known)? {
                Some(file) => Found::File(file),
                None if self.is_listed() && self.is_directory(path, wait)? => Found::Listing,
                None => Found::Nothing,
            };
            return Ok((found, scope));
        }
        Ok(match self.kind_at(path, wait, known)? {
            PathKind::File(file) => (Found::File(file), scope),
            PathKind::Directory => {
                let scope = self.scope(path, wait)?;
                let shown = self.is_listed() || self.has_index(path, wait)?;
                (if shown { Found::Directory } else { Found::Nothing }, scope)
            }
            PathKind::Nothing => (self.find_asset(path, wait, known)?, scope),
        })
    }

    /// The first of the index files of a directory, whose path ends with its slash.
    fn index(
        &self,
        directory: &[u8],
        wait: Blocking,
        known: Option<&Arc<Resource>>,
    ) -> io::Result<Option<Arc<Resource>>> {
        for name in self.index_names() {
            let path = [directory, name.as_bytes()].concat();
            if let PathKind::File(file) = self.file_at(&path, wait, known)? {
                return Ok(Some(file));
            }
        }
        Ok(None)
    }

    fn has_index(&self, directory: &[u8], wait: Blocking) -> io::Result<bool> {
        for name in self.index_names() {
            if self.source.state(at(&[directory, b"/", name.as_bytes()].concat()), wait)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn index_names(&self) -> &[String] {
        if self.options.directory_index { &self.options.index } else { &[] }
    }

    fn kind_at(&self, path: &[u8], wait: Blocking, known: Option<&Arc<Resource>>) -> io::Result<PathKind> {
        if self.options.file {
            return self.file_at(path, wait, known);
        }
        Ok(if self.is_directory(path, wait)? { PathKind::Directory } else { PathKind::Nothing })
    }

    fn is_listed(&self) -> bool {
        self.options.directory_index && self.options.autoindex != Autoindex::Off
    }

    fn is_directory(&self, path: &[u8], wait: Blocking) -> io::Result<bool> {
        Ok(matches!(self.source.open(at(before_slashes(path)), wait)?, Some(Node::Directory)))
    }

    fn file_at(&self, path: &[u8], wait: Blocking, known: Option<&Arc<Resource>>) -> io::Result<PathKind> {
        if let Some(known) = known.filter(|known| *known.path == *path)
            && self.is_same(known, wait)?
        {
            return Ok(PathKind::File(Arc::clone(known)));
        }
        Ok(match self.source.open(at(path), wait)? {
            Some(Node::File(file)) => PathKind::File(Arc::new(self.load(path, file, None, wait)?)),
            Some(Node::Directory) => PathKind::Directory,
            None => PathKind::Nothing,
        })
    }

    /// Whether the file and its siblings still have the state in which they were loaded.
    fn is_same(&self, known: &Resource, wait: Blocking) -> io::Result<bool> {
        let is_dated = self.dates.recall(&known.state).unwrap_or(known.is_dated()); // nobody has looked
        if self.source.state(at(&known.path), wait)?.as_ref() != Some(&known.state) || is_dated != known.is_dated() {
            return Ok(false);
        }
        let state = |path: &[u8]| Ok(self.source.state(at(path), wait)?.map(|state| (state, ())));
        let siblings = self.siblings(&known.path, &known.state, state)?;
        let siblings = siblings.iter().map(|sibling| sibling.as_ref().map(|(state, ())| state));
        Ok(siblings.eq(known.siblings().iter().copied()))
    }

    /// `asset` is the hash by which the file was asked for: if its content has that, caches may keep it for ever.
    fn load(&self, path: &[u8], file: OpenedFile, asset: Option<&str>, wait: Blocking) -> io::Result<Resource> {
        let (mut mine, validators) = self.load_one(path, file, (self.store.in_memory(), asset.is_some()), wait)?;
        let in_memory = if matches!(mine.stored, Stored::Memory(_)) { self.store.in_memory() } else { 0 };
        let sibling = |path: &[u8]| -> io::Result<Option<(FileState, (Stored, Validators))>> {
            let Some(Node::File(file)) = self.source.open(at(path), wait)? else { return Ok(None) };
            let (loaded, validators) = self.load_one(path, file, (in_memory, false), wait)?;
            mine.trust = mine.trust.max(loaded.trust);
            Ok(Some((loaded.state, (loaded.stored, validators))))
        };
        let siblings = self.siblings(path, &mine.state, sibling)?;
        let announce = &self.options.announce;
        let announced = match asset {
            None => announce.of(path),
            Some(hash) if validators.content_hash() == Some(hash) => announce.of_asset(path, Caching::immutable()),
            Some(_) => announce.of_asset(path, Caching::no_cache()), // it has changed this very moment
        };
        let make = if self.store.keeps() && !self.options.announce.is_coded(path) {
            self.options.encodings.compress(path, &announced.content_type, mine.state.size)
        } else {
            PerCoding::default()
        };
        Ok(Resource::new(path, (mine, validators), announced, siblings, make))
    }

    /// A file, and what tells its state from another: also that of a large one by its content, if `by_content`.
    fn load_one(
        &self,
        path: &[u8],
        file: OpenedFile,
        (in_memory, by_content): (u64, bool),
        wait: Blocking,
    ) -> io::Result<(Loaded, Validators)> {
        let loaded = self.store.loader().load(file, in_memory, wait)?;
        let dated = self.dates.believe(&loaded.state, wait, |folder, most| {
            self.source.list(at(folder), &Page { first: 0, most, shows: &|_| true })
        })?;
        let hash = match (&loaded.stored, &loaded.state.version) {
            (_, Version::Hash(_)) => None, // it has one
            (Stored::Memory(content), _) => Some(hash(content)),
            (Stored::File(_), _) if dated && !by_content => None,
            (Stored::File(file), _) => {
                let directory = self.directory(parent(path), wait)?;
                // What was found there has no tag as yet, and is looked at again.
                self.store.hashes().get(&loaded.state, file, move || directory.has_changed())
            }
        };
        let validators = Validators::new(&loaded.state, hash, dated);
        Ok((loaded, validators))
    }

    /// None of a file that holds its content in a coding.
    fn siblings<T>(
        &self,
        path: &[u8],
        file: &FileState,
        open: impl FnMut(&[u8]) -> io::Result<Option<(FileState, T)>>,
    ) -> io::Result<PerCoding<Option<(FileState, T)>>> {
        if self.options.announce.is_coded(path) {
            return Ok(PerCoding::of(|_| None));
        }
        self.options.encodings.siblings(path, file, open)
    }

    fn scope(&self, path: &[u8], wait: Blocking) -> io::Result<Scope> {
        self.directory(path, wait).map(Scope::new)
    }

    /// The directory at `path`, or the last on the way to it, watched from now on where that is possible.
    fn directory(&self, path: &[u8], wait: Blocking) -> io::Result<Arc<Directory>> {
        let Some(watch) = &self.watch else { return Ok(Arc::clone(&self.unwatched)) };
        let directory = match (watch.known(self.number, path), wait) {
            (Known::Directory(directory), _) => Some(directory),
            (Known::Unwatched, _) => None,
            (Known::Nothing, Blocking::Forbidden) => return Err(io::ErrorKind::WouldBlock.into()),
            (Known::Nothing, Blocking::Allowed) => self.follow(watch, path),
        };
        Ok(directory.unwrap_or_else(|| Arc::clone(&self.unwatched))) // not told of: the time counts
    }

    fn follow(&self, watch: &Watch, path: &[u8]) -> Option<Arc<Directory>> {
        let before = self.unwatched.generation();
        let directory = watch.follow(self.number, path, |path| self.source.directory(at(path)));
        if self.unwatched.generation() == before {
            return directory;
        }
        watch.forget(self.number, b""); // the source has moved meanwhile, and these may be its former directories
        None
    }
}

/// Whether a segment begins with a dot; only `/.well-known/` (RFC 8615) may.
fn is_hidden(path: &[u8]) -> bool {
    let rest = path.strip_prefix(b".well-known/").unwrap_or(path); // the usual one: it is not there
    rest.split(|byte| *byte == b'/').any(|segment| segment.starts_with(b"."))
}

/// The directory that holds what lies at `path`; a path with a slash at its end is its own.
fn parent(path: &[u8]) -> &[u8] {
    path.iter().rposition(|byte| *byte == b'/').map_or(b"", |slash| &path[..slash])
}

/// The same path for a source.
fn at(path: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(path))
}

fn behind_slashes(mut path: &[u8]) -> &[u8] {
    while let [b'/', rest @ ..] = path {
        path = rest;
    }
    path
}

fn before_slashes(mut path: &[u8]) -> &[u8] {
    while let [rest @ .., b'/'] = path {
        path = rest;
    }
    path
}

#[cfg(test)]
mod tests;
