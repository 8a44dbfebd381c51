//! A database of a trial's own, and what is in front of it.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use foobar::diesel::Connection;
use foobar::diesel::connection::SimpleConnection;
use foobar::diesel::sqlite::SqliteConnection;
use foobar::{BoxError, Conn};

use crate::disk::Disk;
use crate::network::{Direction, Network};
use crate::patience::{SOON, within};
use crate::server::Server;

pub(crate) enum Database {
    Mysql(Box<OnServer>),
    Sqlite(OnDisk),
}

/// A database on a server, behind a network.
pub(crate) struct OnServer {
    pub(crate) server: Server,
    pub(crate) network: Network,
    /// Of the database and of its user.
    pub(crate) name: String,
    socket: PathBuf,
    cuts: usize,
}

/// A database in a file.
pub(crate) struct OnDisk {
    file: PathBuf,
    /// Another process's connection.
    stranger: Option<SqliteConnection>,
    disk: Option<Disk>,
}

/// The room for a database in a file on a small disk.
const ROOM: u64 = 8 << 20;

impl Database {
    pub(crate) fn on_server(server: Server) -> Result<Self, BoxError> {
        Ok(Self::Mysql(Box::new(OnServer::new(server)?)))
    }

    /// One in `folder`, whose file does not exist yet.
    pub(crate) fn on_disk(folder: &Path, is_small: bool) -> Result<Self, BoxError> {
        fs::create_dir(folder)?;
        let disk = is_small.then(|| Disk::mount(folder, ROOM)).transpose()?;
        Ok(Self::Sqlite(OnDisk { file: folder.join("ledger.db"), stranger: None, disk }))
    }

    /// For `database.url`.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Mysql(database) => database.url(),
            Self::Sqlite(database) => format!("sqlite:{}", database.file.display()),
        }
    }

    /// The engine, with its version if it is a program of its own.
    pub(crate) fn engine(&self) -> String {
        match self {
            Self::Mysql(database) => database.server.version.clone(),
            Self::Sqlite(_) => "SQLite".to_owned(),
        }
    }

    pub(crate) fn disk(&self) -> &Disk {
        match self {
            Self::Mysql(database) => database.server.disk(),
            Self::Sqlite(database) => database.disk.as_ref().expect("the fault asks for a small disk"),
        }
    }

    /// A connection past the network.
    pub(crate) fn connect(&self) -> Result<Conn, BoxError> {
        Ok(match self {
            Self::Mysql(database) => Conn::Mysql(database.server.connect(&database.name)?),
            Self::Sqlite(database) => Conn::Sqlite(database.connect()?),
        })
    }

    /// Starts a server that has ended by itself, as its service manager would: InnoDB of MariaDB aborts where it cannot
    /// roll back on a full disk.
    pub(crate) fn revive(&mut self) -> Result<(), BoxError> {
        match self {
            Self::Mysql(database) if UnixStream::connect(&database.socket).is_err() => database.server.restart(),
            _ => Ok(()),
        }
    }

    /// Waits until the server has no more than `most` sessions of ours.
    pub(crate) fn settle(&mut self, most: usize) -> Result<(), BoxError> {
        match self {
            Self::Mysql(database) => database.settle(most),
            Self::Sqlite(_) => Ok(()),
        }
    }
}

impl OnServer {
    fn new(mut server: Server) -> Result<Self, BoxError> {
        let name = server.create_database()?;
        let socket = server.socket()?;
        Ok(Self { server, network: Network::to(&socket)?, name, socket, cuts: 0 })
    }

    /// Cuts a connection somewhere in a question or an answer, each time elsewhere.
    pub(crate) fn cut(&mut self) {
        self.cuts += 1;
        let direction = if self.cuts.is_multiple_of(2) { Direction::ToServer } else { Direction::ToClient };
        self.network.cut(direction, 1 + self.cuts * 37 % 401);
    }

    fn url(&self) -> String {
        format!("mysql://{name}@{}/{name}", self.network.address(), name = self.name)
    }

    fn settle(&mut self, most: usize) -> Result<(), BoxError> {
        let what = format!("the server has at most {most} sessions of the program's");
        within(SOON, &what, || Ok(self.server.sessions(&self.name)? <= most)).map(drop)
    }
}

impl OnDisk {
    /// Takes the write lock as another process would.
    pub(crate) fn lock(&mut self) -> Result<(), BoxError> {
        let mut stranger = self.connect()?;
        stranger.batch_execute("PRAGMA busy_timeout = 20000; BEGIN IMMEDIATE")?;
        self.stranger = Some(stranger);
        Ok(())
    }

    pub(crate) fn unlock(&mut self) {
        self.stranger = None; // SQLite rolls back
    }

    pub(crate) fn move_away(&self) -> Result<(), BoxError> {
        Ok(fs::rename(&self.file, self.away())?)
    }

    pub(crate) fn move_back(&self) -> Result<(), BoxError> {
        Ok(fs::rename(self.away(), &self.file)?)
    }

    fn away(&self) -> PathBuf {
        self.file.with_extension("away")
    }

    fn connect(&self) -> Result<SqliteConnection, BoxError> {
        let path = self.file.to_str().ok_or("the path of a temporary folder is text")?;
        Ok(SqliteConnection::establish(path)?)
    }
}
