mod program;
mod server_error;
mod template;

use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use diesel::Connection;
use diesel::connection::SimpleConnection;

use crate::MysqlConnection;

use program::Program;
pub use server_error::ServerError;
use server_error::failed;

/// A MariaDB or MySQL server for tests: a new data folder, a Unix socket in it, no network, user `root` without a
/// password. It is killed when it is dropped and when this process ends, however it ends.
///
/// The environment variable `FOOBAR_MYSQLD` names the server's program (or a script that `exec`s it);
/// without it, `mariadbd` or `mysqld` as it is installed.
///
/// ```no_run
/// # mod foobar { pub mod test { pub use foobar_db::testing::*; } }
/// # fn main() -> Result<(), foobar::test::ServerError> {
/// let mut server = foobar::test::MysqlServer::start()?;
/// let url = server.create_database()?; // for `database.url`
/// server.stop()?; // the database is down ...
/// server.restart()?; // ... and back, with its data
/// # Ok(())
/// # }
/// ```
pub struct MysqlServer {
    program: Program,
    options: Vec<String>,
    folder: PathBuf,
    keeper: Option<Child>,
    databases: AtomicU64,
}

/// How long the server may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Keeps a server until it reads a line or the pipe from our process closes; then kills the server, and in the second
/// case removes its folder too. An interrupt from the terminal reaches it as well; it must outlive our process.
const KEEPER: &str = r#"trap '' INT HUP; folder=$1; shift; "$@" & server=$!
read -r _ && stopped=yes
kill -9 $server; wait $server
[ "$stopped" ] || rm -rf "$folder""#;

impl MysqlServer {
    /// Makes a server and waits until it answers.
    pub fn start() -> Result<Self, ServerError> {
        Self::start_with(&[])
    }

    /// The same with further options for its command line, such as `--innodb-flush-log-at-trx-commit=1`: by itself it
    /// may lose what it has acknowledged where it is stopped.
    pub fn start_with(options: &[&str]) -> Result<Self, ServerError> {
        let options = options.iter().copied().map(str::to_owned).collect();
        let program = Program::find()?;
        let folder =
            tempfile::Builder::new().prefix("foobar-").tempdir().map_err(failed("making a temporary folder"))?;
        template::copy_to(&folder.path().join("data"), &program)?;
        let folder = folder.keep();
        let mut server = Self { program, options, folder, keeper: None, databases: AtomicU64::new(0) };
        server.restart()?;
        Ok(server)
    }

    /// The server that the tests of this process share; it runs until the process ends.
    pub(crate) fn shared() -> Result<Arc<Self>, ServerError> {
        static SHARED: Mutex<Option<Arc<MysqlServer>>> = Mutex::new(None);
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = &*shared {
            return Ok(Arc::clone(server));
        }
        let server = Arc::new(Self::start()?);
        *shared = Some(Arc::clone(&server));
        Ok(server)
    }

    /// Makes a database with a name of its own; the value for `database.url`.
    pub fn create_database(&self) -> Result<String, ServerError> {
        let name = format!("test_{}", self.databases.fetch_add(1, Relaxed));
        self.execute(&format!("CREATE DATABASE {name} CHARACTER SET utf8mb4"))?;
        Ok(self.url(&name))
    }

    /// The URL of the database `name` on this server.
    pub fn url(&self, name: &str) -> String {
        format!("mysql://root@localhost/{name}?socket={}", self.socket().display())
    }

    /// Kills the server; its data stays for [`restart`](Self::restart).
    pub fn stop(&mut self) -> Result<(), ServerError> {
        let Some(mut keeper) = self.keeper.take() else { return Ok(()) };
        let order = keeper.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(b"stop\n"));
        order.and_then(|()| keeper.wait()).map(drop).map_err(failed("stopping it"))
    }

    /// Stops the server if it runs, starts it and waits until it answers.
    pub fn restart(&mut self) -> Result<(), ServerError> {
        self.stop()?;
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "keeper"]).arg(&self.folder);
        command.args(self.program.arguments(&self.folder)).args(self.paths()).args(&self.options);
        let log = std::fs::File::create(self.folder.join("log")).map_err(failed("making its log"))?;
        let errors = log.try_clone().map_err(failed("making its log"))?;
        let keeper = command.stdin(Stdio::piped()).stdout(log).stderr(errors).spawn();
        self.keeper = Some(keeper.map_err(failed("starting it"))?);
        self.execute("SELECT 1")
    }

    /// Runs a statement as soon as the server answers; on a thread of its own, since the caller may be in a runtime.
    fn execute(&self, statement: &str) -> Result<(), ServerError> {
        let on_thread = || self.connect()?.batch_execute(statement).map_err(ServerError::Query);
        std::thread::scope(|scope| scope.spawn(on_thread).join().expect("nothing in there panics"))
    }

    fn connect(&self) -> Result<MysqlConnection, ServerError> {
        let patience = Instant::now() + PATIENCE;
        loop {
            match MysqlConnection::establish(&self.url("mysql")) {
                Ok(connection) => return Ok(connection),
                Err(source) if Instant::now() > patience => {
                    return Err(ServerError::Silent { log: self.log(), source });
                }
                Err(_not_yet) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    fn paths(&self) -> [String; 4] {
        let [data, pid] = ["data", "pid"].map(|name| self.folder.join(name));
        [
            format!("--datadir={}", data.display()),
            format!("--socket={}", self.socket().display()),
            format!("--pid-file={}", pid.display()),
            format!("--tmpdir={}", self.folder.display()),
        ]
    }

    fn socket(&self) -> PathBuf {
        self.folder.join("socket")
    }

    fn log(&self) -> String {
        let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default(); // without a log there is no end
        log.lines().rev().take(5).collect::<Vec<_>>().join(" | ")
    }
}

impl Drop for MysqlServer {
    fn drop(&mut self) {
        if let Some(mut keeper) = self.keeper.take() {
            drop(keeper.stdin.take());
            let _gone = keeper.wait(); // it kills the server and removes the folder
        } else {
            let _left_behind = std::fs::remove_dir_all(&self.folder); // in the temporary folder
        }
    }
}

#[cfg(test)]
mod tests {
    use diesel::dsl::sql;
    use diesel::prelude::*;
    use diesel::sql_types::BigInt;

    use super::*;

    #[test]
    fn a_server_has_the_options_that_it_was_started_with_and_keeps_them() {
        let mut server = MysqlServer::start_with(&["--max-connections=17"]).unwrap();
        let limit = |server: &MysqlServer| {
            let limit = diesel::select(sql::<BigInt>("CAST(@@max_connections AS SIGNED)"));
            limit.get_result::<i64>(&mut server.connect().unwrap()).unwrap()
        };
        assert_eq!(limit(&server), 17);
        server.restart().unwrap();
        assert_eq!(limit(&server), 17);
    }
}
