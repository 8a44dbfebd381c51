use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use http::header::{HeaderValue, X_CONTENT_TYPE_OPTIONS};
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::FilesOptions;
use super::content_type::ContentTypes;
use super::representation::{Announced, Representation};

/// The folder that is served. All of its methods block.
///
/// A path may pass symbolic links as long as none leaves the folder; an absolute one leaves it. The folder itself is
/// looked up anew for each request, so that a deployment may replace it, or the link that names it, at once.
pub(super) struct Folder {
    root: PathBuf,
    options: FilesOptions,
    types: ContentTypes,
}

/// What a path leads to.
pub(super) enum Found {
    /// A regular file.
    File(Representation),
    /// A directory with an index, asked for without the `/` at its end.
    Directory,
    /// Nothing that is served.
    Nothing,
}

enum Entry {
    File(File, Metadata),
    Directory,
    Nothing,
}

impl Folder {
    /// An error if `root` is no directory or cannot be opened.
    pub(super) fn open(root: &Path, options: FilesOptions) -> io::Result<Self> {
        let folder = Self { root: std::path::absolute(root)?, types: ContentTypes::new(&options.charset)?, options };
        folder.dir()?;
        Ok(folder)
    }

    /// The most ranges that a request may ask for.
    pub(super) const fn max_ranges(&self) -> usize {
        self.options.max_ranges
    }

    /// Looks up a decoded path as `try_files` says; a file of at most `at_once` bytes is read at once.
    pub(super) fn find(&self, path: &str, at_once: u64) -> io::Result<Found> {
        let Some((dir, path)) = self.enter(path)? else { return Ok(Found::Nothing) };
        if path.is_empty() || path.ends_with('/') {
            return Ok(self.index(&dir, path, at_once)?.map_or(Found::Nothing, Found::File));
        }
        match open(&dir, path)? {
            Entry::File(file, metadata) if self.options.file => {
                self.represent(path, file, &metadata, at_once).map(Found::File)
            }
            Entry::Directory if self.index(&dir, &format!("{path}/"), 0)?.is_some() => Ok(Found::Directory),
            _ => Ok(Found::Nothing),
        }
    }

    /// The file at a decoded path, whatever `try_files` says; it is read at once if it has at most `at_once` bytes.
    pub(super) fn file(&self, path: &str, at_once: u64) -> io::Result<Option<Representation>> {
        let Some((dir, path)) = self.enter(path)? else { return Ok(None) };
        match open(&dir, path)? {
            Entry::File(file, metadata) => self.represent(path, file, &metadata, at_once).map(Some),
            _ => Ok(None),
        }
    }

    fn index(&self, dir: &Dir, directory: &str, at_once: u64) -> io::Result<Option<Representation>> {
        let names = if self.options.directory_index { self.options.index.as_slice() } else { &[] };
        for name in names {
            let path = format!("{directory}{name}");
            if let Entry::File(file, metadata) = open(dir, &path)? {
                return self.represent(&path, file, &metadata, at_once).map(Some);
            }
        }
        Ok(None)
    }

    fn represent(&self, path: &str, file: File, metadata: &Metadata, at_once: u64) -> io::Result<Representation> {
        let announced = Announced {
            content_type: self.types.of(path),
            fields: vec![(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"))],
            lasting: Vec::new(),
            ranges: self.options.max_ranges > 0,
        };
        Representation::new(file, metadata, announced, at_once)
    }

    /// The folder and the path in it, if it may be looked at.
    fn enter<'a>(&self, path: &'a str) -> io::Result<Option<(Dir, &'a str)>> {
        let path = path.trim_start_matches('/');
        if is_hidden(path) {
            return Ok(None);
        }
        Ok(present(self.dir())?.map(|dir| (dir, path)))
    }

    fn dir(&self) -> io::Result<Dir> {
        Dir::open_ambient_dir(&self.root, ambient_authority())
    }
}

/// Whether a segment begins with a dot; only `/.well-known/` (RFC 8615) may.
fn is_hidden(path: &str) -> bool {
    path.strip_prefix(".well-known/").unwrap_or(path).split('/').any(|segment| segment.starts_with('.'))
}

fn open(dir: &Dir, path: &str) -> io::Result<Entry> {
    let mut options = OpenOptions::new();
    // A FIFO without a writer would block.
    options.read(true).custom_flags(OFlags::NONBLOCK.bits() as i32);
    let Some(file) = present(dir.open_with(path, &options))? else { return Ok(Entry::Nothing) };
    let file = file.into_std();
    let metadata = file.metadata()?;
    Ok(match metadata.file_type() {
        kind if kind.is_file() => Entry::File(file, metadata),
        kind if kind.is_dir() => Entry::Directory,
        _ => Entry::Nothing,
    })
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
            Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG | Errno::LOOP | Errno::NXIO | Errno::INVAL | Errno::ILSEQ
        ),
        // Not from the system: cap-std refused to leave the folder.
        None => error.kind() == io::ErrorKind::PermissionDenied,
    };
    if nothing { Ok(None) } else { Err(error) }
}
