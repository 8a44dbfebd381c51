//! Bounds for what every engine of this program can run; an engine that was left out asks for nothing.

#[cfg(feature = "mysql")]
use diesel::mysql::Mysql;
use diesel::query_builder::QueryFragment;
use diesel::query_dsl::methods::ExecuteDsl;
#[cfg(feature = "sqlite")]
use diesel::sqlite::{Sqlite, SqliteConnection};

#[cfg(feature = "mysql")]
use crate::MysqlConnection;
use crate::{Conn, QueryResult};

/// A part of a query that SQLite has.
#[cfg(feature = "sqlite")]
pub trait OnSqlite: QueryFragment<Sqlite> {}
#[cfg(feature = "sqlite")]
impl<T: QueryFragment<Sqlite>> OnSqlite for T {}
/// A part of a query that SQLite would have; it is not built in, so any.
#[cfg(not(feature = "sqlite"))]
pub trait OnSqlite {}
#[cfg(not(feature = "sqlite"))]
impl<T> OnSqlite for T {}

/// A part of a query that MySQL has.
#[cfg(feature = "mysql")]
pub trait OnMysql: QueryFragment<Mysql> {}
#[cfg(feature = "mysql")]
impl<T: QueryFragment<Mysql>> OnMysql for T {}
/// A part of a query that MySQL would have; it is not built in, so any.
#[cfg(not(feature = "mysql"))]
pub trait OnMysql {}
#[cfg(not(feature = "mysql"))]
impl<T> OnMysql for T {}

/// A statement that SQLite executes.
#[cfg(feature = "sqlite")]
pub trait ExecuteOnSqlite: ExecuteDsl<SqliteConnection, Sqlite> {}
#[cfg(feature = "sqlite")]
impl<T: ExecuteDsl<SqliteConnection, Sqlite>> ExecuteOnSqlite for T {}
/// A statement that SQLite would execute; it is not built in, so any.
#[cfg(not(feature = "sqlite"))]
pub trait ExecuteOnSqlite {}
#[cfg(not(feature = "sqlite"))]
impl<T> ExecuteOnSqlite for T {}

/// A statement that MySQL executes.
#[cfg(feature = "mysql")]
pub trait ExecuteOnMysql: ExecuteDsl<MysqlConnection, Mysql> {}
#[cfg(feature = "mysql")]
impl<T: ExecuteDsl<MysqlConnection, Mysql>> ExecuteOnMysql for T {}
/// A statement that MySQL would execute; it is not built in, so any.
#[cfg(not(feature = "mysql"))]
pub trait ExecuteOnMysql {}
#[cfg(not(feature = "mysql"))]
impl<T> ExecuteOnMysql for T {}

/// Executes a statement in the way of the engine that runs.
pub(super) fn execute<S: ExecuteOnSqlite + ExecuteOnMysql>(statement: S, conn: &mut Conn) -> QueryResult<usize> {
    match conn {
        #[cfg(feature = "sqlite")]
        Conn::Sqlite(conn) => ExecuteDsl::<SqliteConnection, Sqlite>::execute(statement, conn),
        #[cfg(feature = "mysql")]
        Conn::Mysql(conn) => ExecuteDsl::<MysqlConnection, Mysql>::execute(statement, conn),
    }
}
