use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::folder::Folder;
use super::{FileSource, Links};

/// Sources of files that a program brings, by the names under which `root` and `files` of the configuration call them:
/// `"embed:NAME"`.
#[derive(Clone, Default)]
pub struct FileSources(BTreeMap<String, Arc<dyn FileSource>>);

impl FileSources {
    /// Adds a source, in the place of one that has this name already.
    pub fn add(&mut self, name: impl Into<String>, source: impl FileSource) {
        self.insert(name, Arc::new(source));
    }

    pub(super) fn insert(&mut self, name: impl Into<String>, source: Arc<dyn FileSource>) {
        self.0.insert(name.into(), source);
    }

    /// The folder at `root`, with these links followed, or the source that it names. Blocks.
    pub(crate) fn open(&self, root: &Path, links: Links) -> io::Result<Arc<dyn FileSource>> {
        match named(root) {
            Some((name, "")) => self.get(name),
            Some((_, _)) => Err(io::Error::new(io::ErrorKind::NotFound, "write \"embed:NAME\", without a path")),
            None => Ok(Arc::new(Folder::open(root, links).map_err(|error| with_working_folder(root, error))?)),
        }
    }

    /// The source that holds the file at `path` (`"embed:NAME/path"`, or a path of the system), and the file's path
    /// there. Blocks.
    pub(crate) fn open_for(&self, path: &Path, links: Links) -> io::Result<(Arc<dyn FileSource>, String)> {
        if let Some((name, file)) = named(path) {
            return Ok((self.get(name)?, file.to_owned()));
        }
        let path = std::path::absolute(path)?;
        let name = path.file_name().and_then(std::ffi::OsStr::to_str);
        let (Some(folder), Some(name)) = (path.parent(), name) else { return Err(io::ErrorKind::NotFound.into()) };
        Ok((Arc::new(Folder::open(folder, links)?), name.to_owned()))
    }

    fn get(&self, name: &str) -> io::Result<Arc<dyn FileSource>> {
        self.0.get(name).cloned().ok_or_else(|| {
            let known: Vec<&str> = self.0.keys().map(String::as_str).collect();
            let known =
                if known.is_empty() { "it has none".to_owned() } else { format!("it has {}", known.join(", ")) };
            io::Error::new(io::ErrorKind::NotFound, format!("this program has no files of the name {name:?}; {known}"))
        })
    }
}

impl fmt::Debug for FileSources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// A relative path that leads nowhere mostly means another folder.
fn with_working_folder(root: &Path, error: io::Error) -> io::Error {
    match std::env::current_dir() {
        Ok(folder) if root.is_relative() => {
            let hint = format!("{error}; the path is relative to the working folder {}", folder.display());
            io::Error::new(error.kind(), hint)
        }
        _ => error,
    }
}

/// The name and the path behind it.
fn named(root: &Path) -> Option<(&str, &str)> {
    let name = root.to_str()?.strip_prefix("embed:")?;
    Some(name.split_once('/').unwrap_or((name, ""))) // the name alone
}

#[cfg(test)]
mod tests {
    use super::super::{Blocking, DirEntry, Node, Page};
    use super::*;

    struct Empty;

    impl FileSource for Empty {
        fn open(&self, _path: &Path, _wait: Blocking) -> io::Result<Option<Node>> {
            Ok(None)
        }

        fn list(&self, _path: &Path, _page: &Page<'_>) -> io::Result<Option<Vec<DirEntry>>> {
            Ok(None)
        }
    }

    fn error(sources: &FileSources, root: &str) -> String {
        sources.open(Path::new(root), Links::Inside).err().expect("there is no such source").to_string()
    }

    #[test]
    fn a_name_that_the_program_has_no_files_of_is_an_error_that_lists_those_it_has() {
        let mut sources = FileSources::default();
        assert_eq!(error(&sources, "embed:a"), "this program has no files of the name \"a\"; it has none");
        sources.add("pages", Empty);
        sources.add("assets", Empty);
        assert_eq!(error(&sources, "embed:a"), "this program has no files of the name \"a\"; it has assets, pages");
        assert!(sources.open(Path::new("embed:assets"), Links::Inside).is_ok());
    }

    #[test]
    fn a_relative_path_that_leads_nowhere_is_an_error_that_names_the_working_folder() {
        let hint =
            format!("; the path is relative to the working folder {}", std::env::current_dir().unwrap().display());
        assert!(error(&FileSources::default(), "no such folder").ends_with(&hint));
        assert!(!error(&FileSources::default(), "/no such folder").contains("working folder"));
    }

    #[test]
    fn a_path_behind_the_name_is_for_one_file() {
        let mut sources = FileSources::default();
        sources.add("assets", Empty);
        assert_eq!(error(&sources, "embed:assets/css"), "write \"embed:NAME\", without a path");
        assert_eq!(sources.open_for(Path::new("embed:assets/css/a.css"), Links::Inside).unwrap().1, "css/a.css");
    }
}
