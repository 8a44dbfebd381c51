//! A Unix socket for orders, which its user alone may reach, and which programs that follow one another pass on.

use std::fs::{self, DirBuilder, Metadata, Permissions};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener as StdUnixListener, UnixStream as StdUnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use foobar_core::BoxError;
use rustix::process::geteuid;
use tokio::net::{UnixListener, UnixStream};

/// A socket that its user alone may reach. Its file is removed with it, unless it is another one's by then.
pub(super) struct ControlSocket {
    listener: UnixListener,
    path: PathBuf,
    identity: FileIdentity,
    /// Whether another program made it.
    is_inherited: bool,
    /// Whether its file stays where this one goes: another program has the same socket.
    keeps_file: AtomicBool,
}

/// What a file is known by: its device, and its number there.
pub(super) type FileIdentity = (u64, u64);

impl ControlSocket {
    /// The one that is `given` where its file is this one, else a new one.
    pub(super) fn open(path: PathBuf, given: Option<(OwnedFd, FileIdentity)>) -> Result<Self, BoxError> {
        match given {
            Some((socket, known)) if identity(&path).is_ok_and(|found| found == known) => {
                Ok(Self::of(socket, path, known)?)
            }
            _ => Self::make(path),
        }
    }

    /// Makes it in the place of one that a server has left behind. It is made in a folder of its own and then moved: nobody
    /// can connect before it has its permissions.
    fn make(path: PathBuf) -> Result<Self, BoxError> {
        require_short(&path)?;
        let folder = folder(&path);
        require_own(folder)?;
        require_free(&path)?;
        let name = path.file_name().ok_or_else(|| format!("`control.socket`: {} names no file", path.display()))?;
        let apart = path.with_file_name(format!(".{}-{:08x}", name.display(), drawn()));
        let failed = |error| format!("`control.socket`: cannot make {}: {error}", path.display());
        DirBuilder::new().mode(0o700).create(&apart).map_err(failed)?;
        let made = listen(&apart.join("socket"), &path);
        fs::remove_dir_all(&apart).map_err(failed)?;
        let listener = made.map_err(failed)?;
        let identity = identity(&path).map_err(failed)?;
        Ok(Self { listener, path, identity, is_inherited: false, keeps_file: AtomicBool::new(false) })
    }

    /// The one of a program that still hears orders there.
    fn of(socket: OwnedFd, path: PathBuf, identity: FileIdentity) -> io::Result<Self> {
        let listener = StdUnixListener::from(socket);
        listener.set_nonblocking(true)?;
        let listener = UnixListener::from_std(listener)?;
        Ok(Self { listener, path, identity, is_inherited: true, keeps_file: AtomicBool::new(true) })
    }

    /// The socket once more, for a program that takes the place of this one, and which file it is.
    pub(super) fn pass_on(&self) -> io::Result<(OwnedFd, FileIdentity)> {
        Ok((self.listener.as_fd().try_clone_to_owned()?, self.identity))
    }

    /// Whether it is that of another program, whose file stays until this one takes it.
    pub(super) const fn is_inherited(&self) -> bool {
        self.is_inherited
    }

    /// Its file stays where this one goes, or goes with it.
    pub(super) fn keep_file(&self, keep: bool) {
        self.keeps_file.store(keep, Relaxed);
    }

    /// Whether its folder is fit for it; a server may be there. What a start as another user may find good, or a service
    /// manager makes before it, is no error; it is told.
    pub(super) fn check(path: &Path) -> Result<Option<String>, BoxError> {
        require_short(path)?;
        let folder = folder(path);
        match fs::metadata(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && self::folder(folder).is_dir() => {
                Ok(Some(format!(
                    "`control.socket`: there is no folder {} yet; a start fails unless something makes it before, such as \
                     RuntimeDirectory of systemd",
                    folder.display()
                )))
            }
            Ok(found) if geteuid().is_root() => require_closed(folder, &found).map(|()| None),
            _ => require_own(folder).map(|()| None),
        }
    }

    pub(super) async fn accept(&self) -> io::Result<UnixStream> {
        Ok(self.listener.accept().await?.0)
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        if !self.keeps_file.load(Relaxed)
            && identity(&self.path).is_ok_and(|now| now == self.identity)
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(%error, "cannot remove the control socket {}", self.path.display());
        }
    }
}

/// Another number each time: what a process has left behind that was killed is in nobody's way.
fn drawn() -> u64 {
    RandomState::new().hash_one(std::process::id()) >> 32 // as long as a socket's path has room for
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")) // a bare name
}

fn listen(apart: &Path, path: &Path) -> io::Result<UnixListener> {
    let listener = UnixListener::bind(apart)?;
    fs::set_permissions(apart, Permissions::from_mode(0o600))?;
    fs::rename(apart, path)?;
    Ok(listener)
}

/// A socket's path has 107 bytes at most, also that of the folder in which it is made.
fn require_short(path: &Path) -> Result<(), BoxError> {
    let length = path.as_os_str().len();
    if length <= LONGEST_PATH {
        return Ok(());
    }
    let message = format!("`control.socket`: {} has {length} bytes, and may have {LONGEST_PATH}", path.display());
    Err(format!("{message}; choose a shorter path, such as one in /run").into())
}

const LONGEST_PATH: usize = 107 - ".-01234567/socket".len();

/// The folder has to be there, and nobody else's.
fn require_own(folder: &Path) -> Result<(), BoxError> {
    let found = fs::metadata(folder).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("`control.socket`: there is no folder {}; make it", folder.display()),
        _ => format!("`control.socket`: {}: {error}", folder.display()),
    })?;
    let user = geteuid().as_raw();
    if ![0, user].contains(&found.uid()) {
        let owner = found.uid();
        let message = format!("`control.socket`: the folder {} belongs to the user {owner}", folder.display());
        return Err(
            format!("{message}; choose one that belongs to the user of this server ({user}), or to root").into()
        );
    }
    require_closed(folder, &found)
}

/// Who may write in the folder may put another socket in the place of this one.
fn require_closed(folder: &Path, found: &Metadata) -> Result<(), BoxError> {
    const STICKY: u32 = 0o1000;
    if found.mode() & 0o022 != 0 && found.mode() & STICKY == 0 {
        let message = format!("`control.socket`: others may write in the folder {}", folder.display());
        return Err(format!("{message}; take that from them (`chmod go-w`), or choose another folder").into());
    }
    Ok(())
}

/// What a server has left behind that is gone may be replaced.
fn require_free(path: &Path) -> Result<(), BoxError> {
    let is_socket = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(format!("`control.socket`: {}: {error}", path.display()).into()),
        Ok(file) => file.file_type().is_socket(),
    };
    if !is_socket {
        return Err(
            format!("`control.socket`: {} is there and is no socket; choose another path", path.display()).into()
        );
    }
    match StdUnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
        _ => {
            let message = format!("`control.socket`: another server hears orders at {}", path.display());
            let message = format!("{message}; choose another path for this one");
            Err(io::Error::new(io::ErrorKind::AddrInUse, message).into())
        }
    }
}

fn identity(path: &Path) -> io::Result<FileIdentity> {
    fs::symlink_metadata(path).map(|file| (file.dev(), file.ino()))
}
