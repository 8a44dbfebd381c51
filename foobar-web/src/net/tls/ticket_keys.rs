use std::fmt;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{PoisonError, RwLock};

use foobar_core::Chain;
use rustls::server::ProducesTickets;

use super::regular_file;
use super::ticket_key::{LIFETIME, TicketKey};
use crate::{Error, Warning};

/// Keys for session tickets that several machines share, from files: the first encrypts, all decrypt, as in nginx.
pub(crate) struct TicketKeys {
    files: Vec<PathBuf>,
    keys: RwLock<Vec<TicketKey>>,
    /// Whether the files were good when they were last read.
    is_good: AtomicBool,
    /// Whether others could read one of them then.
    is_public: AtomicBool,
}

/// More than any key has, in bytes.
const LARGEST: u64 = 4096;
const KEY: &str = "web.ssl_session_ticket_key";

impl TicketKeys {
    pub(crate) fn read(files: &[PathBuf]) -> Result<Self, Error> {
        let (keys, public) = read_all(files)?;
        Ok(Self {
            files: files.to_owned(),
            keys: RwLock::new(keys),
            is_good: AtomicBool::new(true),
            is_public: AtomicBool::new(public.is_some()),
        })
    }

    /// What is not right with the files, although they are used.
    pub(crate) fn warning(&self) -> Option<Warning> {
        let public = self.files.iter().find(|file| is_public(file))?;
        Some(Warning { key: KEY.to_owned(), message: readable(public) })
    }

    /// Uses the files as they are now. Where they cannot be used, the keys of before stay, and the log says so once.
    pub(crate) fn refresh(&self) {
        let read = read_all(&self.files);
        let was_good = self.is_good.swap(read.is_ok(), Relaxed);
        match read {
            Ok((keys, public)) => {
                *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
                let was_public = self.is_public.swap(public.is_some(), Relaxed);
                if let Some(file) = public.filter(|_| !was_public) {
                    tracing::warn!("`{KEY}`: {}", readable(file));
                }
            }
            Err(error) if was_good => {
                tracing::error!(error = %Chain(&error), "the changed keys of session tickets are not used, those before are");
            }
            Err(_) => {}
        }
    }
}

/// The keys, and a file that others may read.
fn read_all(files: &[PathBuf]) -> Result<(Vec<TicketKey>, Option<&Path>), Error> {
    let keys = files.iter().map(|file| read(file)).collect::<Result<_, _>>()?;
    Ok((keys, files.iter().map(PathBuf::as_path).find(|file| is_public(file))))
}

/// Whether others than its owner and group may read it.
fn is_public(file: &Path) -> bool {
    file.metadata().is_ok_and(|file| file.permissions().mode() & 0o004 != 0)
}

fn readable(file: &Path) -> String {
    format!(
        "{}: everybody on this machine can read the key of tickets; set the mode of the file to 0600",
        file.display()
    )
}

fn read(path: &Path) -> Result<TicketKey, Error> {
    let opened = |source| Error::Open { key: KEY.to_owned(), path: path.to_owned(), source };
    let mut content = Vec::new();
    let file = regular_file::open(path).map_err(opened)?;
    file.take(LARGEST + 1).read_to_end(&mut content).map_err(opened)?;
    if !matches!(content.len(), 48 | 80) {
        let message = format!(
            "{} has {} bytes and no key of 48 or 80; make one with `openssl rand 80`, and give it the mode 0600",
            path.display(),
            content.len()
        );
        return Err(Error::setting(KEY, message));
    }
    TicketKey::derive(&content).map_err(|_| Error::setting(KEY, format!("{} gives no key", path.display())))
}

impl ProducesTickets for TicketKeys {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        LIFETIME
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).first()?.seal(plain)
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        TicketKey::open_by(&*self.keys.read().unwrap_or_else(PoisonError::into_inner), ticket)
    }
}

impl fmt::Debug for TicketKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketKeys").field("files", &self.files).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::super::certificates::tests::logged;
    use super::*;

    #[test]
    fn tickets_of_one_machine_are_read_by_another_with_the_same_key_also_after_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, byte: u8, length: usize| {
            let path = folder.path().join(name);
            std::fs::write(&path, vec![byte; length]).unwrap();
            path
        };
        let (old, new) = (file("old", 1, 48), file("new", 2, 80));
        let first = TicketKeys::read(std::slice::from_ref(&old)).unwrap();
        let second = TicketKeys::read(&[new, old]).unwrap();
        let ticket = first.encrypt(b"session").unwrap();
        assert_eq!(second.decrypt(&ticket).as_deref(), Some(&b"session"[..]));
        assert_eq!(first.decrypt(&second.encrypt(b"session").unwrap()), None, "it does not have the new key");
        file("old", 2, 80);
        first.refresh();
        assert_eq!(first.decrypt(&ticket), None, "its key is gone");
        assert_eq!(first.decrypt(&second.encrypt(b"session").unwrap()).as_deref(), Some(&b"session"[..]));
        file("old", 2, 3);
        first.refresh();
        assert!(first.encrypt(b"session").is_some(), "the key of before stays");
        for length in 0..ticket.len() {
            assert_eq!(second.decrypt(&ticket[..length]), None);
        }
        let mut changed = ticket.clone();
        changed[ticket.len() - 1] ^= 1;
        assert_eq!(second.decrypt(&changed), None);
    }

    #[test]
    fn a_ticket_outlives_one_rotation_of_the_keys_and_not_two() {
        let folder = tempfile::tempdir().unwrap();
        let files = ["first", "second"].map(|name| folder.path().join(name));
        let put =
            |bytes: [u8; 2]| files.iter().zip(bytes).for_each(|(file, byte)| std::fs::write(file, [byte; 80]).unwrap());
        put([2, 1]);
        let keys = TicketKeys::read(&files).unwrap();
        let ticket = keys.encrypt(b"session").unwrap();
        for (bytes, is_read) in [([3, 2], true), ([4, 3], false)] {
            put(bytes);
            keys.refresh();
            assert_eq!(keys.decrypt(&ticket).is_some(), is_read, "{bytes:?}");
            let newer = keys.encrypt(b"session").unwrap();
            assert_eq!(keys.decrypt(&newer).as_deref(), Some(&b"session"[..]));
        }
    }

    #[test]
    fn a_key_that_everybody_can_read_is_told_of_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let set_mode = |mode| std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        std::fs::write(&path, [1; 80]).unwrap();
        set_mode(0o600);
        let keys = TicketKeys::read(std::slice::from_ref(&path)).unwrap();
        assert!(keys.warning().is_none());
        set_mode(0o644);
        let told = logged(|| (0..3).for_each(|_| keys.refresh()));
        assert!(told.contains("everybody on this machine can read the key of tickets"), "{told}");
        assert_eq!(told.lines().count(), 1, "{told}");
        assert!(TicketKeys::read(&[path]).unwrap().warning().is_some(), "at a start it is a warning");
    }

    #[test]
    fn a_key_of_another_length_is_an_error_that_says_how_to_make_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, [0; 64]).unwrap();
        let error = TicketKeys::read(&[path]).unwrap_err().to_string();
        assert!(error.starts_with("`web.ssl_session_ticket_key`: ") && error.contains("`openssl rand 80`"), "{error}");
    }
}
