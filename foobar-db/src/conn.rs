//! The connection that a query gets, whichever engine runs.
//!
//! Its backend is what Diesel derives. Its connection is ours: the derived one writes the text of a statement whenever it is
//! asked for the values, or whether it may be kept prepared (benches/db/README.md).

mod backend;
mod connection;
mod statement;

use std::time::Duration;

use diesel::QueryResult;
use diesel::connection::{AnsiTransactionManager, Connection};
use diesel::result::Error as DieselError;

#[cfg(feature = "mysql")]
use crate::MysqlConnection;
#[cfg(feature = "mysql")]
use crate::migration_lock::Claim;
use crate::migration_lock::MigrationLock;
use crate::{Engine, Error, Isolation, QueryKind, driver_error};
#[cfg(feature = "sqlite")]
use diesel::sqlite::SqliteConnection;

pub use backend::MultiBackend;

/// A connection to whichever engine runs; a Diesel connection as any other.
///
/// It carries the types and the SQL that all engines share: integers, floats, text, bytes, booleans, JSON, and
/// [`DateTime`](crate::DateTime). What each engine writes in its own way has a word of ours: [`locked`](crate::locked),
/// [`upsert`](crate::upsert), [`insert_returning_id`](crate::insert_returning_id). For all that one engine has, ask for
/// `Db<MysqlConnection>` by [`Db::typed`](crate::Db::typed).
#[non_exhaustive]
pub enum Conn {
    /// SQLite.
    #[cfg(feature = "sqlite")]
    Sqlite(SqliteConnection),
    /// MySQL or MariaDB.
    #[cfg(feature = "mysql")]
    Mysql(MysqlConnection),
}

impl Conn {
    /// The engine behind it.
    pub const fn engine(&self) -> Engine {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => Engine::Sqlite,
            #[cfg(feature = "mysql")]
            Self::Mysql(_) => Engine::Mysql,
        }
    }

    /// Begins a transaction that will write. SQLite takes its write lock at once: a transaction that first reads and
    /// then writes would fail without waiting (<https://www.sqlite.org/lang_transaction.html>). No other runs beside it, so
    /// that each is serializable.
    #[cfg_attr(not(feature = "mysql"), expect(unused_variables, reason = "SQLite has one isolation"))]
    pub(crate) fn begin(&mut self, isolation: Isolation) -> QueryResult<()> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(conn) => AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN IMMEDIATE"),
            #[cfg(feature = "mysql")]
            Self::Mysql(conn) => AnsiTransactionManager::begin_transaction_sql(conn, isolation.begin()),
        }
    }

    /// Makes the session what it was before the last call, within `limit`; an error where the connection cannot be used
    /// again.
    #[cfg_attr(not(feature = "mysql"), expect(unused_variables, reason = "SQLite is not asked"))]
    pub(crate) fn restore(&mut self, limit: Duration) -> QueryResult<()> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(conn) => crate::sqlite::restore(conn),
            #[cfg(feature = "mysql")]
            Self::Mysql(conn) => conn.restore(limit),
        }
    }

    /// Closes it before it is dropped, where a server counts it as long as it is open.
    pub(crate) fn disconnect(&mut self) {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => {}
            #[cfg(feature = "mysql")]
            Self::Mysql(conn) => conn.disconnect(),
        }
    }

    /// Begins a call: what has been done before on this thread counts no more.
    pub(crate) fn begin_call(&mut self, kind: QueryKind) {
        driver_error::forget();
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => crate::sqlite::begin_call(kind),
            #[cfg(feature = "mysql")]
            Self::Mysql(conn) => conn.set_kind(kind),
        }
    }

    /// Why the transaction of the current call is gone already, if it is, whatever the call has made of that error.
    pub(crate) fn rolled_back(&mut self) -> Option<DieselError> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => crate::sqlite::rolled_back(),
            #[cfg(feature = "mysql")]
            Self::Mysql(conn) => conn.rolled_back(),
        }
    }

    /// Keeps all other processes from running migrations; `None` if one of them does now.
    pub(crate) fn lock_migrations(&mut self) -> Result<Option<MigrationLock>, Error> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(conn) => crate::sqlite::lock_migrations(conn),
            #[cfg(feature = "mysql")]
            Self::Mysql(conn) => crate::mysql::lock_migrations(conn),
        }
    }

    /// Takes the row that says which process runs migrations; `of_server` is whether the server's own lock is ours.
    #[cfg(feature = "mysql")]
    pub(crate) fn claim_migrations(&mut self, of_server: bool) -> QueryResult<Claim> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => Err(DieselError::QueryBuilderError("SQLite has no row of who runs migrations".into())),
            Self::Mysql(conn) => crate::mysql::claim_migrations(conn, of_server),
        }
    }

    /// Gives the row with this token back; how many there were.
    #[cfg(feature = "mysql")]
    pub(crate) fn release_migrations(&mut self, token: &str) -> QueryResult<usize> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => Ok(0), // it has none
            Self::Mysql(conn) => crate::mysql::release_migrations(conn, token),
        }
    }

    /// Forgets the process that runs migrations, and says which it was; an error where it certainly does.
    pub(crate) fn unlock_migrations(&mut self) -> Result<Option<String>, Error> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => Ok(None), // its lock ends with the process
            #[cfg(feature = "mysql")]
            Self::Mysql(conn) => crate::mysql::unlock_migrations(conn),
        }
    }
}

/// A connection type that a [`Db`](crate::Db) can hand to queries: [`Conn`] or one engine's own.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a connection of a database",
    label = "not an `EngineConnection`",
    note = "write `Db` for either engine, `Db<MysqlConnection>` or `Db<SqliteConnection>` for one"
)]
pub trait EngineConnection: Connection + 'static {
    /// The engine that it needs; `None` for any.
    const ENGINE: Option<Engine>;

    /// This type's view of the connection; `None` if another engine is behind it.
    fn of(conn: &mut Conn) -> Option<&mut Self>;
}

impl EngineConnection for Conn {
    const ENGINE: Option<Engine> = None;

    fn of(conn: &mut Conn) -> Option<&mut Self> {
        Some(conn)
    }
}

#[cfg(feature = "sqlite")]
impl EngineConnection for SqliteConnection {
    const ENGINE: Option<Engine> = Some(Engine::Sqlite);

    fn of(conn: &mut Conn) -> Option<&mut Self> {
        match conn {
            Conn::Sqlite(conn) => Some(conn),
            #[cfg(feature = "mysql")]
            Conn::Mysql(_) => None,
        }
    }
}

#[cfg(feature = "mysql")]
impl EngineConnection for MysqlConnection {
    const ENGINE: Option<Engine> = Some(Engine::Mysql);

    fn of(conn: &mut Conn) -> Option<&mut Self> {
        match conn {
            Conn::Mysql(conn) => Some(conn),
            #[cfg(feature = "sqlite")]
            Conn::Sqlite(_) => None,
        }
    }
}
