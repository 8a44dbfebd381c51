use std::io;
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;

/// A socket in front of a MySQL server. Until it is opened, the server is down to those who come this way.
pub(crate) struct Gateway {
    folder: tempfile::TempDir,
    server: PathBuf,
    connections: Connections,
}

type Connections = Arc<Mutex<Vec<UnixStream>>>;

impl Gateway {
    /// In front of the server at `url`, which has a socket.
    pub(crate) fn to(url: &str) -> Self {
        let (_, server) = url.split_once("socket=").expect("the server has a socket");
        Self { folder: tempfile::tempdir().unwrap(), server: server.into(), connections: Arc::default() }
    }

    /// The URL of the server by this way.
    pub(crate) fn url(&self, user: &str, database: &str) -> String {
        format!("mysql://{user}@localhost/{database}?socket={}", self.socket().display())
    }

    /// From now on the server is up.
    pub(crate) fn open(&self) {
        let listener = UnixListener::bind(self.socket()).unwrap();
        let (server, connections) = (self.server.clone(), Arc::clone(&self.connections));
        thread::spawn(move || {
            for client in listener.incoming() {
                join(client.unwrap(), UnixStream::connect(&server).unwrap(), &connections);
            }
        });
    }

    /// Ends every connection that is open now.
    pub(crate) fn cut(&self) {
        for connection in self.connections.lock().unwrap().drain(..) {
            drop(connection.shutdown(Shutdown::Both)); // it may have ended
        }
    }

    /// Another way to the same server.
    pub(crate) fn beside(&self) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), server: self.server.clone(), connections: Arc::default() }
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }
}

fn join(client: UnixStream, server: UnixStream, connections: &Connections) {
    connections.lock().unwrap().extend([client.try_clone().unwrap(), server.try_clone().unwrap()]);
    for (mut from, mut to) in [(client.try_clone().unwrap(), server.try_clone().unwrap()), (server, client)] {
        thread::spawn(move || {
            drop(io::copy(&mut from, &mut to)); // one end is gone
            drop(to.shutdown(Shutdown::Write)); // and the other may be
        });
    }
}
