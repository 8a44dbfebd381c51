use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{FileSource, FileSources};

/// The files of an application: a folder, by its path, or any [`FileSource`], such as files inside the program.
pub struct PublicFiles(Origin);

enum Origin {
    Folder(PathBuf),
    Source(Arc<dyn FileSource>),
}

/// The name of a source that has none of its own.
const NAME: &str = "public";

impl PublicFiles {
    /// What a setting such as `root` says for them; a source becomes one of `sources`.
    pub fn root(self, sources: &mut FileSources) -> String {
        match self.0 {
            // One that is not UTF-8 is not there under the name that the error then shows.
            Origin::Folder(path) => path.to_string_lossy().into_owned(),
            Origin::Source(source) => {
                sources.insert(NAME, source);
                format!("embed:{NAME}")
            }
        }
    }
}

impl<S: FileSource> From<S> for PublicFiles {
    fn from(source: S) -> Self {
        Self(Origin::Source(Arc::new(source)))
    }
}

impl From<&str> for PublicFiles {
    fn from(folder: &str) -> Self {
        Self(Origin::Folder(folder.into()))
    }
}

impl From<String> for PublicFiles {
    fn from(folder: String) -> Self {
        Self(Origin::Folder(folder.into()))
    }
}

impl From<&Path> for PublicFiles {
    fn from(folder: &Path) -> Self {
        Self(Origin::Folder(folder.into()))
    }
}

impl From<PathBuf> for PublicFiles {
    fn from(folder: PathBuf) -> Self {
        Self(Origin::Folder(folder))
    }
}
