use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat2};
use rustix::io::Errno;

use super::{FileContent, FileSource, FileState, Listed, Opened, OpenedFile, Wait, is_refused};

/// A folder of the system, as `root` and `files` of the configuration name it.
///
/// A path may pass symbolic links as long as none leaves the folder; an absolute one leaves it. A worker resolves a
/// path only as far as the system has its parts in memory; what is not there, and every doubt, is left to cap-std on a
/// thread that may wait. The folder itself stays open between two calls of [`has_moved`](FileSource::has_moved).
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    root: RwLock<Option<Arc<Root>>>,
}

#[derive(Debug)]
struct Root {
    dir: Dir,
    device: u64,
    inode: u64,
}

impl Folder {
    /// An error if `path` is no directory or cannot be opened. Blocks.
    pub fn open(path: &Path) -> io::Result<Self> {
        let path = std::path::absolute(path)?;
        let root = Root::open(&path, Wait::Allowed)?;
        Ok(Self { path, root: RwLock::new(Some(Arc::new(root))) })
    }

    fn root(&self) -> Option<Arc<Root>> {
        self.root.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Root {
    fn open(path: &Path, wait: Wait) -> io::Result<Self> {
        let dir = match wait {
            Wait::Never => {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
                let dir = openat2(CWD, path, flags, Mode::empty(), ResolveFlags::CACHED).map_err(or_wait)?;
                Dir::from_std_file(dir.into())
            }
            Wait::Allowed => Dir::open_ambient_dir(path, ambient_authority())?,
        };
        let stat = fstat(&dir)?;
        Ok(Self { dir, device: stat.st_dev, inode: stat.st_ino })
    }

    fn resolve(&self, path: &str, flags: OFlags) -> io::Result<Option<OwnedFd>> {
        let path = if path.is_empty() { "." } else { path };
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS | ResolveFlags::CACHED;
        present(openat2(&self.dir, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve).map_err(or_wait))
    }

    fn open_file(&self, path: &str, wait: Wait) -> io::Result<Option<File>> {
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY; // a FIFO without a writer would block
        match wait {
            Wait::Never => Ok(self.resolve(path, flags)?.map(File::from)),
            Wait::Allowed => {
                let mut options = OpenOptions::new();
                options.read(true).custom_flags(flags.bits() as i32);
                let path = if path.is_empty() { "." } else { path };
                Ok(present(self.dir.open_with(path, &options))?.map(cap_std::fs::File::into_std))
            }
        }
    }

    fn open_dir(&self, path: &str) -> io::Result<Option<Dir>> {
        present(if path.is_empty() { self.dir.try_clone() } else { self.dir.open_dir(path) })
    }
}

impl FileSource for Folder {
    fn open(&self, path: &str, wait: Wait) -> io::Result<Option<Opened>> {
        let Some(root) = self.root() else { return Ok(None) };
        let Some(file) = root.open_file(path, wait)? else { return Ok(None) };
        let stat = fstat(&file)?;
        Ok(match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => {
                Some(Opened::File(OpenedFile { state: FileState::from(&stat), content: FileContent::File(file) }))
            }
            FileType::Directory => Some(Opened::Directory),
            _ => None,
        })
    }

    fn state(&self, path: &str, wait: Wait) -> io::Result<Option<FileState>> {
        let Some(root) = self.root() else { return Ok(None) };
        let file = match wait {
            Wait::Never => root.resolve(path, OFlags::PATH)?,
            Wait::Allowed => root.open_file(path, wait)?.map(OwnedFd::from),
        };
        let Some(file) = file else { return Ok(None) };
        let stat = fstat(file)?;
        let regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        Ok(regular.then(|| FileState::from(&stat)))
    }

    /// What is in it and leads nowhere, or out of the folder, is left out.
    fn list(&self, path: &str, most: usize) -> io::Result<Option<Vec<Listed>>> {
        let Some(dir) = self.root().map(|root| root.open_dir(path)).transpose()?.flatten() else { return Ok(None) };
        let mut listed = Vec::new();
        for entry in dir.entries()? {
            if listed.len() == most {
                break;
            }
            let Ok(name) = entry?.file_name().into_string() else { continue }; // no path of a request names it
            let Ok(metadata) = dir.metadata(&name) else { continue }; // gone meanwhile, or a link to nothing
            if metadata.is_file() || metadata.is_dir() {
                let modified = metadata.modified().ok().map(cap_std::time::SystemTime::into_std); // not all systems know it
                listed.push(Listed { name, directory: metadata.is_dir(), size: metadata.len(), modified });
            }
        }
        Ok(Some(listed))
    }

    /// A deployment may replace the folder, or the link that names it.
    fn has_moved(&self, wait: Wait) -> io::Result<bool> {
        let now = present(Root::open(&self.path, wait))?.map(Arc::new);
        let mut root = self.root.write().unwrap_or_else(PoisonError::into_inner);
        let place = |root: &Arc<Root>| (root.device, root.inode);
        let moved = root.as_ref().map(place) != now.as_ref().map(place);
        if moved {
            *root = now;
        }
        Ok(moved)
    }

    /// Not what a link leads to, or what has another name elsewhere.
    fn is_told_of(&self, path: &str) -> bool {
        let Some(root) = self.root() else { return false };
        let path = if path.is_empty() { "." } else { path };
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::CACHED;
        match openat2(&root.dir, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), resolve) {
            Ok(file) => fstat(file)
                .is_ok_and(|stat| stat.st_nlink == 1 || FileType::from_raw_mode(stat.st_mode) == FileType::Directory),
            Err(error) => matches!(error, Errno::NOENT | Errno::NOTDIR),
        }
    }

    fn directory(&self, path: &str) -> io::Result<Option<OwnedFd>> {
        let dir = self.root().map(|root| root.open_dir(path)).transpose()?.flatten();
        Ok(dir.map(|dir| dir.into_std_file().into()))
    }
}

/// `None` where nothing is: no such name, a name that the system does not take, a link that leaves the folder or
/// leads in a circle, a socket.
fn present<T>(opened: io::Result<T>) -> io::Result<Option<T>> {
    let error = match opened {
        Ok(found) => return Ok(Some(found)),
        Err(error) => error,
    };
    let nothing = match Errno::from_io_error(&error) {
        Some(errno) => matches!(
            errno,
            Errno::NOENT
                | Errno::NOTDIR
                | Errno::NAMETOOLONG
                | Errno::LOOP
                | Errno::NXIO
                | Errno::INVAL
                | Errno::ILSEQ
                | Errno::XDEV
        ),
        // Not from the system: cap-std refused to leave the folder.
        None => error.kind() == io::ErrorKind::PermissionDenied,
    };
    if nothing { Ok(None) } else { Err(error) }
}

/// What the system does not know at once, or does not do in this way, is to be asked in another.
fn or_wait(error: Errno) -> io::Error {
    match error {
        Errno::AGAIN | Errno::TOOBIG | Errno::INTR => Errno::AGAIN.into(),
        refused if is_refused(refused) => Errno::AGAIN.into(),
        known => known.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn of_a_large_directory_no_more_is_looked_at_than_is_asked_for() {
        let place = tempfile::tempdir().unwrap();
        for number in 0..5000 {
            std::fs::write(place.path().join(number.to_string()), "").unwrap();
        }
        let folder = Folder::open(place.path()).unwrap();
        let fastest = |most| {
            let times = (0..5).map(|_| {
                let begun = Instant::now();
                assert_eq!(folder.list("", most).unwrap().unwrap().len(), most);
                begun.elapsed()
            });
            times.min().unwrap_or(Duration::MAX)
        };
        let (all, few) = (fastest(5000), fastest(50));
        assert!(few * 4 < all, "{few:?} for 50, {all:?} for 5000");
    }
}
