use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use foobar_core::Chain;
use quick_cache::sync::Cache;
use twox_hash::XxHash3_128;

use crate::file_source::{Blocking, DiskFile, FileState};
use crate::pool::Pool;

/// Hashes of the contents of files that are too large for memory and whose times tell nothing.
///
/// Each is computed once for a state of a file, one at a time and a piece at a time, so that whoever else needs the
/// file-reading pool has his turn between two pieces.
pub(super) struct Hashes {
    known: Cache<FileState, Hash>,
    queue: Arc<Queue>,
}

/// Empty until it is computed.
type Hash = Arc<OnceLock<u128>>;

struct Queue {
    pool: Pool,
    work: Mutex<Work>,
}

#[derive(Default)]
struct Work {
    jobs: VecDeque<Job>,
    /// Whether a thread is at one, or soon will be.
    running: bool,
}

/// A file that is read from its beginning to its end.
struct Job {
    file: Arc<DiskFile>,
    state: FileState,
    hasher: XxHash3_128,
    read: u64,
    hash: Hash,
    done: Box<dyn FnOnce() + Send>,
}

/// There are too many files to be read already.
struct Full;

/// The most hashes that are kept.
const KEPT: usize = 4096;
/// The most files that wait, each of them open.
const WAITING: usize = 64;
/// The bytes that are read in one turn, and at once.
const PIECE: u64 = 8 << 20;
const BUFFER: u64 = 256 << 10;

/// The hash of a content: the same everywhere.
pub(super) fn hash(content: &[u8]) -> u128 {
    XxHash3_128::oneshot(content)
}

impl Hashes {
    /// Computed on `pool`.
    pub(super) fn new(pool: Pool) -> Self {
        Self { known: Cache::new(KEPT), queue: Arc::new(Queue { pool, work: Mutex::default() }) }
    }

    /// The hash of a file in this state. `None` as long as it is not there: then it is computed, unless the file may still
    /// be changing, and `done` is called.
    pub(super) fn get(
        &self,
        state: &FileState,
        file: &Arc<DiskFile>,
        done: impl FnOnce() + Send + 'static,
    ) -> Option<u128> {
        if state.is_young() {
            return None;
        }
        let begin = || self.queue.begin(state, file, Box::new(done));
        let hash = self.known.get_or_insert_with(state, begin).ok()?; // too many wait: the next look tries again
        hash.get().copied()
    }
}

impl Queue {
    fn begin(
        self: &Arc<Self>,
        state: &FileState,
        file: &Arc<DiskFile>,
        done: Box<dyn FnOnce() + Send>,
    ) -> Result<Hash, Full> {
        let mut work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        if work.jobs.len() == WAITING {
            return Err(Full);
        }
        let hash = Hash::default();
        let job = Job {
            file: Arc::clone(file),
            state: state.clone(),
            hasher: XxHash3_128::new(),
            read: 0,
            hash: Arc::clone(&hash),
            done,
        };
        work.jobs.push_back(job);
        if !std::mem::replace(&mut work.running, true) {
            self.run();
        }
        Ok(hash)
    }

    fn run(self: &Arc<Self>) {
        let queue = Arc::clone(self);
        drop(self.pool.spawn(move || queue.turn())); // nobody waits for its end
    }

    /// Reads a piece of the file whose turn it is.
    fn turn(self: &Arc<Self>) {
        let job = {
            let mut work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
            let job = work.jobs.pop_front();
            work.running = job.is_some();
            job
        };
        let Some(job) = job else { return };
        if let Some(rest) = job.go_on() {
            self.work.lock().unwrap_or_else(PoisonError::into_inner).jobs.push_front(rest);
        }
        self.run();
    }
}

impl Job {
    /// Reads a piece; gives itself back if there is more.
    fn go_on(mut self) -> Option<Self> {
        match self.read_piece() {
            Ok(()) if self.read < self.state.size => return Some(self),
            Ok(()) => self.end(),
            Err(error) => tracing::warn!(error = %Chain(&error), "a file cannot be read for its entity tag"),
        }
        None
    }

    fn read_piece(&mut self) -> io::Result<()> {
        let end = self.state.size.min(self.read + PIECE);
        let mut buffer = vec![0; BUFFER.min(end - self.read) as usize];
        while self.read < end {
            let length = (buffer.len() as u64).min(end - self.read);
            let part = &mut buffer[..length as usize];
            self.file.read(part, self.read, Blocking::Allowed)?;
            self.hasher.write(part);
            self.read += length;
        }
        Ok(())
    }

    /// The hash counts if the file had one state all the time.
    fn end(self) {
        if self.file.state().is_ok_and(|state| state == self.state) {
            _ = self.hash.set(self.hasher.finish_128()); // nobody else sets it
            (self.done)();
        }
    }
}
