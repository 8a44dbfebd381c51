use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::turn::SharedTurn;

/// The file of a Unix socket that this process has; removed with it, unless it is another one's by then.
pub(super) struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
    is_inherited: bool,
    turn: SharedTurn,
}

impl SocketFile {
    pub(super) fn of(path: &Path, is_inherited: bool, turn: SharedTurn) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), identity: identity(path)?, is_inherited, turn })
    }

    /// Whether it is the file at this path.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        identity(path).is_ok_and(|found| found == self.identity)
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if !self.turn.keeps_file(self.is_inherited)
            && identity(&self.path).is_ok_and(|now| now == self.identity)
            && let Err(error) = std::fs::remove_file(&self.path)
        {
            tracing::warn!(%error, "cannot remove the socket {}", self.path.display());
        }
    }
}

/// Whether both paths are those of one file, however they are written.
pub(super) fn is_same_file(one: &Path, other: &Path) -> bool {
    one == other || identity(one).is_ok_and(|one| identity(other).is_ok_and(|other| one == other))
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    std::fs::symlink_metadata(path).map(|file| (file.dev(), file.ino()))
}
