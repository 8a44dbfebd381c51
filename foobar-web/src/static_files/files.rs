use std::io;
use std::path::Path;
use std::sync::Arc;

use super::store::Store;
use crate::file_source::{Blocking, DirEntry, FileSource, FileSources, Links, Node, Page};
use crate::{Error, WebSettings};

/// What all served files of a tier share.
#[derive(Clone)]
pub(crate) struct Files {
    pub(crate) store: Arc<Store>,
    sources: FileSources,
    opening: Opening,
}

/// Whether the files that settings name are opened.
#[derive(Clone, Copy)]
enum Opening {
    Required,
    /// Nothing is served: whoever asks wants to know what leads where.
    Never,
}

impl Files {
    pub(crate) fn compile(web: &WebSettings, sources: FileSources) -> Result<Self, Error> {
        Ok(Self { store: Arc::new(Store::compile(web)?), sources, opening: Opening::Required })
    }

    /// The same where nothing that settings name has to be there, and nothing is served.
    pub(crate) fn unopened(web: &WebSettings, sources: FileSources) -> Result<Self, Error> {
        Ok(Self { opening: Opening::Never, ..Self::compile(web, sources)? })
    }

    /// Why the folder at `root` could not be opened. One that has been opened could. Blocks.
    pub(crate) fn folder_error(&self, root: &Path, links: Links) -> Option<io::Error> {
        self.error_of(|sources| sources.open(root, links).err())
    }

    /// The same of one file. Blocks.
    pub(crate) fn file_error(&self, file: &Path, links: Links) -> Option<io::Error> {
        self.error_of(|sources| {
            let opened = sources.open_for(file, links);
            match opened.and_then(|(source, name)| source.open(Path::new(&name), Blocking::Allowed)) {
                Ok(Some(_)) => None,
                Ok(None) => Some(io::ErrorKind::NotFound.into()),
                Err(error) => Some(error),
            }
        })
    }

    fn error_of(&self, open: impl FnOnce(&FileSources) -> Option<io::Error>) -> Option<io::Error> {
        self.are_unopened().then(|| open(&self.sources)).flatten()
    }

    pub(super) fn open(&self, root: &Path, links: Links) -> io::Result<Arc<dyn FileSource>> {
        match self.opening {
            Opening::Required => self.sources.open(root, links),
            Opening::Never => Ok(Arc::new(NoFiles)),
        }
    }

    /// The source that holds one file, and its path there.
    pub(super) fn open_for(&self, file: &Path, links: Links) -> io::Result<(Arc<dyn FileSource>, String)> {
        match self.opening {
            Opening::Required => self.sources.open_for(file, links),
            Opening::Never => Ok((Arc::new(NoFiles), String::new())),
        }
    }

    pub(super) const fn are_unopened(&self) -> bool {
        matches!(self.opening, Opening::Never)
    }
}

/// Stands for what is not opened.
struct NoFiles;

impl FileSource for NoFiles {
    fn open(&self, _path: &Path, _wait: Blocking) -> io::Result<Option<Node>> {
        Ok(None)
    }

    fn list(&self, _path: &Path, _page: &Page<'_>) -> io::Result<Option<Vec<DirEntry>>> {
        Ok(None)
    }
}
