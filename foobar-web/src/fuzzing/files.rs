//! The files of the server that is fuzzed.

use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use crate::file_source::{Blocking, DirEntry, FileContent, FileSource, FileState, Node, OpenedFile, Page, Version};

/// Two files: one is ready, the other has to be waited for.
pub(super) struct Files;

/// What is ready: `/f/now`.
pub(super) const NOW: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
/// What is not: `/f/later`.
pub(super) const LATER: &[u8] = b"0123456789";

impl FileSource for Files {
    fn open(&self, path: &Path, wait: Blocking) -> io::Result<Option<Node>> {
        Ok(match path.to_str() {
            Some("") => Some(Node::Directory),
            Some("now") => Some(file(NOW, 1)),
            Some("later") if wait == Blocking::Forbidden => return Err(io::ErrorKind::WouldBlock.into()),
            Some("later") => Some(file(LATER, 2)),
            _ => None,
        })
    }

    fn list(&self, _path: &Path, _page: &Page<'_>) -> io::Result<Option<Vec<DirEntry>>> {
        Ok(None)
    }
}

fn file(content: &'static [u8], hash: u8) -> Node {
    let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let state = FileState { size: content.len() as u64, modified, version: Version::Hash([hash; 32]) };
    Node::File(OpenedFile { state, content: FileContent::Bytes(Bytes::from_static(content)) })
}
