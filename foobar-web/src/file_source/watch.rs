mod directories;
mod directory;

use std::fs::File;
use std::io::{self, PipeReader};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, Event, ReadFlags, Reader, WatchFlags};
use rustix::fs::{fstat, fstatfs};
use rustix::io::Errno;

use directories::Directories;

pub(crate) use directory::Directory;

/// Learns from the system (inotify) when something changes in directories whose files are served.
///
/// A directory is watched before anything in it is looked at, and with it all directories above it up to the top of
/// its tree. What the system cannot tell of (a file behind a link or on a network, a write through a mapping) is seen
/// once `file_cache_valid` has passed. Where something is mounted or unmounted, all is looked at again: other directories
/// may lie at the same paths.
pub(crate) struct Watch {
    inotify: OwnedFd,
    /// The table of mounts, which is ready when it changes; `None` where the system does not show it.
    mounts: Option<File>,
    directories: RwLock<Directories>,
    /// Held while watches begin or end, which takes long for many: who looks something up does not wait for that.
    changing: Mutex<()>,
}

/// What is known of a directory.
pub(crate) enum Known {
    /// It is watched, or cannot be.
    Directory(Arc<Directory>),
    /// It is one more than are watched: nothing is told of it.
    Unwatched,
    /// Nothing yet.
    Nothing,
}

/// Each watched directory holds about 1 KiB of the system's memory.
const MOST_DIRECTORIES: usize = 16 << 10;

/// File systems that only this machine writes to, by the numbers that `statfs` gives them.
const LOCAL: &[i64] = &[
    0xef53,      // ext2, ext3, ext4
    0x5846_5342, // XFS
    0x9123_683e, // Btrfs
    0x2fc1_2fc1, // ZFS
    0xf2f5_2010, // F2FS
    0x0102_1994, // tmpfs
    0x794c_7630, // overlayfs
];

/// What changes again so soon is told of only then: the system makes one of equal changes that nobody has taken. A log in a
/// folder whose files are served would else wake the listener with each line.
const PAUSE: Duration = Duration::from_millis(10);

const CHANGES: WatchFlags = WatchFlags::ONLYDIR
    .union(WatchFlags::CREATE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::MOVE)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF);

/// The directory itself is no longer what it was.
const ENDS: ReadFlags =
    ReadFlags::DELETE_SELF.union(ReadFlags::MOVE_SELF).union(ReadFlags::IGNORED).union(ReadFlags::UNMOUNT);

impl Watch {
    pub(crate) fn new() -> io::Result<Self> {
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let mounts = File::open("/proc/self/mountinfo").ok(); // without it what is mounted is seen after a minute
        Ok(Self { inotify, mounts, directories: RwLock::default(), changing: Mutex::default() })
    }

    pub(crate) fn known(&self, tree: u32, path: &[u8]) -> Known {
        let directories = self.directories.read().unwrap_or_else(PoisonError::into_inner);
        match directories.get(tree, path) {
            Some(directory) => Known::Directory(directory),
            None if directories.len() >= MOST_DIRECTORIES => Known::Unwatched,
            None => Known::Nothing,
        }
    }

    /// Watches the directory at `path`, or the last on the way to it that there is; `None` if there is none or there is
    /// no room for more. `open` opens a directory, if there is one. Blocks.
    pub(crate) fn follow(
        &self,
        tree: u32,
        path: &[u8],
        open: impl Fn(&[u8]) -> io::Result<Option<OwnedFd>>,
    ) -> Option<Arc<Directory>> {
        let mut last: Option<Arc<Directory>> = None;
        for path in ways(path) {
            let above = last.as_ref().map_or(self.is_listening(), |above| above.is_told());
            let directory = match self.known(tree, path) {
                Known::Directory(directory) => directory,
                Known::Unwatched => return None,
                Known::Nothing => match open(path) {
                    Ok(Some(directory)) => {
                        let added = self.add(tree, path, Some(&directory), above);
                        if !open(path).is_ok_and(|now| now.is_some_and(|now| is_same(&directory, &now))) {
                            self.forget(tree, path); // another one took its place before it was watched
                            return None;
                        }
                        added
                    }
                    // It may be passed, but not read.
                    Err(error) if error.kind() == io::ErrorKind::PermissionDenied => self.add(tree, path, None, above),
                    Ok(None) | Err(_) => break,
                },
            };
            if last.is_some_and(|above| above.is_forgotten()) {
                self.forget(tree, path); // what becomes of the one above would not be told of this one
                return None;
            }
            last = Some(directory);
        }
        last
    }

    fn is_listening(&self) -> bool {
        self.directories.read().unwrap_or_else(PoisonError::into_inner).listening
    }

    /// What was found while nobody listened, or before nobody does, is not to be relied on.
    fn set_listening(&self, listening: bool) {
        self.unwatch(|directories| {
            directories.listening = listening;
            directories.forget_all()
        });
    }

    /// Nothing is known any more of the directory at `path` and those under it; the top is empty.
    pub(crate) fn forget(&self, tree: u32, path: &[u8]) {
        self.unwatch(|directories| directories.forget(tree, path));
    }

    /// What is found from now on is to be relied on: the system keeps what it tells until somebody
    /// [listens](Self::listen).
    pub(crate) fn begin(&self) {
        self.set_listening(true);
    }

    /// Listens to the system until the other end of `until` is closed. Blocks.
    pub(crate) fn listen(&self, until: &PipeReader) -> io::Result<()> {
        let ended = self.listen_until(until);
        self.set_listening(false);
        ended
    }

    fn listen_until(&self, until: &PipeReader) -> io::Result<()> {
        let mut buffer = vec![MaybeUninit::uninit(); 16 << 10];
        let mut reader = Reader::new(&self.inotify, &mut buffer);
        loop {
            let mut ready = vec![PollFd::new(&self.inotify, PollFlags::IN), PollFd::new(until, PollFlags::IN)];
            ready.extend(self.mounts.as_ref().map(|mounts| PollFd::new(mounts, PollFlags::PRI)));
            match poll(&mut ready, None) {
                Ok(_) if !ready[1].revents().is_empty() => return Ok(()),
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            if ready.get(2).is_some_and(|mounts| mounts.revents().contains(PollFlags::PRI)) {
                self.unwatch(Directories::forget_all);
            }
            match self.take(&mut reader) {
                Ok(()) | Err(Errno::AGAIN | Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            if has_ended_after(until, PAUSE)? {
                return Ok(());
            }
        }
    }

    /// Takes what the system tells, a buffer of it at most: there may be no end of it.
    fn take(&self, reader: &mut Reader<'_, &OwnedFd>) -> Result<(), Errno> {
        self.told(&reader.next()?);
        while !reader.is_buffer_empty() {
            self.told(&reader.next()?);
        }
        Ok(())
    }

    fn told(&self, event: &Event<'_>) {
        self.unwatch(|directories| match event.events().contains(ReadFlags::QUEUE_OVERFLOW) {
            true => directories.forget_all(),
            false => concerned(directories, event),
        });
    }

    fn add(&self, tree: u32, path: &[u8], directory: Option<&OwnedFd>, above: bool) -> Arc<Directory> {
        // The very directory that was opened, whatever lies at its path by now.
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let watch = directory.and_then(|directory| self.watch(&format!("/proc/self/fd/{}", directory.as_raw_fd())));
        let mut directories = self.directories.write().unwrap_or_else(PoisonError::into_inner);
        let told = above && watch.is_some() && directory.is_some_and(is_local);
        directories.add(tree, path, watch, told)
    }

    fn watch(&self, path: &str) -> Option<i32> {
        match inotify::add_watch(&self.inotify, path, CHANGES) {
            Ok(watch) => Some(watch),
            Err(error) => {
                let mut directories = self.directories.write().unwrap_or_else(PoisonError::into_inner);
                if directories.is_first_failure() {
                    tracing::info!(%error, "not all folders can be watched; changes are seen after web.file_cache_valid");
                }
                None
            }
        }
    }

    /// Ends the watches that `forget` gives.
    fn unwatch(&self, forget: impl FnOnce(&mut Directories) -> Vec<i32>) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let watches = forget(&mut self.directories.write().unwrap_or_else(PoisonError::into_inner));
        for watch in watches {
            // The system has ended it already where the directory has gone.
            _ = inotify::remove_watch(&self.inotify, watch);
        }
    }
}

/// Whether the other end is closed within this time.
fn has_ended_after(until: &PipeReader, time: Duration) -> io::Result<bool> {
    let time = Timespec { tv_sec: 0, tv_nsec: time.subsec_nanos().into() };
    match poll(&mut [PollFd::new(until, PollFlags::IN)], Some(&time)) {
        Ok(ready) => Ok(ready > 0),
        Err(Errno::INTR) => Ok(false), // it is asked again
        Err(error) => Err(error.into()),
    }
}

/// Notes a change; gives the watches that lead nowhere any more.
fn concerned(directories: &mut Directories, event: &Event<'_>) -> Vec<i32> {
    let mut watches = Vec::new();
    for (tree, path) in directories.paths(event.wd()) {
        directories.has_changed(tree, &path);
        let gone = match event.file_name() {
            Some(name) => Some(join(&path, name.to_bytes())),
            None => event.events().intersects(ENDS).then(|| path.into_vec()),
        };
        watches.extend(gone.map(|gone| directories.forget(tree, &gone)).unwrap_or_default()); // nothing is gone
    }
    watches
}

fn is_local(directory: &OwnedFd) -> bool {
    fstatfs(directory).is_ok_and(|system| LOCAL.contains(&{ system.f_type }))
}

fn is_same(one: &OwnedFd, other: &OwnedFd) -> bool {
    let place = |directory| fstat(directory).map(|stat| (stat.st_dev, stat.st_ino));
    matches!((place(one), place(other)), (Ok(one), Ok(other)) if one == other)
}

/// A path and all above it, from the top down.
fn ways(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let slashes = (0..path.len()).filter(|at| path[*at] == b'/');
    let ends = slashes.chain((!path.is_empty()).then_some(path.len()));
    std::iter::once(0).chain(ends).map(|end| &path[..end])
}

fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    if directory.is_empty() { name.to_owned() } else { [directory, b"/", name].concat() }
}

#[cfg(test)]
mod tests;
