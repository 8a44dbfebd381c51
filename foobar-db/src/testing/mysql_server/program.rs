use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::server_error::{ServerError, failed};

/// The program of a server, called as its kind wants it.
pub(super) struct Program {
    path: PathBuf,
    kind: Kind,
}

enum Kind {
    /// With the program that makes its system tables.
    Mariadb { install: PathBuf },
    /// Which makes them itself.
    Mysql,
}

/// Names the server to use, instead of the one that is installed.
const CHOICE: &str = "FOOBAR_MYSQLD";

/// A server that is small, starts fast and may lose what it acknowledged.
const OPTIONS: &[&str] = &[
    "--skip-networking",
    "--skip-log-bin",
    "--performance-schema=OFF",
    "--innodb-buffer-pool-size=16M",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-doublewrite=0",
    "--innodb-flush-method=nosync",
];

/// Off is what would need a folder of the system or a second socket.
const MYSQL_OPTIONS: &[&str] = &["--secure-file-priv=NULL", "--mysqlx=OFF"];

impl Program {
    /// The server that the environment names, or else one that is installed.
    pub(super) fn find() -> Result<Self, ServerError> {
        Self::choose(std::env::var_os(CHOICE).filter(|choice| !choice.is_empty()))
    }

    fn choose(choice: Option<OsString>) -> Result<Self, ServerError> {
        let installed = || find(&["mariadbd", "mysqld"]);
        let path = choice.map(PathBuf::from).or_else(installed).ok_or(ServerError::Missing)?;
        let version = run(Command::new(&path).args(["--no-defaults", "--version"]));
        let version = version.map_err(failed(&format!("asking {} for its version", path.display())))?;
        Ok(Self { kind: Kind::of(&version)?, path })
    }

    /// Makes the data folder `data` with the system tables in it.
    pub(super) fn install(&self, data: &Path) -> Result<(), ServerError> {
        let mut command = match &self.kind {
            Kind::Mariadb { install } => {
                let mut command = Command::new(install);
                command.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
                command
            }
            Kind::Mysql => {
                let mut command = Command::new(&self.path);
                command.args(["--no-defaults", "--initialize-insecure"]).args(OPTIONS).args(MYSQL_OPTIONS);
                command
            }
        };
        let folder = data.parent().unwrap_or(data); // a root has none
        let folders = [format!("--datadir={}", data.display()), format!("--tmpdir={}", folder.display())];
        run(command.args(folders).args(owner(folder)))
            .map(drop)
            .map_err(|error| ServerError::Install(error.to_string()))
    }

    /// The program and its arguments for a server in `folder`.
    pub(super) fn arguments(&self, folder: &Path) -> Vec<OsString> {
        let own = match self.kind {
            Kind::Mariadb { .. } => &[],
            Kind::Mysql => MYSQL_OPTIONS,
        };
        let options = ["--no-defaults"].iter().chain(OPTIONS).chain(own).copied().chain(owner(folder));
        [self.path.clone().into()].into_iter().chain(options.map(OsString::from)).collect()
    }
}

impl Kind {
    /// What a program is that gives this as its version.
    fn of(version: &str) -> Result<Self, ServerError> {
        if version.contains("MariaDB") {
            Ok(Self::Mariadb { install: find(&["mariadb-install-db"]).ok_or(ServerError::Missing)? })
        } else {
            Ok(Self::Mysql)
        }
    }
}

/// What `command` prints, which is the error where it fails.
pub(super) fn run(command: &mut Command) -> io::Result<String> {
    let output = command.output()?;
    let printed = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    if output.status.success() { Ok(printed) } else { Err(io::Error::other(format!("{}: {printed}", output.status))) }
}

/// The server refuses to run as root unless it is told to.
fn owner(folder: &Path) -> Option<&'static str> {
    let by_root = fs::metadata(folder).is_ok_and(|folder| folder.uid() == 0);
    by_root.then_some("--user=root")
}

/// The first of `names` in `PATH` or where servers are installed beside it.
fn find(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default(); // then only the folders below
    let beside = ["/usr/sbin", "/usr/local/sbin", "/usr/local/mysql/bin", "/usr/libexec"].map(PathBuf::from);
    let folders = std::env::split_paths(&path).chain(beside).collect::<Vec<_>>();
    let mut candidates = names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    candidates.find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_calls_itself_decides_how_it_is_called() {
        let is_mysql = |version: &str| matches!(Kind::of(version).unwrap(), Kind::Mysql);
        assert!(is_mysql("/usr/sbin/mysqld  Ver 9.7.4-2 for Linux on x86_64 ((Debian))"));
        assert!(!is_mysql("mysqld  Ver 10.11.11-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64 (Debian 12)"));
    }

    #[test]
    fn a_chosen_server_that_cannot_be_run_is_an_error_and_no_other_takes_its_place() {
        for (path, expected) in [("/no/such/server", "No such file"), ("/bin/false", "exit status: 1")] {
            let Err(ServerError::System { doing, source }) = Program::choose(Some(path.into())) else {
                panic!("{path} was taken")
            };
            assert_eq!(doing, format!("asking {path} for its version"));
            assert!(source.to_string().starts_with(expected), "{source}");
        }
    }
}
