use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use bytes::Bytes;

use crate::file_source::{Blocking, DiskFile, FileContent, FileState, OpenedFile, read, state};
use crate::memory::{Memory, MemoryBudget, Reservation};
use crate::pool::Pool;

/// A file as it can be sent, and how far the cache may rely on it.
pub(super) struct Loaded {
    pub(super) state: FileState,
    pub(super) stored: Stored,
    pub(super) trust: Stability,
}

/// The bytes of a file.
#[derive(Clone)]
pub(super) enum Stored {
    /// Read when the file was opened.
    Memory(Bytes),
    /// To be read as they are sent.
    File(Arc<DiskFile>),
}

/// How far the cache may rely on what was loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stability {
    /// As long as the file has this state it has this content.
    Stable,
    /// It was changed so shortly before that a further change might leave it the same state: to be loaded again when
    /// it is next looked at.
    Recent,
    /// It was being changed, or there was no room for it in memory: not to be kept.
    Volatile,
}

/// Loads files: with the memory for their contents, the threads that wait for disks, and the count of open ones.
pub(super) struct Loader {
    room: MemoryBudget,
    pool: Pool,
    open_files: Arc<AtomicU64>,
}

/// How often a file that changes while it is read is read again.
const TRIES: usize = 3;

impl Loader {
    pub(super) fn new(room: MemoryBudget, pool: Pool) -> Self {
        Self { room, pool, open_files: Arc::default() }
    }

    /// The number of loaded files that are open.
    pub(super) fn open_files(&self) -> u64 {
        self.open_files.load(Relaxed)
    }

    /// Reads a file of at most `in_memory` bytes; a larger one, one that does not stop changing, or one that there is no
    /// room for stays open.
    pub(super) fn load(&self, opened: OpenedFile, in_memory: u64, wait: Blocking) -> io::Result<Loaded> {
        let OpenedFile { mut state, content } = opened;
        let file = match content {
            FileContent::Bytes(bytes) => {
                return Ok(Loaded { state, stored: Stored::Memory(bytes), trust: Stability::Stable });
            }
            FileContent::File(file) => file,
        };
        let mut trust = Stability::Stable;
        for _ in 0..TRIES {
            if state.size > in_memory {
                break;
            }
            let Some(claim) = self.room.claim(state.size) else {
                trust = Stability::Volatile;
                break;
            };
            match read_whole(&file, &state, claim, wait)? {
                Read::Whole(bytes) => {
                    let trust = if state.is_young() { Stability::Recent } else { Stability::Stable };
                    return Ok(Loaded { state, stored: Stored::Memory(bytes), trust });
                }
                Read::Changed(changed) => (state, trust) = (changed, Stability::Volatile),
            }
        }
        let file = DiskFile::new(file, self.pool.clone(), Arc::clone(&self.open_files));
        Ok(Loaded { state, stored: Stored::File(Arc::new(file)), trust })
    }
}

enum Read {
    /// The file had the same state before and after.
    Whole(Bytes),
    /// It has this one now.
    Changed(FileState),
}

fn read_whole(file: &File, before: &FileState, claim: Reservation, wait: Blocking) -> io::Result<Read> {
    let mut content = Memory::zeroed(usize::try_from(before.size).map_err(io::Error::other)?);
    let read = read(file, content.as_mut(), 0, wait);
    let after = state(file)?;
    if after != *before {
        return Ok(Read::Changed(after));
    }
    read.map(|()| Read::Whole(claim.hold(content)))
}
