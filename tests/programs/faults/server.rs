//! A MariaDB or MySQL server, and what its operator does to it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use foobar::diesel::connection::SimpleConnection;
use foobar::diesel::prelude::*;
use foobar::diesel::sql_types::{BigInt, Text};
use foobar::diesel::{dsl::sql, sql_query};
use foobar::test::MysqlServer;
use foobar::{BoxError, MysqlConnection, diesel};
use rustix::process::{Pid, Signal, kill_process};

use crate::disk::Disk;

pub(crate) struct Server {
    /// Unmounted before the server's folder is removed.
    disk: Option<Disk>,
    server: MysqlServer,
    /// A session with all privileges, for which even a full server has room.
    operator: MysqlConnection,
    /// Sessions of others.
    strangers: Vec<MysqlConnection>,
    databases: usize,
    process: Pid,
    /// `MariaDB 10.11.6`.
    pub(crate) version: String,
}

/// It keeps what it has acknowledged where it is killed.
const OPTIONS: &[&str] = &["--innodb-flush-log-at-trx-commit=1", "--innodb-doublewrite=1"];
/// Which many connections it has by default.
const MOST_CONNECTIONS: u32 = 151;
/// The fewest that MariaDB can be limited to.
const FEWEST_CONNECTIONS: u32 = 10;

impl Server {
    pub(crate) fn start() -> Result<Self, BoxError> {
        let server = MysqlServer::start_with(OPTIONS)?;
        let mut operator = operator(&server)?;
        operator.batch_execute("CREATE USER stranger@localhost")?;
        let version = variable(&mut operator, "version")?;
        let number = version.split('-').next().expect("every split has a first part");
        let name = if version.contains("MariaDB") { "MariaDB" } else { "MySQL" };
        let version = format!("{name} {number}");
        let process = process(&mut operator)?;
        Ok(Self { disk: None, server, operator, strangers: Vec::new(), databases: 0, process, version })
    }

    /// A server whose data is on a disk with little room.
    pub(crate) fn start_on_small_disk() -> Result<Self, BoxError> {
        let mut server = Self::start()?;
        let data = PathBuf::from(variable(&mut server.operator, "datadir")?);
        server.server.stop()?;
        server.disk = Some(move_to_disk(&data)?);
        server.restart()?;
        Ok(server)
    }

    pub(crate) fn disk(&self) -> &Disk {
        self.disk.as_ref().expect("the server was started on one")
    }

    /// A database and a user for it, of this name.
    pub(crate) fn create_database(&mut self) -> Result<String, BoxError> {
        self.databases += 1;
        let name = format!("site_{}", self.databases);
        let create =
            "CREATE DATABASE {} CHARACTER SET utf8mb4; CREATE USER {}@localhost; GRANT ALL ON {}.* TO {}@localhost";
        self.operator.batch_execute(&create.replace("{}", &name))?;
        Ok(name)
    }

    /// A session of the operator's in a database.
    pub(crate) fn connect(&self, name: &str) -> Result<MysqlConnection, BoxError> {
        Ok(MysqlConnection::establish(&self.server.url(name))?)
    }

    pub(crate) fn socket(&mut self) -> Result<PathBuf, BoxError> {
        Ok(variable(&mut self.operator, "socket")?.into())
    }

    pub(crate) fn kill(&mut self) -> Result<(), BoxError> {
        Ok(self.server.stop()?)
    }

    pub(crate) fn restart(&mut self) -> Result<(), BoxError> {
        self.server.restart()?;
        self.operator = operator(&self.server)?;
        self.process = process(&mut self.operator)?;
        Ok(())
    }

    /// It takes leave of its sessions, ends their statements and writes everything down, as for an update.
    pub(crate) fn shut_down(&self) -> Result<(), BoxError> {
        Ok(kill_process(self.process, Signal::TERM)?)
    }

    /// Its process stands still; connections stay open.
    pub(crate) fn pause(&self) -> Result<(), BoxError> {
        Ok(kill_process(self.process, Signal::STOP)?)
    }

    pub(crate) fn resume(&self) -> Result<(), BoxError> {
        Ok(kill_process(self.process, Signal::CONT)?)
    }

    pub(crate) fn execute(&mut self, statements: &str) -> Result<(), BoxError> {
        Ok(self.operator.batch_execute(statements)?)
    }

    /// How many sessions a user has.
    pub(crate) fn sessions(&mut self, user: &str) -> Result<usize, BoxError> {
        Ok(self.session_ids(user)?.len())
    }

    /// Kills all sessions of a user.
    pub(crate) fn kill_sessions(&mut self, user: &str) -> Result<(), BoxError> {
        for id in self.session_ids(user)? {
            let _ended_already = self.operator.batch_execute(&format!("KILL {id}"));
        }
        Ok(())
    }

    /// Leaves room for few connections, and lets strangers take every one, those of `user` too.
    pub(crate) fn fill(&mut self, user: &str) -> Result<(), BoxError> {
        self.execute(&format!("SET GLOBAL max_connections = {FEWEST_CONNECTIONS}"))?;
        self.kill_sessions(user)?;
        let url = self.server.url("information_schema").replace("root@", "stranger@");
        self.strangers.extend(std::iter::from_fn(|| MysqlConnection::establish(&url).ok())); // until it is full
        Ok(())
    }

    /// The strangers leave.
    pub(crate) fn empty(&mut self) -> Result<(), BoxError> {
        self.strangers.clear();
        self.execute(&format!("SET GLOBAL max_connections = {MOST_CONNECTIONS}"))
    }

    fn session_ids(&mut self, user: &str) -> Result<Vec<i64>, BoxError> {
        #[derive(QueryableByName)]
        struct Session {
            #[diesel(sql_type = BigInt)]
            session: i64,
        }
        let ids = "SELECT CAST(id AS SIGNED) AS session FROM information_schema.processlist WHERE user = ";
        let sessions = sql_query(format!("{ids}'{user}'")).load::<Session>(&mut self.operator)?;
        Ok(sessions.into_iter().map(|row| row.session).collect())
    }
}

fn operator(server: &MysqlServer) -> Result<MysqlConnection, BoxError> {
    Ok(MysqlConnection::establish(&server.url("mysql"))?)
}

fn process(operator: &mut MysqlConnection) -> Result<Pid, BoxError> {
    let number = fs::read_to_string(variable(operator, "pid_file")?)?.trim().parse()?;
    Pid::from_raw(number).ok_or_else(|| "no process has the number 0".into())
}

fn variable(operator: &mut MysqlConnection, name: &str) -> Result<String, BoxError> {
    Ok(diesel::select(sql::<Text>(&format!("@@{name}"))).get_result(operator)?)
}

/// Puts a disk in the place of a folder, with what is in it.
fn move_to_disk(data: &Path) -> Result<Disk, BoxError> {
    let aside = data.with_file_name("aside");
    fs::rename(data, &aside)?;
    fs::create_dir(data)?;
    let disk = Disk::mount(data, used(&aside)? + ROOM)?;
    let copied = Command::new("cp").args(["-a", "--sparse=never"]).arg(aside.join(".")).arg(data).status()?;
    fs::remove_dir_all(&aside)?;
    if copied.success() { Ok(disk) } else { Err(format!("the data could not be copied to a disk: {copied}").into()) }
}

/// How much room a server has on its disk.
const ROOM: u64 = 48 << 20;

/// The lengths of all files below a folder.
fn used(folder: &Path) -> io::Result<u64> {
    fs::read_dir(folder)?.try_fold(0, |sum, entry| {
        let entry = entry?;
        let metadata = entry.metadata()?;
        Ok(sum + if metadata.is_dir() { used(&entry.path())? } else { metadata.len() })
    })
}
