//! The database tier of Foobar: Diesel over SQLite and MySQL, on threads of its own, with a deadline on every call.
//!
//! An application holds a [`Db`] and hands it closures of ordinary Diesel; the URL's scheme decides the engine:
//!
//! ```
//! # mod foobar { pub use foobar_db::{Error as DbError, *}; pub mod test { pub use foobar_db::testing::*; } }
//! use diesel::prelude::*;
//! use foobar::test::TestDb;
//!
//! # #[cfg(feature = "sqlite")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), foobar::DbError> {
//! let db = TestDb::sqlite().await;
//! db.write(|conn| diesel::sql_query("CREATE TABLE notes (body TEXT NOT NULL)").execute(conn)).await?;
//! let inserted = db.write(|conn| diesel::sql_query("INSERT INTO notes VALUES ('hello')").execute(conn)).await?;
//! assert_eq!(inserted, 1);
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "sqlite"))]
//! # fn main() {}
//! ```
//!
//! - [`Db::read`] and [`Db::write`]: a query on a database thread; a write is a transaction and is retried after a
//!   deadlock. [`Db::try_read`] and [`Db::try_write`] take queries with errors of their own.
//! - [`Database`]: the seam under it, implemented by [`Sqlite`] and [`Mysql`].
//! - [`Migrations`]: the schema, embedded in the program.
//! - [`testing`]: a fresh database for each test.

#[cfg(not(any(feature = "sqlite", feature = "mysql")))]
compile_error!("foobar-db needs at least one engine: add the feature `sqlite` or `mysql`");

mod attempt;
mod calendar;
mod cause;
mod checksum;
#[expect(missing_docs, reason = "the types that MultiConnection derives have no documentation")]
mod conn;
mod connect_error;
mod connections;
mod database;
mod db;
mod deadline;
mod driver_error;
mod endpoint;
mod engine;
mod error;
mod failure;
mod health;
mod isolation;
mod limits;
mod metrics;
mod migration_lock;
mod migrations;
#[cfg(feature = "mysql")]
mod misread;
#[cfg(feature = "mysql")]
mod mysql;
mod opening;
mod passing;
mod query_error;
mod query_kind;
mod query_threads;
mod queue;
mod settings;
mod shared_tier;
mod sql;
#[cfg(feature = "sqlite")]
mod sqlite;
mod statements;
mod stats;
pub mod testing;
#[cfg(all(feature = "sqlite", feature = "mysql"))]
#[cfg(test)]
mod tests;
mod thread;
mod timers;
mod url_parameter;

pub use conn::{Conn, EngineConnection, MultiBackend};
pub use connect_error::ConnectError;
pub use database::{Database, DatabaseInfo, Ending, Presence, Query};
pub use db::Db;
pub use engine::Engine;
pub use error::Error;
pub use isolation::Isolation;
pub use migrations::{EmbeddedMigrations, Finding, LintRule, MigrationLint, MigrationStatus, Migrations, SourceFolder};
#[cfg(feature = "mysql")]
pub use mysql::{Mysql, MysqlConnection, MysqlField, MysqlRow, crypto_provider};
pub use query_error::QueryError;
pub use query_kind::QueryKind;
pub use settings::DatabaseSettings;
pub use sql::{
    DateTime, ExecuteOnMysql, ExecuteOnSqlite, IdColumn, Incoming, Locked, OnMysql, OnSqlite, Upsert, UpsertOn,
    UpsertSet, incoming, insert_returning_id, locked, upsert,
};
#[cfg(feature = "sqlite")]
pub use sqlite::Sqlite;

pub use diesel::{self, QueryResult};

// `embed_migrations!` names it in the crate that calls it.
#[doc(hidden)]
pub use diesel_migrations;
#[doc(hidden)]
pub use foobar_macros;
