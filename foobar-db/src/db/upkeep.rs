//! What is done for a database beside its work: it is copied, and made small again.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::Text;

use super::Db;
use crate::{Conn, Engine, Error, QueryKind};

impl Db {
    /// Makes a copy of a database of SQLite as it is at one moment, in one `file` that only this user may read. Others go
    /// on reading and writing meanwhile, but for the writes of this very handle, which wait.
    ///
    /// It is written beside, with the ending `.part`, and takes its name once the disk has it: whatever has the name is
    /// whole. It may take as long as `database.migration_timeout`.
    ///
    /// # Errors
    ///
    /// [`Error::Backup`] where the file cannot be written or is there already. On MySQL [`Error::OwnTool`], which says
    /// how that is backed up.
    pub async fn backup(&self, file: &Path) -> Result<(), Error> {
        if self.engine() == Engine::Mysql {
            return Err(Error::OwnTool(MYSQL_BACKUP));
        }
        let part = part_of(file);
        let failed = |source: io::Error| Error::Backup { file: file.to_owned(), source };
        reserve(file, &part).map_err(failed)?;
        let copied = self.copy_to(&part).await;
        let kept = copied.and_then(|()| keep(&part, file).map_err(failed));
        if kept.is_err() {
            let _gone_already = std::fs::remove_file(&part);
        }
        kept
    }

    async fn copy_to(&self, part: &Path) -> Result<(), Error> {
        let Some(name) = part.to_str().map(str::to_owned) else {
            let source = io::Error::new(io::ErrorKind::InvalidInput, "its name is not UTF-8");
            return Err(Error::Backup { file: part.to_owned(), source });
        };
        let copy = move |conn: &mut Conn| sql_query("VACUUM INTO ?").bind::<Text, _>(&name).execute(conn).map(drop);
        self.run_whole(QueryKind::Migrate, copy).await
    }

    /// Gives the space that a database of SQLite does not use any more back to the disk. Writes wait meanwhile, and it may
    /// take as long as `database.migration_timeout`; the disk needs room for the database once more.
    ///
    /// # Errors
    ///
    /// On MySQL [`Error::OwnTool`], which says what to run there.
    pub async fn vacuum(&self) -> Result<(), Error> {
        match self.engine() {
            Engine::Mysql => Err(Error::OwnTool(MYSQL_VACUUM)),
            Engine::Sqlite => self.run_whole(QueryKind::Migrate, |conn: &mut Conn| conn.batch_execute("VACUUM")).await,
        }
    }
}

const MYSQL_BACKUP: &str = "MySQL is backed up by its own tool: run mysqldump --single-transaction --routines --triggers --events \
    --hex-blob --host=HOST --user=USER --password NAME > FILE, on MariaDB mariadb-dump with the same options; put it back by \
    mysql NAME < FILE";
const MYSQL_VACUUM: &str = "MySQL gives space back table by table: run OPTIMIZE TABLE on those that have shrunk";

fn part_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

/// Makes the empty file that SQLite fills, for this user alone.
fn reserve(file: &Path, part: &Path) -> io::Result<()> {
    if file.try_exists()? {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, TAKEN));
    }
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(part);
    made.map(drop).map_err(|error| unless_taken(error, || format!("{} {HALF}", part.display())))
}

const TAKEN: &str = "this file is there already, and a backup takes the place of none; give another name, or remove it";
const HALF: &str = "is there already: another backup writes it now, or one was cut off; where none runs, remove it";

/// The error, with other words where a file has the name already.
fn unless_taken(error: io::Error, words: impl FnOnce() -> String) -> io::Error {
    match error.kind() {
        io::ErrorKind::AlreadyExists => io::Error::new(error.kind(), words()),
        _ => error,
    }
}

/// Gives the copy its name, once the disk has it; not that of a file which has appeared meanwhile.
fn keep(part: &Path, file: &Path) -> io::Result<()> {
    File::open(part)?.sync_all()?;
    std::fs::hard_link(part, file).map_err(|error| unless_taken(error, || TAKEN.to_owned()))?;
    std::fs::remove_file(part)?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()
}
