mod root;

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustix::fs::{FileType, OFlags, Stat, fstat};
use rustix::io::Errno;

use super::{Blocking, DirEntry, FileContent, FileSource, FileState, Links, Node, OpenedFile, Page, Picked, Refusals};
use root::Root;

/// A folder of the system, as `root` and `files` of the configuration name it.
///
/// A worker resolves a path only as far as the system has its parts in memory; what is not there, and every doubt, is
/// left to a thread that may wait. The folder itself stays open between two calls of
/// [`has_moved`](FileSource::has_moved).
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    links: Links,
    root: RwLock<Option<Arc<Root>>>,
    refusals: Refusals,
}

/// A FIFO without a writer would block.
const TO_READ: OFlags = OFlags::NONBLOCK.union(OFlags::NOCTTY);

impl Folder {
    /// `links` says which links are followed in it. An error if `path` is no directory or cannot be opened. Blocks.
    pub fn open(path: &Path, links: Links) -> io::Result<Self> {
        let path = std::path::absolute(path)?;
        let root = Root::open(&path, Blocking::Allowed)?;
        Ok(Self { path, links, root: RwLock::new(Some(Arc::new(root))), refusals: Refusals::default() })
    }

    fn root(&self) -> Option<Arc<Root>> {
        self.root.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Opens what lies at a path; says so where that takes a link that is not followed.
    fn open_at(&self, path: &Path, flags: OFlags, wait: Blocking) -> io::Result<Option<OwnedFd>> {
        let Some(root) = self.root() else { return Ok(None) };
        let opened = root.open_at(path, flags, self.links, wait);
        if let Err(error) = &opened
            && Errno::from_io_error(error) == Some(Errno::XDEV)
        {
            self.refusals.note(
                &self.path.join(path).to_string_lossy(),
                match self.links {
                    Links::Off => "a link leads there, and `links` is \"off\"",
                    Links::Inside | Links::Any => "a link leads out of the folder; `links = \"any\"` follows it",
                },
            );
        }
        present(opened)
    }

    /// An entry of a directory; `None` of what leads nowhere, or is no file and no directory.
    fn entry(&self, directory: &Path, name: OsString) -> Option<DirEntry> {
        let stat = fstat(self.open_at(&directory.join(&name), OFlags::PATH, Blocking::Allowed).ok()??).ok()?; // gone meanwhile
        let directory = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => false,
            FileType::Directory => true,
            _ => return None,
        };
        let FileState { size, modified, .. } = FileState::from(&stat);
        Some(DirEntry { name, directory, size, modified: Some(modified) })
    }
}

impl FileSource for Folder {
    fn open(&self, path: &Path, wait: Blocking) -> io::Result<Option<Node>> {
        let Some(file) = self.open_at(path, TO_READ, wait)? else { return Ok(None) };
        let stat = fstat(&file)?;
        Ok(match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Some(Node::File(OpenedFile {
                state: FileState::from(&stat),
                content: FileContent::File(File::from(file)),
            })),
            FileType::Directory => Some(Node::Directory),
            _ => None,
        })
    }

    fn state(&self, path: &Path, wait: Blocking) -> io::Result<Option<FileState>> {
        let Some(file) = self.open_at(path, OFlags::PATH, wait)? else { return Ok(None) };
        let stat = fstat(file)?;
        Ok(is_regular(&stat).then(|| FileState::from(&stat)))
    }

    /// What is in it and leads nowhere, or out of the folder, is left out.
    fn list(&self, path: &Path, page: &Page<'_>) -> io::Result<Option<Vec<DirEntry>>> {
        let Some(directory) = self.directory(path)? else { return Ok(None) };
        let mut picked = Picked::new(page);
        for entry in rustix::fs::Dir::read_from(directory)? {
            let entry = entry?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if matches!(name.as_bytes(), b"." | b"..") || !(page.shows)(name) {
                continue;
            }
            let is_directory = match entry.file_type() {
                FileType::RegularFile => Some(false),
                FileType::Directory => Some(true),
                FileType::Symlink | FileType::Unknown => self.entry(path, name.to_owned()).map(|entry| entry.directory),
                _ => None,
            };
            if let Some(is_directory) = is_directory {
                picked.add(is_directory, name.to_owned());
            }
        }
        Ok(Some(picked.names().filter_map(|name| self.entry(path, name)).collect()))
    }

    /// A deployment may replace the folder, or the link that names it.
    fn has_moved(&self, wait: Blocking) -> io::Result<bool> {
        let now = present(Root::open(&self.path, wait))?.map(Arc::new);
        let mut root = self.root.write().unwrap_or_else(PoisonError::into_inner);
        let place = |root: &Arc<Root>| root.place();
        let moved = root.as_ref().map(place) != now.as_ref().map(place);
        if moved {
            *root = now;
        }
        Ok(moved)
    }

    /// Not what a link leads to, what has another name elsewhere, or what is mounted here and may be changed elsewhere.
    fn is_told_of(&self, path: &Path) -> bool {
        let Some(root) = self.root() else { return false };
        match root.open_linkless(path) {
            Ok(file) => fstat(file)
                .is_ok_and(|stat| stat.st_nlink == 1 || FileType::from_raw_mode(stat.st_mode) == FileType::Directory),
            Err(error) => matches!(error, Errno::NOENT | Errno::NOTDIR),
        }
    }

    fn directory(&self, path: &Path) -> io::Result<Option<OwnedFd>> {
        self.open_at(path, OFlags::DIRECTORY, Blocking::Allowed)
    }
}

fn is_regular(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
}

/// `None` where nothing is: no such name, a name that the system does not take, a link that is not followed or leads in
/// a circle, a socket.
fn present<T>(opened: io::Result<T>) -> io::Result<Option<T>> {
    let error = match opened {
        Ok(found) => return Ok(Some(found)),
        Err(error) => error,
    };
    let nothing = Errno::from_io_error(&error).is_some_and(|errno| {
        matches!(
            errno,
            Errno::NOENT
                | Errno::NOTDIR
                | Errno::NAMETOOLONG
                | Errno::LOOP
                | Errno::NXIO
                | Errno::INVAL
                | Errno::ILSEQ
                | Errno::XDEV
        )
    });
    if nothing { Ok(None) } else { Err(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_sorted_before_it_is_cut_into_pages() {
        let place = tempfile::tempdir().unwrap();
        let mut expected: Vec<String> = (0..500).map(|number| format!("{:03}", number * 7 % 500)).collect();
        for name in &expected {
            std::fs::write(place.path().join(name), "").unwrap();
        }
        std::fs::create_dir(place.path().join("z")).unwrap();
        std::os::unix::fs::symlink("z", place.path().join("y")).unwrap();
        expected.extend(["y", "z"].map(str::to_owned));
        expected.sort_by_key(|name| (name.parse::<u32>().is_ok(), name.clone()));
        let folder = Folder::open(place.path(), Links::Inside).unwrap();
        let page = |first, most| {
            let listed = folder.list(Path::new(""), &Page { first, most, shows: &|_| true }).unwrap().unwrap();
            listed.into_iter().map(|entry| entry.name.into_string().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(page(0, usize::MAX), expected);
        assert_eq!(
            (page(0, 3), page(200, 7), page(500, 7)),
            (expected[..3].into(), expected[200..207].into(), expected[500..].into())
        );
        assert!(page(502, 10).is_empty());
    }
}
