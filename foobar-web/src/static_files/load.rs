use std::fs::File;
use std::io;
use std::sync::Arc;

use bytes::Bytes;

use super::resource::Stored;
use super::store::Store;
use crate::file_source::{DiskFile, FileContent, FileState, OpenedFile, Wait, read, state};
use crate::memory::{Claim, Memory};

/// A file as it can be sent, and how far the cache may rely on it.
pub(super) struct Loaded {
    pub(super) state: FileState,
    pub(super) stored: Stored,
    pub(super) trust: Trust,
}

/// How far the cache may rely on what was loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trust {
    /// As long as the file has this state it has this content.
    Settled,
    /// It was changed so shortly before that a further change might leave it the same state: to be loaded again when
    /// it is next looked at.
    Young,
    /// It was being changed, or there was no room for it in memory: not to be kept.
    Unsteady,
}

/// How often a file that changes while it is read is read again.
const TRIES: usize = 3;

/// Reads a file of at most `in_memory` bytes; a larger one, one that does not stop changing, or one that there is no
/// room for stays open.
pub(super) fn load(opened: OpenedFile, in_memory: u64, store: &Store, wait: Wait) -> io::Result<Loaded> {
    let OpenedFile { mut state, content } = opened;
    let file = match content {
        FileContent::Bytes(bytes) => return Ok(Loaded { state, stored: Stored::Memory(bytes), trust: Trust::Settled }),
        FileContent::File(file) => file,
    };
    let mut trust = Trust::Settled;
    for _ in 0..TRIES {
        if state.size > in_memory {
            break;
        }
        let Some(claim) = store.room().claim(state.size) else {
            trust = Trust::Unsteady;
            break;
        };
        match read_whole(&file, &state, claim, wait)? {
            Read::Whole(bytes) => {
                let trust = if state.is_young() { Trust::Young } else { Trust::Settled };
                return Ok(Loaded { state, stored: Stored::Memory(bytes), trust });
            }
            Read::Changed(changed) => (state, trust) = (changed, Trust::Unsteady),
        }
    }
    let file = DiskFile::new(file, store.pool().clone(), Arc::clone(store.open_files()));
    Ok(Loaded { state, stored: Stored::File(Arc::new(file)), trust })
}

enum Read {
    /// The file had the same state before and after.
    Whole(Bytes),
    /// It has this one now.
    Changed(FileState),
}

fn read_whole(file: &File, before: &FileState, claim: Claim, wait: Wait) -> io::Result<Read> {
    let mut content = Memory::zeroed(usize::try_from(before.size).map_err(io::Error::other)?);
    let read = read(file, content.as_mut(), 0, wait);
    let after = state(file)?;
    if after != *before {
        return Ok(Read::Changed(after));
    }
    read.map(|()| Read::Whole(claim.hold(content)))
}
