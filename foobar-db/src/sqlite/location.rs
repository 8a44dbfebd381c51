mod parameters;

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::{fs, io};

use rustix::fs::{Access, access};
use tempfile::NamedTempFile;

use crate::Error;

/// Where a database is.
#[derive(Clone)]
pub(super) enum Location {
    File(PathBuf),
    /// A database in memory, by its unique name.
    Memory(String),
}

/// Why a path cannot be that of a database.
#[derive(Debug, thiserror::Error)]
pub(super) enum PathError {
    #[error("this is a folder, not a file")]
    Folder,
    #[error("this is no regular file")]
    NotRegular,
    #[error("the file cannot be read and written")]
    File(#[source] io::Error),
    #[error("{} is not a folder", .0.display())]
    NotFolder(PathBuf),
    #[error("the folder {} cannot be written", .0.display())]
    FolderNotWritable(PathBuf, #[source] io::Error),
}

impl Location {
    pub(super) fn of(url: &str) -> Result<Self, Error> {
        static MEMORIES: AtomicU64 = AtomicU64::new(0);
        let rest = url.strip_prefix("sqlite:").ok_or(Error::Url("does not begin with `sqlite:`"))?;
        let rest = rest.strip_prefix("//").unwrap_or(rest); // both forms are common
        let (path, parameters) = rest.split_once('?').filter(|(_, after)| after.contains('=')).unwrap_or((rest, ""));
        let path = if parameters::are_of_memory(parameters)? { ":memory:" } else { without_file_scheme(path)? };
        match path {
            _ if path.starts_with('~') => Err(Error::Url(
                "begins with `~`, which only a shell knows; write the whole path, or one relative to the working folder",
            )),
            "" => Err(Error::Url("names no file; write `sqlite:PATH`")),
            _ if path.contains('\0') => Err(Error::Url("names a file with a NUL in it")),
            ":memory:" => Ok(Self::Memory(format!("file:/foobar-{}?vfs=memdb", MEMORIES.fetch_add(1, Relaxed)))),
            _ => Ok(Self::File(PathBuf::from(path))),
        }
    }

    pub(super) fn describe(&self) -> String {
        match self {
            Self::File(path) => format!("sqlite:{}", path.display()),
            Self::Memory(_) => "sqlite::memory:".to_owned(),
        }
    }

    /// What SQLite opens, or makes where it is missing.
    pub(super) fn or_new(&self) -> String {
        self.uri("rwc")
    }

    /// What SQLite opens where it exists.
    pub(super) fn existing(&self) -> String {
        self.uri("rw")
    }

    fn uri(&self, mode: &str) -> String {
        match self {
            Self::File(path) => format!("file:{}?mode={mode}", escaped(path)),
            Self::Memory(name) => name.clone(),
        }
    }
}

/// The path of what SQLite calls a URI.
fn without_file_scheme(path: &str) -> Result<&str, Error> {
    match path.strip_prefix("file:") {
        None => Ok(path),
        Some(uri) if uri.contains('%') => {
            Err(Error::Url("names its file by a URI with escapes (`file:…%…`); write `sqlite:PATH`"))
        }
        Some(uri) => Ok(uri.strip_prefix("//").unwrap_or(uri)),
    }
}

/// Whether the file at `path` can be a database, or be made one, as far as that shows without opening it.
pub(super) fn inspect(path: &Path) -> Result<(), PathError> {
    let path = Path::new(".").join(path);
    let folder = path.ancestors().skip(1).find(|folder| folder.exists()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(PathError::NotFolder(folder.to_owned()));
    }
    match fs::metadata(&path) {
        Ok(file) if file.is_dir() => return Err(PathError::Folder),
        Ok(file) if !file.is_file() => return Err(PathError::NotRegular),
        Ok(_) => access(&path, Access::READ_OK | Access::WRITE_OK).map_err(|error| PathError::File(error.into()))?,
        Err(_missing) => {} // or out of reach; then so is its folder
    }
    let writable = access(folder, Access::WRITE_OK | Access::EXEC_OK);
    writable.map_err(|error| PathError::FolderNotWritable(folder.to_owned(), error.into()))
}

/// Makes the file at `path` and its folder where they are missing, and says so: a path that is mistyped, or whose disk
/// is not mounted, would be an empty database that nobody expects. SQLite itself would make a file that all users of
/// the machine can read; its -wal and -shm get the permissions of the file.
pub(super) fn make(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.exists() {
        fs::create_dir_all(folder)?;
        tracing::info!(folder = %folder.display(), "made the folder of the database");
    }
    if !path.exists() {
        tracing::info!(file = %path.display(), "making the database");
        // Closed before it has its name: closing it later would drop the locks of those who have opened it already.
        let empty = NamedTempFile::new_in(folder)?.into_temp_path();
        drop(empty.persist_noclobber(path)); // another was faster, or SQLite makes it
    }
    Ok(())
}

/// The URI by which SQLite reads the file at `path` and changes nothing. A file without a log is open nowhere and needs
/// no recovery, so it is read alone: otherwise SQLite would make the log.
pub(super) fn read_only(path: &Path) -> io::Result<String> {
    let path = path.canonicalize()?;
    let escaped = escaped(&path);
    let mut log = path.into_os_string();
    log.push("-wal");
    let alone = if Path::new(&log).exists() { "" } else { "&immutable=1" };
    Ok(format!("file:{escaped}?mode=ro{alone}"))
}

/// The path as a URI has it (<https://www.sqlite.org/uri.html>).
fn escaped(path: &Path) -> String {
    path.as_os_str().as_bytes().iter().map(|byte| format!("%{byte:02x}")).collect()
}
