use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError, RwLock};

use crate::Error;

/// What is made of files: made again when they have changed, and kept as it was where they cannot be used.
#[derive(Debug)]
pub(crate) struct FromFiles<T> {
    files: Vec<PathBuf>,
    current: RwLock<T>,
    seen: Mutex<Seen>,
}

/// What a look at the files has led to.
#[derive(Debug)]
pub(crate) enum Refreshed {
    Unchanged,
    Replaced,
    /// The files cannot be used; this is said once.
    Unusable(Error),
}

/// What the files were when they were last looked at.
#[derive(Debug)]
struct Seen {
    files: Fingerprint,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Used,
    /// They cannot be used; they may not be complete yet.
    Unusable,
    /// They cannot be used, and that has been said.
    Reported,
}

/// Device, inode, size, and both times of each file; `None` for what is not there.
type Fingerprint = Vec<Option<(u64, u64, u64, i64, i64, i64, i64)>>;

impl<T> FromFiles<T> {
    /// What `load` makes of these files.
    pub(crate) fn load(files: Vec<PathBuf>, load: impl FnOnce() -> Result<T, Error>) -> Result<Self, Error> {
        let seen = Seen { files: fingerprint(&files), state: State::Used };
        Ok(Self { files, current: RwLock::new(load()?), seen: Mutex::new(seen) })
    }

    /// Looks at what there is now.
    pub(crate) fn read<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        read(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Has the next look make of the files what it can, although that has been said not to be possible.
    pub(crate) fn look_again(&self) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.state == State::Reported {
            seen.state = State::Unusable;
        }
    }

    /// Uses the files as they are now, if they have changed and are good; else what was made of those before stays. What
    /// is wrong is said once, and only if it is so at the next look too: two files are written one after the other.
    pub(crate) fn refresh(&self, load: impl FnOnce() -> Result<T, Error>) -> Refreshed {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let files = fingerprint(&self.files);
        let is_same = files == seen.files;
        if is_same && seen.state != State::Unusable {
            return Refreshed::Unchanged;
        }
        seen.files = files;
        match load() {
            Ok(new) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = new;
                seen.state = State::Used;
                Refreshed::Replaced
            }
            Err(_) if !is_same => {
                seen.state = State::Unusable;
                Refreshed::Unchanged
            }
            Err(error) => {
                seen.state = State::Reported;
                Refreshed::Unusable(error)
            }
        }
    }
}

fn fingerprint(files: &[PathBuf]) -> Fingerprint {
    let of_file = |path: &PathBuf| {
        let file = std::fs::metadata(path).ok()?; // not there, or not to be read: loading it tells why
        Some((file.dev(), file.ino(), file.size(), file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec()))
    };
    files.iter().map(of_file).collect()
}
