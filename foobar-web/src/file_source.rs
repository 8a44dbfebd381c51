//! Where files come from: a folder, the program itself, or a source of the user's own; and who notices that they
//! change. It must not know HTTP.
//!
//! - Files are opened by `openat2` with `RESOLVE_BENEATH`, by cap-std where there is none. An absolute link that names
//!   the folder itself is resolved by hand, and what it leads to is opened beneath the folder without any link.
//! - What tells two states of a file apart is device, inode, size, mtime and ctime, in nanoseconds. Anybody can set
//!   the mtime, nobody the ctime. A file that changed less than 2 s ago could change again within one tick of a coarse
//!   clock and look the same; so it is loaded again until it is older.
//! - The watch: a directory and all above it are watched before anything in it is looked at, and its generation is
//!   read before the look. Each watch is set on a directory that was opened as files are. What the
//!   system tells of is looked up again after a minute (it does not tell of a write through a memory mapping); what it
//!   cannot tell of (behind a link, with a second name, mounted within the root, on a network, beyond 16,384
//!   directories or without watches left) after `file_cache_valid`. The table of mounts is watched too.

mod buffer;
mod disk_file;
mod embedded;
mod folder;
mod links;
mod optional;
mod page;
mod public_files;
mod refusals;
mod sources;
mod state;
mod watch;

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::SystemTime;

use bytes::Bytes;

pub(crate) use buffer::{Buffer, SLICE};
#[cfg(test)]
pub(crate) use disk_file::tells_what_is_in_memory;
pub(crate) use disk_file::{DiskFile, is_refused, read, state};
pub use embedded::Embedded;
pub use folder::Folder;
pub use links::Links;
pub(crate) use optional::say_what_is_refused;
pub use page::Page;
pub(crate) use page::Picked;
pub use public_files::PublicFiles;
pub(crate) use refusals::Refusals;
pub use sources::FileSources;
pub(crate) use watch::{Directory, Known, Watch};

/// Where files come from: a folder of the system, files inside the program ([`Embedded`](crate::Embedded)), or a place
/// of your own.
///
/// A path is decoded, relative, without a `/` at its end, and has no empty, `.` or `..` segments; the empty path is the
/// top. It is bytes, which need not be UTF-8: a source whose names are text asks for [`Path::to_str`] and has nothing
/// where that is `None`. What a source finds is kept as `web.file_cache_valid` says, and looked up again after it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a source of files",
    label = "not a `FileSource`",
    note = "a folder of the system goes to `Server::public`, or `files = \"..\"` of a route in the configuration names it",
    note = "files inside the program are `foobar::embed!(\"folder\")`; for a place of your own implement `foobar::files::FileSource`"
)]
pub trait FileSource: Send + Sync + 'static {
    /// What lies at `path`; `None` if nothing does, also where the way to it leaves the source.
    ///
    /// With [`Blocking::Forbidden`], [`io::ErrorKind::WouldBlock`] where the answer would have to be waited for; it is
    /// asked again on a thread that may wait.
    fn open(&self, path: &Path, wait: Blocking) -> io::Result<Option<Node>>;

    /// The state of the file at `path`, at less cost than [`open`](Self::open); `None` if no file lies there.
    fn state(&self, path: &Path, wait: Blocking) -> io::Result<Option<FileState>> {
        Ok(match self.open(path, wait)? {
            Some(Node::File(file)) => Some(file.state),
            Some(Node::Directory) | None => None,
        })
    }

    /// A page of the list of what lies in the directory `path`, in its order; `None` if it is no directory. May block.
    fn list(&self, path: &Path, page: &Page<'_>) -> io::Result<Option<Vec<DirEntry>>>;

    /// Whether the whole source has become another one since the last call; called every `web.file_cache_valid` while
    /// files are asked for. The default says that it never does.
    fn has_moved(&self, _wait: Blocking) -> io::Result<bool> {
        Ok(false)
    }

    /// Whether what lies at `path`, or could, changes in no other way than in its [directory](Self::directory): then it
    /// is looked up again only after a minute, or when the system tells of a change. Must not block. `false` by
    /// default.
    fn is_told_of(&self, _path: &Path) -> bool {
        false
    }

    /// The directory `path`, open, where the system can tell of changes in it; `None` by default. May block.
    fn directory(&self, _path: &Path) -> io::Result<Option<OwnedFd>> {
        Ok(None)
    }
}

/// Whether a call may block its thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocking {
    /// It is a worker's, which others wait for.
    Forbidden,
    /// It is one of `web.file_threads`.
    Allowed,
}

/// What lies at a path of a [`FileSource`].
#[derive(Debug)]
pub enum Node {
    /// A regular file.
    File(OpenedFile),
    /// A directory.
    Directory,
}

/// A file that can be read.
#[derive(Debug)]
pub struct OpenedFile {
    /// Its state when it was opened.
    pub state: FileState,
    /// Its bytes.
    pub content: FileContent,
}

/// The bytes of a file.
#[derive(Debug)]
pub enum FileContent {
    /// To be read from here.
    File(File),
    /// These.
    Bytes(Bytes),
}

/// What tells one state of a file from another: equal states have equal content.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FileState {
    /// Its length in bytes.
    pub size: u64,
    /// When its content was changed.
    pub modified: SystemTime,
    /// What tells apart what has the same length and time.
    pub version: Version,
}

/// What tells apart states of a file that have the same length and time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// The file's place on its device, and the time of the last change to anything about it, which nobody can set.
    Inode {
        /// The device.
        device: u64,
        /// The number of the inode.
        number: u64,
        /// When it was changed (`st_ctime`).
        changed: SystemTime,
    },
    /// A hash of the content that is the same wherever the content is.
    Hash([u8; 32]),
}

/// An entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirEntry {
    /// Its name, which need not be UTF-8.
    pub name: OsString,
    /// Whether it is a directory.
    pub directory: bool,
    /// The length of a file in bytes.
    pub size: u64,
    /// When it was changed, where that is known.
    pub modified: Option<SystemTime>,
}
