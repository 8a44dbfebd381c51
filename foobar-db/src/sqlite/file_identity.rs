use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::location::Location;
use crate::ConnectError;

/// The file that a database was when its tier started.
///
/// Connections stay with a file that is removed or replaced, and what they write is lost with it.
#[derive(Clone)]
pub(super) struct FileIdentity {
    path: PathBuf,
    identity: Option<Identity>,
}

/// The device and the inode.
type Identity = (u64, u64);

/// What is said of a database whose file is not at its path any more.
const GONE: &str = "the file of the database has been removed or replaced; restart";

impl FileIdentity {
    /// The file that is at `location` now; `None` for a database in memory.
    pub(super) fn at(location: &Location) -> Option<Self> {
        match location {
            Location::File(path) => Some(Self { path: path.clone(), identity: identity(path) }),
            Location::Memory(_) => None,
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
