use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::{Error, SiteSettings, WebSettings};

/// The folder of what outlives the process, such as keys: only its owner may read it.
#[derive(Clone, Debug)]
pub(crate) struct StateFolder(PathBuf);

/// Whoever holds it writes to the folder alone, among all processes.
pub(super) struct Lock(#[expect(dead_code, reason = "its end is the lock's")] File);

impl StateFolder {
    /// That of `web.state_dir`, that of the service manager, or `state` in the working folder.
    pub(crate) fn of(web: &WebSettings) -> Self {
        let given =
            web.state_dir.clone().or_else(|| std::env::var_os("STATE_DIRECTORY").map(|folders| first_of(&folders)));
        Self(given.unwrap_or_else(|| PathBuf::from("state"))) // the documented default
    }

    /// The file of a site's certificate from this issuer.
    pub(super) fn certificate(&self, issuer: &str, label: &str) -> PathBuf {
        self.0.join(issuer).join(format!("{}.pem", utf8_percent_encode(label, NOT_IN_NAMES)))
    }

    pub(crate) fn path(&self, issuer: &str, name: &str) -> PathBuf {
        self.0.join(issuer).join(name)
    }

    /// Refuses a folder whose files a site would serve, with their keys.
    pub(crate) fn check_hidden(&self, sites: &BTreeMap<String, SiteSettings>) -> Result<(), Error> {
        let own = resolved(&self.0);
        let routes = sites.values().flat_map(|site| site.routes.values()).filter_map(|route| route.files.as_ref());
        let served = sites.values().filter_map(|site| site.root.as_ref()).chain(routes);
        match served.map(|folder| resolved(folder)).find(|folder| own.starts_with(folder)) {
            None => Ok(()),
            Some(folder) => {
                let message = format!(
                    "{} holds private keys and lies in {}, whose files are served; choose a folder elsewhere",
                    own.display(),
                    folder.display()
                );
                Err(Error::setting("web.state_dir", message))
            }
        }
    }

    /// Waits until nobody else has the lock of this name in this issuer's folder; makes that if it is not there.
    pub(super) fn lock(&self, issuer: &str, name: &str) -> Result<Lock, Error> {
        let (path, file) = self.lock_file(issuer, name)?;
        let locked = flock(&file, FlockOperation::LockExclusive);
        locked.map(|()| Lock(file)).map_err(|error| Error::State { path, source: error.into() })
    }

    /// The same at once; `None` if somebody else has it.
    pub(super) fn try_lock(&self, issuer: &str, name: &str) -> Result<Option<Lock>, Error> {
        let (path, file) = self.lock_file(issuer, name)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Lock(file))),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(Error::State { path, source: error.into() }),
        }
    }

    fn lock_file(&self, issuer: &str, name: &str) -> Result<(PathBuf, File), Error> {
        let folder = self.0.join(issuer);
        let path = folder.join(name);
        let open = || OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
        match make_folder(&folder).and_then(|()| open()) {
            Ok(file) => Ok((path, file)),
            Err(source) => Err(Error::State { path, source }),
        }
    }

    /// Whether so many bytes can be written in the place of a file; leaves that as it is.
    pub(super) fn check_room(&self, path: &Path, length: usize) -> Result<(), Error> {
        let new = path.with_extension("new");
        let tried = write_new(&new, &vec![b' '; length]).and_then(|()| std::fs::remove_file(&new));
        tried.map_err(|source| Error::State { path: path.to_owned(), source })
    }

    /// Replaces a file of the folder as a whole: whatever happens, it is as before, or as it should be.
    pub(crate) fn write(&self, path: &Path, content: &str) -> Result<(), Error> {
        replace(path, content).map_err(|source| Error::State { path: path.to_owned(), source })
    }
}

fn replace(path: &Path, content: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    write_new(&new, content.as_bytes())?;
    std::fs::rename(&new, path)?;
    File::open(folder_of(path))?.sync_all()
}

/// Makes a file, and the folder that it is in.
fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    make_folder(folder_of(path))?;
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(".")) // all lie in one
}

fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// A service manager gives several with colons between them.
fn first_of(folders: &OsStr) -> PathBuf {
    let first = folders.as_bytes().split(|byte| *byte == b':').next().unwrap_or_default(); // there is one, maybe empty
    PathBuf::from(OsStr::from_bytes(first))
}

/// The path without links, as far as it exists.
fn resolved(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned()); // an empty path lies nowhere
    let exists = |path: &&Path| path.canonicalize().is_ok();
    let Some(known) = absolute.ancestors().find(exists) else { return absolute };
    let rest = absolute.strip_prefix(known).unwrap_or(Path::new("")); // it is an ancestor
    known.canonicalize().map_or_else(|_| absolute.clone(), |known| known.join(rest)) // it was there just now
}

/// What the name of a file does not have: labels may hold anything.
const NOT_IN_NAMES: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_makes_a_file_in_the_folder_whatever_it_holds() {
        let folder = StateFolder(PathBuf::from("state"));
        for (label, name) in [("www", "www.pem"), ("foobar.com", "foobar.com.pem"), ("../a b", "..%2Fa%20b.pem")] {
            assert_eq!(folder.certificate("internal", label), PathBuf::from("state/internal").join(name));
        }
    }

    #[test]
    fn a_lock_is_one_holders_and_each_issuer_has_its_own() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = StateFolder(temporary.path().join("state"));
        let lock = folder.try_lock("acme", "lock").unwrap().expect("it is free");
        assert!(folder.try_lock("acme", "lock").unwrap().is_none());
        assert!(folder.try_lock("internal", "lock").unwrap().is_some());
        assert!(folder.try_lock("acme", "other").unwrap().is_some());
        drop(lock);
        assert!(folder.try_lock("acme", "lock").unwrap().is_some());
    }

    #[test]
    fn a_file_is_replaced_as_a_whole_and_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let temporary = tempfile::tempdir().unwrap();
        let folder = StateFolder(temporary.path().join("a/b"));
        let path = folder.path("internal", "ca.key");
        for content in ["first, which is longer", "second"] {
            let _lock = folder.lock("internal", "lock").unwrap();
            folder.write(&path, content).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
        }
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap()), mode(&folder.0)), (0o600, 0o700, 0o700));
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 2, "it and the lock");
    }

    #[test]
    fn whether_there_is_room_for_a_file_is_tried_without_touching_it() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = StateFolder(temporary.path().join("state"));
        let path = folder.path("acme", "account.json");
        folder.check_room(&path, 4096).unwrap();
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 0);
        folder.write(&path, "account").unwrap();
        std::fs::create_dir(path.with_extension("new")).unwrap();
        assert!(folder.check_room(&path, 4096).unwrap_err().to_string().contains("account.json"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "account");
    }

    #[test]
    fn a_folder_that_is_not_there_lies_where_its_first_part_does() {
        let temporary = tempfile::tempdir().unwrap();
        let real = temporary.path().canonicalize().unwrap();
        std::os::unix::fs::symlink(&real, real.join("link")).unwrap();
        assert_eq!(resolved(&real.join("link/state/acme")), real.join("state/acme"));
    }

    #[test]
    fn the_service_manager_may_name_several_folders() {
        assert_eq!(first_of(OsStr::new("/var/lib/a:/var/lib/b")), Path::new("/var/lib/a"));
        assert_eq!(first_of(OsStr::new("/var/lib/a")), Path::new("/var/lib/a"));
    }
}
