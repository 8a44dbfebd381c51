//! Writes a package whole or not at all: beside its place, and then renamed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tokio::task::yield_now;

use super::error::NewError;
use super::interrupt::until_interrupted;

/// Makes `folder`, which is not there yet or empty, with these files: each a path in it and a text. A signal that ends the
/// command leaves nothing of it.
pub(super) fn make(folder: &Path, files: &[(String, String)]) -> Result<(), NewError> {
    let made = until_interrupted(write(folder, files));
    made.map_err(|source| NewError::Io { path: folder.to_owned(), source })?.map_err(NewError::Interrupted)?
}

async fn write(folder: &Path, files: &[(String, String)]) -> Result<(), NewError> {
    refuse_taken(folder)?;
    let draft = Draft::new(folder)?;
    for (path, text) in files {
        draft.write(path, text).map_err(|source| NewError::Io { path: folder.join(path), source })?;
        yield_now().await; // signals are heard here
    }
    draft.rename(folder)
}

/// Renaming says the same, and does so where somebody else was faster; but not before everything has been written.
fn refuse_taken(folder: &Path) -> Result<(), NewError> {
    let io = |source| NewError::Io { path: folder.to_owned(), source };
    match fs::symlink_metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(io(error)),
        Ok(metadata) if !metadata.is_dir() => Err(NewError::NoFolder(folder.to_owned())),
        Ok(_) => match fs::read_dir(folder).map_err(io)?.next() {
            None => Ok(()),
            Some(_) => Err(NewError::NotEmpty(folder.to_owned())),
        },
    }
}

/// So many drafts of one process are not left by accident.
const MOST_DRAFTS: u32 = 100;

/// A folder beside the package's, removed when it is dropped.
struct Draft(PathBuf);

impl Draft {
    fn new(folder: &Path) -> Result<Self, NewError> {
        let parent = folder.parent().unwrap_or(Path::new("")); // it lies in the working folder
        let name = folder.file_name().unwrap_or_default().to_string_lossy(); // it has one
        let mut number = 0;
        loop {
            let path = parent.join(format!(".{name}.{}-{number}", std::process::id()));
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self(path)),
                // It was left by a process of the same number, which was killed.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < MOST_DRAFTS => number += 1,
                Err(source) => return Err(NewError::Io { path: folder.to_owned(), source }),
            }
        }
    }

    fn write(&self, path: &str, text: &str) -> io::Result<()> {
        let path = self.0.join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, text)
    }

    fn rename(&self, folder: &Path) -> Result<(), NewError> {
        fs::rename(&self.0, folder).map_err(|source| match source.kind() {
            io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists => NewError::NotEmpty(folder.to_owned()),
            io::ErrorKind::NotADirectory => NewError::NoFolder(folder.to_owned()),
            _ => NewError::Io { path: folder.to_owned(), source },
        })
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0)); // it has been renamed, or there is nothing else that could be done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_that_a_killed_process_of_the_same_number_has_left_is_no_hindrance() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("package");
        let left = Draft::new(&folder).unwrap();
        let draft = Draft::new(&folder).unwrap();
        assert_ne!(left.0, draft.0);
        assert_eq!(draft.0.parent(), folder.parent());
        draft.write("src/main.rs", "new").unwrap();
        draft.rename(&folder).unwrap();
        assert_eq!(fs::read_to_string(folder.join("src/main.rs")).unwrap(), "new");
    }

    #[test]
    fn who_comes_second_leaves_what_is_there() {
        let place = tempfile::tempdir().unwrap();
        let draft = Draft(place.path().join("draft"));
        draft.write("src/main.rs", "second").unwrap();
        let folder = place.path().join("package");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("mine"), "first").unwrap();
        assert!(matches!(draft.rename(&folder), Err(NewError::NotEmpty(_))));
        drop(draft);
        let left: Vec<_> = fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["package"]);
        assert_eq!(fs::read_to_string(folder.join("mine")).unwrap(), "first");
    }
}
