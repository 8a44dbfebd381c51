use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use socket2::{SockAddr, Socket};

use super::socket_file::{SocketFile, is_same_file};
use super::turn::{SharedTurn, Turn};

/// A listening socket on its way from one process to another.
#[derive(Debug)]
pub struct PassedSocket {
    /// It listens already, or is bound.
    pub socket: OwnedFd,
    /// Whether the file of a Unix socket goes with the server: it was made by one, and not by a service manager.
    pub owns_file: bool,
}

/// The sockets that a tier was given and has not taken yet, and whether the files of its Unix sockets are its own.
#[derive(Default)]
pub(crate) struct Sockets {
    given: Mutex<Vec<Given>>,
    /// Of those that were closed.
    files: Mutex<Vec<SocketFile>>,
    turn: SharedTurn,
}

struct Given {
    socket: Socket,
    owns_file: bool,
}

impl Sockets {
    pub(crate) fn add(&self, sockets: Vec<PassedSocket>) {
        let given = |PassedSocket { socket, owns_file }| Given { socket: socket.into(), owns_file };
        self.given().extend(sockets.into_iter().map(given));
    }

    /// Whose the files of Unix sockets are from now on.
    pub(crate) fn set_turn(&self, turn: Turn) {
        self.turn.set(turn);
    }

    /// The file of a socket that this process has made, or has inherited.
    pub(super) fn file(&self, path: &Path, is_inherited: bool) -> io::Result<SocketFile> {
        SocketFile::of(path, is_inherited, self.turn.clone())
    }

    /// That of this address. Where the system is to choose the port, the first of the same host.
    pub(super) fn take_tcp(&self, address: SocketAddr) -> Option<Socket> {
        let is_it = |one: &Given| {
            let local = one.socket.local_addr().ok().and_then(|local| local.as_socket()); // a Unix socket has none
            local.is_some_and(|local| local.ip() == address.ip() && [0, local.port()].contains(&address.port()))
        };
        Some(self.take(is_it)?.socket)
    }

    /// That at this path, and its file where it is this server's.
    pub(super) fn take_unix(&self, path: &Path) -> Option<(Socket, Option<SocketFile>)> {
        let is_it = |one: &Given| {
            let local = one.socket.local_addr().ok();
            local.as_ref().and_then(SockAddr::as_pathname).is_some_and(|local| is_same_file(local, path))
        };
        let Given { socket, owns_file } = self.take(is_it)?;
        let file = owns_file.then(|| self.file(path, true).ok()).flatten(); // it is gone: nothing to remove
        Some((socket, file))
    }

    /// That of this name, which has no file.
    pub(super) fn take_abstract(&self, name: &str) -> Option<Socket> {
        let is_it = |one: &Given| {
            one.socket.local_addr().is_ok_and(|local| local.as_abstract_namespace() == Some(name.as_bytes()))
        };
        Some(self.take(is_it)?.socket)
    }

    /// Where those listen that have not been taken.
    pub(crate) fn left(&self) -> Vec<String> {
        self.given().iter().map(|one| describe(&one.socket)).collect()
    }

    /// Closes those that have not been taken. The files of Unix sockets among them are left to the server that has given
    /// them: it removes them once this one serves, and needs them if this one comes to nothing before.
    pub(crate) fn close_left(&self) {
        for one in std::mem::take(&mut *self.given()) {
            let path = one.socket.local_addr().ok().and_then(|local| local.as_pathname().map(PathBuf::from)); // another kind
            let file = path.filter(|_| one.owns_file).and_then(|path| self.file(&path, true).ok()); // it is gone
            self.files().extend(file);
        }
    }

    /// Removes those files that nobody has removed: the server that has given the sockets was killed.
    pub(crate) fn remove_files(&self) {
        drop(std::mem::take(&mut *self.files()));
    }

    fn take(&self, is_it: impl Fn(&Given) -> bool) -> Option<Given> {
        let mut given = self.given();
        let place = given.iter().position(is_it)?;
        Some(given.remove(place))
    }

    fn given(&self) -> MutexGuard<'_, Vec<Given>> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner) // it is whole at any time
    }
}

impl Sockets {
    fn files(&self) -> MutexGuard<'_, Vec<SocketFile>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner) // as above
    }
}

/// Where a socket listens.
pub(super) fn describe(socket: &Socket) -> String {
    let Ok(local) = socket.local_addr() else { return "one that is closed".to_owned() };
    match local.as_socket() {
        Some(address) => address.to_string(),
        None => format!("unix:{}", unix_path(&local).display()),
    }
}

/// The path of a Unix socket; of one without a file its name behind an `@`, as others write it.
pub(super) fn unix_path(local: &SockAddr) -> PathBuf {
    let name = || format!("@{}", String::from_utf8_lossy(local.as_abstract_namespace().unwrap_or_default())).into();
    local.as_pathname().map_or_else(name, Path::to_owned)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::*;

    /// Sockets of which one, with a file at `path`, has not been taken.
    fn given(path: &Path) -> Sockets {
        let (sockets, socket) = (Sockets::default(), UnixListener::bind(path).unwrap().into());
        sockets.set_turn(Turn::Next);
        sockets.add(vec![PassedSocket { socket, owns_file: true }]);
        sockets
    }

    #[test]
    fn a_socket_is_taken_by_another_path_of_its_file() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("sub")).unwrap();
        let sockets = given(&folder.path().join("a.sock"));
        assert!(sockets.take_unix(&folder.path().join("b.sock")).is_none());
        assert!(sockets.take_unix(&folder.path().join("sub/../a.sock")).is_some());
    }

    #[test]
    fn a_socket_that_is_not_taken_is_closed_and_its_file_is_left_to_the_server_before_as_long_as_both_are_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("old.sock");
        let sockets = given(&path);
        sockets.set_turn(Turn::Now);
        sockets.close_left();
        assert!(UnixStream::connect(&path).is_err() && path.exists());
        sockets.remove_files();
        assert!(!path.exists());
    }

    #[test]
    fn a_file_that_is_another_servers_by_then_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("old.sock");
        let sockets = given(&path);
        sockets.set_turn(Turn::Now);
        sockets.close_left();
        fs::rename(&path, folder.path().join("moved.sock")).unwrap(); // whose number no other file gets
        let _another = UnixListener::bind(&path).unwrap();
        sockets.remove_files();
        assert!(path.exists());
    }
}
