//! What a trial plays on: a database, and the programs that use it.

use std::sync::Arc;
use std::thread;

use foobar::{BoxError, Engine};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::database::{Database, OnDisk, OnServer};
use crate::disk::Disk;
use crate::faults::Fault;
use crate::load::Doors;
use crate::server::Server;
use crate::site::{CONNECTIONS, Log, Site, Timeouts};

pub(crate) struct Scene {
    sites: Vec<Site>,
    pub(crate) doors: Arc<Doors>,
    timeouts: Timeouts,
    /// Of the programs that have ended.
    pub(crate) logs: Vec<Log>,
    pub(crate) database: Database,
    folder: TempDir,
}

/// Beside those of its pool, a program has a connection that asks whether the server is there.
const MONITOR: usize = 1;

impl Scene {
    /// With the programs of the fault running, on `server` if it needs one and none of its own.
    pub(crate) fn set(fault: &Fault, engine: Engine, server: Option<Server>) -> Result<Self, BoxError> {
        let folder = tempfile::Builder::new().prefix("foobar-faults-").tempdir()?;
        let database = match (engine, server) {
            (Engine::Sqlite, _) => Database::on_disk(&folder.path().join("data"), fault.small_disk)?,
            _ if fault.small_disk => Database::on_server(Server::start_on_small_disk()?)?,
            (_, Some(server)) => Database::on_server(server)?,
            (_, None) => Database::on_server(Server::start()?)?,
        };
        let (sites, logs) = (Vec::new(), Vec::new());
        let mut scene = Self { sites, doors: Arc::default(), timeouts: fault.timeouts, logs, database, folder };
        scene.start(fault.programs)?;
        Ok(scene)
    }

    pub(crate) fn on_server(&mut self) -> &mut OnServer {
        match &mut self.database {
            Database::Mysql(database) => database,
            Database::Sqlite(_) => panic!("a fault of servers"),
        }
    }

    pub(crate) fn on_disk(&mut self) -> &mut OnDisk {
        match &mut self.database {
            Database::Sqlite(database) => database,
            Database::Mysql(_) => panic!("a fault of files"),
        }
    }

    pub(crate) fn disk(&self) -> &Disk {
        self.database.disk()
    }

    /// Starts this many programs, all at once.
    pub(crate) fn start(&mut self, programs: usize) -> Result<(), BoxError> {
        let (folder, url, timeouts) = (self.folder.path(), self.database.url(), self.timeouts);
        let started: Vec<_> = thread::scope(|scope| {
            let start = |_| scope.spawn(|| Site::start(folder, &url, &timeouts));
            let starting: Vec<_> = (0..programs).map(start).collect();
            starting.into_iter().map(|site| site.join().expect("nothing panics there")).collect()
        });
        self.sites = started.into_iter().collect::<Result<_, _>>()?;
        self.doors.set(self.sites.iter().map(|site| Some(site.door)).collect());
        Ok(())
    }

    /// Kills the programs.
    pub(crate) fn kill(&mut self) -> Result<(), BoxError> {
        for site in self.close() {
            site.signal(Signal::KILL)?;
            self.logs.push(site.wait()?.1);
        }
        Ok(())
    }

    /// Stops the programs in the midst of their work, which they finish.
    pub(crate) fn stop(&mut self) -> Result<(), BoxError> {
        for site in self.close() {
            site.signal(Signal::TERM)?;
            let (status, log) = site.wait()?;
            if !status.success() {
                return Err(format!("SIGTERM ended the program with {status}: {}", log.end()).into());
            }
            self.logs.push(log);
        }
        Ok(())
    }

    /// From now on no client asks them.
    fn close(&mut self) -> Vec<Site> {
        self.doors.set(vec![None; self.sites.len()]);
        self.sites.drain(..).collect()
    }

    /// Waits until the server has no sessions but those that the running programs may have.
    pub(crate) fn settle(&mut self) -> Result<(), BoxError> {
        self.database.settle(self.sites.len() * (CONNECTIONS + MONITOR))
    }

    /// The server, for the next scene.
    pub(crate) fn into_server(self) -> Option<Server> {
        match self.database {
            Database::Mysql(database) => Some(database.server),
            Database::Sqlite(_) => None,
        }
    }
}
