use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::place::Place;
use crate::ConnectError;

/// The file that a database was when its tier started.
///
/// Connections stay with a file that is removed or replaced, and what they write is lost with it.
#[derive(Clone)]
pub(super) struct Opened {
    path: PathBuf,
    identity: Option<Identity>,
}

/// The device and the inode.
type Identity = (u64, u64);

/// What is said of a database whose file is not at its path any more.
const GONE: &str = "the file of the database has been removed or replaced; restart";

impl Opened {
    /// The file that is at `place` now; `None` for a database in memory.
    pub(super) fn at(place: &Place) -> Option<Self> {
        match place {
            Place::File(path) => Some(Self { path: path.clone(), identity: identity(path) }),
            Place::Memory(_) => None,
        }
    }

    /// An error where another file, or none, is there now.
    pub(super) fn check(&self) -> Result<(), ConnectError> {
        match identity(&self.path) {
            Some(now) if self.identity == Some(now) => Ok(()),
            _ => Err(ConnectError::Refused(GONE.to_owned())),
        }
    }
}

fn identity(path: &Path) -> Option<Identity> {
    let file = fs::metadata(path).ok()?; // a file that is out of reach is as good as gone
    Some((file.dev(), file.ino()))
}
