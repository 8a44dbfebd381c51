use std::borrow::Cow;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::path::Path;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use rust_embed::{EmbeddedFile, RustEmbed};

use super::{Blocking, DirEntry, FileContent, FileSource, FileState, Node, OpenedFile, Page, Version};

/// Files inside the program, put there by [`rust_embed`]; a debug build of the program reads them from their folder
/// instead, as rust-embed does.
///
/// Their entity tags are made of their content: the same on every server that runs the same program.
pub struct Embedded<E>(PhantomData<fn() -> E>);

impl<E: RustEmbed> Embedded<E> {
    /// The files of `E`.
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<E: RustEmbed> Default for Embedded<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E> fmt::Debug for Embedded<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Embedded<{}>", std::any::type_name::<E>())
    }
}

impl<E: RustEmbed + 'static> FileSource for Embedded<E> {
    fn open(&self, path: &Path, wait: Blocking) -> io::Result<Option<Node>> {
        let Some(path) = path.to_str() else { return Ok(None) };
        if cfg!(debug_assertions) && wait == Blocking::Forbidden {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        if let Some(file) = E::get(path) {
            return Ok(Some(Node::File(opened(file))));
        }
        let is_directory = path.is_empty() || E::iter().any(|file| within(path, &file).is_some());
        Ok(is_directory.then_some(Node::Directory))
    }

    fn list(&self, path: &Path, page: &Page<'_>) -> io::Result<Option<Vec<DirEntry>>> {
        let Some(path) = path.to_str() else { return Ok(None) };
        let mut listed: Vec<DirEntry> = Vec::new();
        for file in E::iter() {
            let Some(rest) = within(path, &file) else { continue };
            let (name, directory) = rest.split_once('/').map_or((rest, false), |(name, _)| (name, true));
            if !listed.iter().any(|other| other.name == name) {
                listed.push(entry(name, E::get(&file).filter(|_| !directory).as_ref()));
            }
        }
        let is_directory = path.is_empty() || !listed.is_empty();
        listed.retain(|entry| (page.shows)(&entry.name));
        listed.sort_unstable_by(|one, other| (!one.directory, &one.name).cmp(&(!other.directory, &other.name)));
        Ok(is_directory.then(|| listed.into_iter().skip(page.first).take(page.most).collect()))
    }
}

/// The rest of a file's path behind the directory that it lies in.
fn within<'a>(directory: &str, file: &'a str) -> Option<&'a str> {
    if directory.is_empty() { Some(file) } else { file.strip_prefix(directory)?.strip_prefix('/') }
}

fn opened(file: EmbeddedFile) -> OpenedFile {
    let state = FileState {
        size: file.data.len() as u64,
        modified: modified(&file).unwrap_or(SystemTime::UNIX_EPOCH), // it was built where nobody knows
        version: Version::Hash(file.metadata.sha256_hash()),
    };
    let bytes = match file.data {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    };
    OpenedFile { state, content: FileContent::Bytes(bytes) }
}

fn modified(file: &EmbeddedFile) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(file.metadata.last_modified()?))
}

/// A file, or a directory where there is none.
fn entry(name: &str, file: Option<&EmbeddedFile>) -> DirEntry {
    let size = file.map_or(0, |file| file.data.len() as u64);
    DirEntry { name: name.into(), directory: file.is_none(), size, modified: file.and_then(modified) }
}

#[cfg(test)]
mod tests;
