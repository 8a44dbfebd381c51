use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use rustix::io::Errno;

use super::autoindex::can_be_named;
use super::cache::{Entry, Found, Milliseconds, Name, Scope};
use super::load::{Stored, Trust};
use super::options::FilesOptions;
use super::resource::Resource;
use super::store::{Store, now};
use crate::Autoindex;
use crate::encoding::PerCoding;
use crate::file_source::{
    Directory, FileSource, FileState, Known, Listed, Opened, OpenedFile, Page, Refusals, Wait, Watch,
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
    confirmed: AtomicU64,
    /// What it could not serve.
    pub(super) refusals: Refusals,
}

/// What lies at a path, as far as it may be served as a file.
enum Lies {
    File(Arc<Resource>),
    Directory,
    Nothing,
}

impl Tree {
    /// May block.
    pub(super) fn open(source: Arc<dyn FileSource>, options: FilesOptions, store: &Arc<Store>) -> io::Result<Self> {
        Ok(Self {
            number: store.new_tree(),
            watch: source.directory("")?.and_then(|_| store.watch()),
            source,
            options,
            store: Arc::clone(store),
            unwatched: Arc::default(),
            confirmed: AtomicU64::new(now()),
            refusals: Refusals::default(),
        })
    }

    /// What lies at a decoded path, without waiting: [`io::ErrorKind::WouldBlock`] where it would have to.
    pub(super) fn find_now(&self, path: &str) -> io::Result<Arc<Entry>> {
        let now = now();
        self.confirm(now, Wait::Never)?;
        let known = self.store.get(self.name(path), now);
        match known {
            Some(entry) if entry.is_fresh(now, self.store.valid()) => Ok(entry),
            known => self.look(path, now, Wait::Never, known.as_ref()).inspect(|_| self.store.missed()),
        }
    }

    /// The same, where that would have to wait: looked for on the file-reading pool.
    pub(super) async fn find_on_pool(self: &Arc<Self>, path: &str) -> io::Result<Arc<Entry>> {
        self.store.missed();
        let (tree, at) = (Arc::clone(self), path.to_owned());
        self.store.look(self.name(path), move || tree.find_waiting(&at)).await
    }

    /// The same. Blocks.
    pub(super) fn find_waiting(&self, path: &str) -> io::Result<Arc<Entry>> {
        let now = now();
        self.confirm(now, Wait::Allowed)?;
        match self.store.peek(self.name(path)) {
            Some(entry) if entry.is_fresh(now, self.store.valid()) => Ok(entry), // by now
            known => self.look(path, now, Wait::Allowed, known.as_ref()),
        }
    }

    /// Weighs a file that has become larger in memory.
    pub(super) fn weigh_again(&self, path: &str, resource: &Arc<Resource>) {
        self.store.weigh_again(self.name(path), resource);
    }

    /// So many of the entries of a directory, behind the first, without what is not served. Blocks.
    pub(super) fn list(&self, path: &str, first: usize, most: usize) -> io::Result<Option<Vec<Listed>>> {
        let path = path.trim_matches('/');
        if is_hidden(path) {
            return Ok(None);
        }
        let shows = |name: &str| can_be_named(name) && !is_hidden(format!("{path}/{name}/").trim_start_matches('/'));
        self.source.list(path, &Page { first, most, shows: &shows })
    }

    fn name<'a>(&self, path: &'a str) -> Name<'a> {
        Name { tree: self.number, path: path.trim_start_matches('/') }
    }

    /// Makes sure that the source is still the one that was looked at.
    fn confirm(&self, now: Milliseconds, wait: Wait) -> io::Result<()> {
        if now.saturating_sub(self.confirmed.load(Relaxed)) < self.store.valid() {
            return Ok(());
        }
        let moved = match self.source.has_moved(wait) {
            Err(error) if is_of_descriptors(&error) => {
                self.store.close_files();
                return Ok(());
            }
            moved => moved?,
        };
        if moved {
            self.unwatched.has_changed();
            if let Some(watch) = &self.watch {
                watch.forget(self.number, "");
            }
        }
        self.confirmed.store(now, Relaxed);
        Ok(())
    }

    /// Looks where the file is. Where the process may open no more files, it closes those that the cache holds; if that
    /// is not enough, what is known is better than nothing.
    fn look(&self, path: &str, now: Milliseconds, wait: Wait, known: Option<&Arc<Entry>>) -> io::Result<Arc<Entry>> {
        let look = || self.look_anew(path, now, wait, known.map(|entry| &entry.found));
        let found = look().or_else(|error| {
            if !is_of_descriptors(&error) {
                return Err(error);
            }
            self.store.close_files();
            look()
        });
        match (found, known) {
            (Err(error), Some(known)) if is_of_descriptors(&error) => Ok(Arc::clone(known)),
            (found, _) => found,
        }
    }

    /// Looks, and keeps what it finds. What is `known` already is not loaded again if it is still the same.
    fn look_anew(&self, path: &str, now: Milliseconds, wait: Wait, known: Option<&Found>) -> io::Result<Arc<Entry>> {
        let name = self.name(path);
        let known = known.and_then(|found| match found {
            Found::File(file) if file.trust == Trust::Settled => Some(file),
            _ => None,
        });
        let (found, scope) = self.find_anew(name.path, wait, known)?;
        let found = self.unify(name, found);
        let told = scope.is_told() && self.is_told_of(name.path, &found);
        let entry = Arc::new(Entry::new(name.to_key(), found, scope, now, told));
        self.store.keep(&entry);
        Ok(entry)
    }

    /// The file that another worker found here meanwhile, if it is the same: a coding of it is made only once.
    fn unify(&self, name: Name<'_>, found: Found) -> Found {
        let Found::File(mine) = &found else { return found };
        match self.store.peek(name).map(|entry| entry.found.clone()) {
            Some(Found::File(kept)) if kept.trust == Trust::Settled && kept.is_same(mine) => Found::File(kept),
            _ => found,
        }
    }

    /// Whether the directory of what was found is the only place where it can change.
    fn is_told_of(&self, path: &str, found: &Found) -> bool {
        let Found::File(file) = found else { return self.source.is_told_of(path) };
        let mut siblings = self.options.encodings.sibling_names(&file.path);
        self.source.is_told_of(&file.path) && siblings.all(|(_, sibling)| self.source.is_told_of(&sibling))
    }

    fn find_anew(&self, path: &str, wait: Wait, known: Option<&Arc<Resource>>) -> io::Result<(Found, Scope)> {
        let scope = self.scope(parent(path), wait)?;
        if is_hidden(path) {
            return Ok((Found::Nothing, scope));
        }
        if path.is_empty() || path.ends_with('/') {
            let found = match self.index(path, wait, known)? {
                Some(file) => Found::File(file),
                None if self.is_listed() && self.is_directory(path, wait)? => Found::Listing,
                None => Found::Nothing,
            };
            return Ok((found, scope));
        }
        Ok(match self.lies_at(path, wait, known)? {
            Lies::File(file) => (Found::File(file), scope),
            Lies::Directory => {
                let scope = self.scope(path, wait)?;
                let shown = self.is_listed() || self.has_index(path, wait)?;
                (if shown { Found::Directory } else { Found::Nothing }, scope)
            }
            Lies::Nothing => (Found::Nothing, scope),
        })
    }

    /// The first of the index files of a directory, whose path ends with its slash.
    fn index(&self, directory: &str, wait: Wait, known: Option<&Arc<Resource>>) -> io::Result<Option<Arc<Resource>>> {
        for name in self.index_names() {
            let path = format!("{directory}{name}");
            if let Lies::File(file) = self.file_at(&path, wait, known)? {
                return Ok(Some(file));
            }
        }
        Ok(None)
    }

    fn has_index(&self, directory: &str, wait: Wait) -> io::Result<bool> {
        for name in self.index_names() {
            if self.source.state(&format!("{directory}/{name}"), wait)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn index_names(&self) -> &[String] {
        if self.options.directory_index { &self.options.index } else { &[] }
    }

    fn lies_at(&self, path: &str, wait: Wait, known: Option<&Arc<Resource>>) -> io::Result<Lies> {
        if self.options.file {
            return self.file_at(path, wait, known);
        }
        Ok(if self.is_directory(path, wait)? { Lies::Directory } else { Lies::Nothing })
    }

    fn is_listed(&self) -> bool {
        self.options.directory_index && self.options.autoindex != Autoindex::Off
    }

    fn is_directory(&self, path: &str, wait: Wait) -> io::Result<bool> {
        Ok(matches!(self.source.open(path.trim_end_matches('/'), wait)?, Some(Opened::Directory)))
    }

    fn file_at(&self, path: &str, wait: Wait, known: Option<&Arc<Resource>>) -> io::Result<Lies> {
        if let Some(known) = known.filter(|known| *known.path == *path)
            && self.is_same(known, wait)?
        {
            return Ok(Lies::File(Arc::clone(known)));
        }
        Ok(match self.source.open(path, wait)? {
            Some(Opened::File(file)) => Lies::File(Arc::new(self.load(path, file, wait)?)),
            Some(Opened::Directory) => Lies::Directory,
            None => Lies::Nothing,
        })
    }

    /// Whether the file and its siblings still have the state in which they were loaded.
    fn is_same(&self, known: &Resource, wait: Wait) -> io::Result<bool> {
        if self.source.state(&known.path, wait)?.as_ref() != Some(&known.state) {
            return Ok(false);
        }
        let state = |path: &str| Ok(self.source.state(path, wait)?.map(|state| (state, ())));
        let siblings = self.siblings(&known.path, &known.state, state)?;
        let siblings = siblings.iter().map(|sibling| sibling.as_ref().map(|(state, ())| state));
        Ok(siblings.eq(known.siblings().iter().copied()))
    }

    fn load(&self, path: &str, file: OpenedFile, wait: Wait) -> io::Result<Resource> {
        let mut mine = self.store.loader().load(file, self.store.in_memory(), wait)?;
        let in_memory = if matches!(mine.stored, Stored::Memory(_)) { self.store.in_memory() } else { 0 };
        let sibling = |path: &str| -> io::Result<Option<(FileState, Stored)>> {
            let Some(Opened::File(file)) = self.source.open(path, wait)? else { return Ok(None) };
            let loaded = self.store.loader().load(file, in_memory, wait)?;
            mine.trust = mine.trust.max(loaded.trust);
            Ok(Some((loaded.state, loaded.stored)))
        };
        let siblings = self.siblings(path, &mine.state, sibling)?;
        let announced = self.options.announce.of(path);
        let make = if self.store.keeps() && !self.options.announce.is_coded(path) {
            self.options.encodings.compress(path, &announced.content_type, mine.state.size)
        } else {
            PerCoding::default()
        };
        Ok(Resource::new(path, mine, announced, siblings, make))
    }

    /// None of a file that holds its content in a coding.
    fn siblings<T>(
        &self,
        path: &str,
        file: &FileState,
        open: impl FnMut(&str) -> io::Result<Option<(FileState, T)>>,
    ) -> io::Result<PerCoding<Option<(FileState, T)>>> {
        if self.options.announce.is_coded(path) {
            return Ok(PerCoding::of(|_| None));
        }
        self.options.encodings.siblings(path, file, open)
    }

    /// The directory at `path`, or the last on the way to it, watched from now on where that is possible.
    fn scope(&self, path: &str, wait: Wait) -> io::Result<Scope> {
        let Some(watch) = &self.watch else { return Ok(Scope::new(Arc::clone(&self.unwatched))) };
        let directory = match (watch.known(self.number, path), wait) {
            (Known::Directory(directory), _) => Some(directory),
            (Known::Untold, _) => None,
            (Known::Nothing, Wait::Never) => return Err(io::ErrorKind::WouldBlock.into()),
            (Known::Nothing, Wait::Allowed) => self.follow(watch, path),
        };
        let directory = directory.unwrap_or_else(|| Arc::clone(&self.unwatched)); // not told of: the time counts
        Ok(Scope::new(directory))
    }

    fn follow(&self, watch: &Watch, path: &str) -> Option<Arc<Directory>> {
        let before = self.unwatched.generation();
        let directory = watch.follow(self.number, path, |path| self.source.directory(path));
        if self.unwatched.generation() == before {
            return directory;
        }
        watch.forget(self.number, ""); // the source has moved meanwhile, and these may be its former directories
        None
    }
}

/// Whether the process or the machine may open no more files.
fn is_of_descriptors(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}

/// Whether a segment begins with a dot; only `/.well-known/` (RFC 8615) may.
fn is_hidden(path: &str) -> bool {
    let rest = path.strip_prefix(".well-known/").unwrap_or(path); // the usual one: it is not there
    rest.split('/').any(|segment| segment.starts_with('.'))
}

/// The directory that holds what lies at `path`; a path with a slash at its end is its own.
fn parent(path: &str) -> &str {
    path.rfind('/').map_or("", |slash| &path[..slash])
}

#[cfg(test)]
mod tests;
