use std::fs::File;
use std::io::{self, IoSliceMut};
use std::num::NonZeroU64;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use rustix::fs::Advice;
use rustix::io::{Errno, ReadWriteFlags};

use super::{Blocking, FileState};
use crate::pool::Pool;

/// An open file of the system, and the threads that may wait for its disk.
#[derive(Debug)]
pub(crate) struct DiskFile {
    file: File,
    pool: Pool,
    open: Arc<AtomicU64>,
}

impl DiskFile {
    /// `open` counts the descriptors of this kind.
    pub(crate) fn new(file: File, pool: Pool, open: Arc<AtomicU64>) -> Self {
        open.fetch_add(1, Relaxed);
        Self { file, pool, open }
    }

    /// The threads on which it may be read with [`Blocking::Allowed`].
    pub(crate) const fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Fills `buffer` from `offset` on. [`io::ErrorKind::WouldBlock`] where that would have to wait and may not,
    /// [`io::ErrorKind::UnexpectedEof`] where the file ends before.
    pub(crate) fn read(&self, buffer: &mut [u8], offset: u64, wait: Blocking) -> io::Result<()> {
        read(&self.file, buffer, offset, wait)
    }

    /// The state that it has now.
    pub(crate) fn state(&self) -> io::Result<FileState> {
        state(&self.file)
    }

    /// Whether somebody may be writing to it: it has changed within the last seconds.
    pub(crate) fn is_changing(&self) -> io::Result<bool> {
        self.state().map(|state| state.is_young())
    }

    /// Lets the system read these bytes into memory meanwhile. Does not wait for them.
    pub(crate) fn will_need(&self, offset: u64, length: NonZeroU64) {
        // Only advice: where it is not taken, the read itself waits.
        _ = rustix::fs::fadvise(&self.file, offset, Some(length), Advice::WillNeed);
    }
}

impl AsFd for DiskFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Drop for DiskFile {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Relaxed);
    }
}

/// [`DiskFile::read`] of any file.
pub(crate) fn read(file: &File, mut buffer: &mut [u8], mut offset: u64, wait: Blocking) -> io::Result<()> {
    while !buffer.is_empty() {
        let read = match wait {
            Blocking::Allowed => rustix::io::pread(file, &mut *buffer, offset),
            Blocking::Forbidden => {
                rustix::io::preadv2(file, &mut [IoSliceMut::new(buffer)], offset, ReadWriteFlags::NOWAIT)
            }
        };
        match read {
            Ok(0) => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, SHORTER)),
            Ok(read) => {
                buffer = &mut buffer[read..];
                offset += read as u64;
            }
            Err(Errno::INTR) => {}
            // Not in memory, a file system that cannot tell, or a sandbox that refuses this call.
            Err(error) if wait == Blocking::Forbidden && (error == Errno::AGAIN || is_refused(error)) => {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Whether the system, the file system or a sandbox (seccomp) does not do a call here, so that there is another way.
pub(crate) const fn is_refused(error: Errno) -> bool {
    matches!(error, Errno::NOSYS | Errno::PERM | Errno::ACCESS | Errno::INVAL | Errno::OPNOTSUPP)
}

const SHORTER: &str = "the file became shorter while it was read";

/// The state of an open file.
pub(crate) fn state(file: &File) -> io::Result<FileState> {
    Ok(FileState::from(&rustix::fs::fstat(file)?))
}

/// Whether a folder's file system tells what it has of a file in memory, as overlayfs does not; for tests.
#[cfg(test)]
pub(crate) fn tells_what_is_in_memory(folder: &std::path::Path) -> bool {
    let path = folder.join("in memory");
    std::fs::write(&path, "a").unwrap();
    let tells = read(&File::open(path).unwrap(), &mut [0], 0, Blocking::Forbidden).is_ok();
    if !tells {
        println!("this file system does not tell what it has in memory: the file-reading pool has to ask");
    }
    tells
}
