use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::os::unix::ffi::OsStringExt;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Binary, Nullable};
use diesel::sqlite::SqliteConnection;

use crate::Error;
use crate::migration_lock::MigrationLock;

/// Locks the database's log, which is one file as long as a connection is open, and which SQLite itself never locks.
/// In the database's own file we would drop SQLite's locks (<https://www.sqlite.org/howtocorrupt.html>, 2.2).
pub(crate) fn lock_migrations(conn: &mut SqliteConnection) -> Result<Option<MigrationLock>, Error> {
    let path = "(SELECT CAST(file || '-wal' AS BLOB) FROM pragma_database_list WHERE name = 'main' AND file <> '')";
    let path = diesel::select(sql::<Nullable<Binary>>(path)).get_result::<Option<Vec<u8>>>(conn);
    let Some(path) = path.map_err(|error| Error::MigrationState(error.into()))? else {
        return Ok(Some(MigrationLock::Alone)); // in memory
    };
    let log = File::open(OsString::from_vec(path)).map_err(|error| Error::MigrationState(error.into()))?;
    match log.try_lock() {
        Ok(()) => Ok(Some(MigrationLock::File(log))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(Error::MigrationState(error.into())),
    }
}
