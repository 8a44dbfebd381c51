use std::hash::BuildHasher;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use foldhash::fast::RandomState;
use foobar_core::Metrics;
use rustix::time::{ClockId, clock_gettime};

use super::cache::{Cache, Entry, Key, Leader, LocalCaches, Milliseconds, Name, SingleFlight};
use super::hashes::Hashes;
use super::lister::Lister;
use super::load::Loader;
use super::resource::Resource;
use crate::encoding::{Compressor, compress};
use crate::file_source::Watch;
use crate::limits::within;
use crate::memory::MemoryBudget;
use crate::pool::Pool;
use crate::{Error, WebSettings};

/// What the workers of a tier share to serve files: the cache, the watch and the threads that read.
pub(crate) struct Store {
    cache: Option<Cache>,
    /// The largest file that is kept in memory.
    in_memory: u64,
    room: MemoryBudget,
    valid: Milliseconds,
    /// Whether folders are watched.
    watches: bool,
    watch: OnceLock<Option<Arc<Watch>>>,
    pool: Pool,
    loader: Loader,
    hashes: Hashes,
    compressor: Compressor,
    lister: Lister,
    flights: Arc<SingleFlight<Key, Arc<Entry>>>,
    /// For the tables of the workers, in which names may collide: a later one takes the place.
    hasher: RandomState,
    /// What each worker has in front of the cache.
    local: LocalCaches,
    trees: AtomicU32,
}

/// A file of at most this many bytes is read at once where nothing is kept.
const SMALL: u64 = 64 << 10;
/// The part of the cache that one file may take, so that it has room with all its codings.
const SHARE: u64 = 4;
/// The memory for contents that clients are still being sent when the cache has let go of them; at most the share of a
/// file, but room for the largest one.
const BEYOND: u64 = 16 << 20;
const MOST_THREADS: usize = 512;
/// The name of the threads that read files.
const THREAD: &str = "foobar-web-file";

impl Store {
    pub(crate) fn compile(web: &WebSettings) -> Result<Self, Error> {
        let threads = within("web.file_threads", web.file_threads, MOST_THREADS)?;
        let no_thread = |name: &'static str| move |source| Error::Thread { name: name.to_owned(), source };
        let pool = Pool::new(THREAD, threads).map_err(no_thread(THREAD))?;
        let size = web.file_cache_size.as_u64();
        let largest = web.file_cache_max_file.as_u64().min(size / SHARE);
        let cached = size > 0 && !web.file_cache_valid.is_zero();
        let room = MemoryBudget::new(if cached { size + (size / SHARE).min(BEYOND).max(largest) } else { BEYOND });
        let compressor = Compressor::new(room.clone()).map_err(no_thread(compress::THREAD))?;
        Ok(Self {
            cache: cached.then(|| Cache::new(size, largest, web.file_cache_descriptors)),
            in_memory: if cached { largest } else { SMALL },
            valid: if cached { milliseconds(*web.file_cache_valid) } else { 0 },
            watches: cached && web.file_cache_watch,
            watch: OnceLock::new(),
            lister: Lister::new(pool.clone(), threads, room.clone(), compressor.clone()),
            compressor,
            loader: Loader::new(room.clone(), pool.clone()),
            hashes: Hashes::new(pool.clone()),
            pool,
            room,
            flights: Arc::default(),
            hasher: RandomState::default(),
            local: LocalCaches::default(),
            trees: AtomicU32::new(0),
        })
    }

    /// The watch, for the thread that listens to the system; `None` where no folder is watched.
    pub(crate) fn watching(&self) -> Option<Arc<Watch>> {
        self.watch.get()?.clone()
    }

    /// Whether there are files to be served.
    pub(crate) fn serves_files(&self) -> bool {
        self.trees.load(Relaxed) > 0
    }

    /// The watch, for a tree whose source can be watched.
    pub(super) fn watch(&self) -> Option<Arc<Watch>> {
        if self.watches { self.watch.get_or_init(watch).clone() } else { None }
    }

    pub(crate) const fn pool(&self) -> &Pool {
        &self.pool
    }

    pub(super) const fn compressor(&self) -> &Compressor {
        &self.compressor
    }

    pub(super) const fn lister(&self) -> &Lister {
        &self.lister
    }

    pub(super) const fn loader(&self) -> &Loader {
        &self.loader
    }

    pub(super) const fn hashes(&self) -> &Hashes {
        &self.hashes
    }

    /// Whether what was found is kept.
    pub(super) const fn keeps(&self) -> bool {
        self.cache.is_some()
    }

    /// Adds the figures of the cache to a scrape.
    pub(crate) fn metrics(&self, metrics: &mut Metrics) {
        let (hits, misses) = self.local.hits_and_misses();
        for (name, help, value) in [
            ("foobar_web_file_cache_hits_total", "Files, and what is none, found in the cache.", hits),
            ("foobar_web_file_cache_misses_total", "Files, and what is none, looked for in their place.", misses),
            (
                "foobar_web_files_compressed_total",
                "Files compressed, once for each coding.",
                self.compressor.compressed(),
            ),
        ] {
            metrics.counter(name, help, &[], value);
        }
        let (most_bytes, most_open) = self.cache.as_ref().map_or((0, 0), Cache::limits);
        let contents = "Memory that contents of files take, in the cache and on their way to clients.";
        for (name, help, value) in [
            ("bytes", "Memory that the cache of files takes.", self.cache.as_ref().map_or(0, Cache::bytes)),
            ("max_bytes", "Memory that the cache of files may take.", most_bytes),
            ("descriptors", "Served files that are open.", self.loader.open_files()),
            ("max_descriptors", "Served files that may stay open.", most_open),
        ] {
            metrics.gauge(&format!("foobar_web_file_cache_{name}"), help, &[], value);
        }
        metrics.gauge("foobar_web_file_contents_bytes", contents, &[], self.room.taken());
    }

    /// A number for a tree of files.
    pub(super) fn new_tree(&self) -> u32 {
        self.trees.fetch_add(1, Relaxed)
    }

    pub(super) const fn in_memory(&self) -> u64 {
        self.in_memory
    }

    /// How long what was found is taken as true.
    pub(super) const fn valid(&self) -> Milliseconds {
        self.valid
    }

    /// What is known of a name, fresh or not; the first look is at what this worker knows.
    pub(super) fn get(&self, name: Name<'_>, now: Milliseconds) -> Option<Arc<Entry>> {
        let cache = self.cache.as_ref()?;
        let hash = self.hasher.hash_one(name);
        let fresh = |entry: &Arc<Entry>| entry.is_fresh(now, self.valid);
        self.local.with(|local| {
            let known =
                local.get(hash, name).filter(fresh).or_else(|| cache.get(name).inspect(|entry| local.put(hash, entry)));
            if known.as_ref().is_some_and(fresh) {
                local.hit();
            }
            known
        })
    }

    /// Counts something that had to be looked for.
    pub(super) fn missed(&self) {
        self.local.with(|local| local.missed());
    }

    /// The same, for a thread that is no worker.
    pub(super) fn peek(&self, name: Name<'_>) -> Option<Arc<Entry>> {
        self.cache.as_ref()?.get(name)
    }

    /// Weighs a file that has become larger in memory.
    pub(super) fn reweigh(&self, name: Name<'_>, resource: &Arc<Resource>) {
        let entry = self.peek(name).filter(|entry| entry.holds(resource));
        if let Some(weighed) = entry.and_then(|entry| entry.weighed_again()) {
            self.keep(&Arc::new(weighed));
        }
    }

    /// Keeps what was found.
    pub(super) fn keep(&self, entry: &Arc<Entry>) {
        if let Some(cache) = self.cache.as_ref().filter(|_| entry.is_steady()) {
            cache.insert(entry);
        }
    }

    /// Makes room where the process may open no more files.
    pub(super) fn close_files(&self) {
        if let Some(cache) = &self.cache {
            cache.close_files();
        }
    }

    /// What `look` finds on the pool; one look at a time for one name, where there is a cache.
    pub(super) async fn look(
        &self,
        name: Name<'_>,
        look: impl FnOnce() -> io::Result<Arc<Entry>> + Send + 'static,
    ) -> io::Result<Arc<Entry>> {
        match self.cache {
            Some(_) => {
                // The flight has the outcome.
                let begin = |pilot: Leader<_, _>| drop(self.pool.spawn(move || pilot.complete(look())));
                self.flights.join(name.to_key(), begin).await
            }
            None => self.pool.run(look).await?,
        }
    }
}

/// The system's monotonic clock, to some milliseconds.
pub(super) fn now() -> Milliseconds {
    let now = clock_gettime(ClockId::MonotonicCoarse);
    now.tv_sec as u64 * 1000 + now.tv_nsec as u64 / 1_000_000
}

fn milliseconds(period: Duration) -> Milliseconds {
    u64::try_from(period.as_millis()).unwrap_or(u64::MAX) // longer than any machine runs
}

fn watch() -> Option<Arc<Watch>> {
    match Watch::new() {
        Ok(watch) => Some(Arc::new(watch)),
        Err(error) => {
            tracing::info!(%error, "folders cannot be watched; changes are seen after web.file_cache_valid");
            None
        }
    }
}
