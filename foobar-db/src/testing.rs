//! Databases for tests: fresh, private and gone afterwards.
//!
//! ```
//! # mod foobar { pub use foobar_db::{Error as DbError, *}; pub mod test { pub use foobar_db::testing::*; } }
//! use diesel::prelude::*;
//! use foobar::DbError;
//! use foobar::test::TestDb;
//!
//! # #[cfg(feature = "sqlite")]
//! #[tokio::main(flavor = "current_thread")] // in a test: #[tokio::test] or #[actix_web::test]
//! async fn main() -> Result<(), DbError> {
//!     let db = TestDb::sqlite().await; // or TestDb::mysql()
//!     db.write(|conn| diesel::sql_query("CREATE TABLE notes (body TEXT NOT NULL)").execute(conn)).await?;
//!     Ok(())
//! }
//! # #[cfg(not(feature = "sqlite"))]
//! # fn main() {}
//! ```

#[cfg(feature = "mysql")]
mod mysql_server;
#[cfg(all(test, feature = "mysql"))]
pub(crate) mod network;

use std::ops::Deref;
#[cfg(feature = "mysql")]
use std::sync::Arc;
use std::time::Duration;

use foobar_core::{BoxError, Chain, Period, Secret};

use crate::{DatabaseSettings, Db};

#[cfg(feature = "mysql")]
pub use mysql_server::{MysqlServer, ServerError};

/// A fresh database for one test, started; a [`Db`] otherwise.
///
/// Its calls wait up to a minute for a connection and for a lock, and may run for a minute: few tests are about time, and the
/// machine may be busy. One that is opens a [`Db`] of its own with [`settings`](Self::settings).
pub struct TestDb {
    db: Db,
    url: String,
    _storage: Storage,
}

/// What must outlive the database.
enum Storage {
    #[cfg(feature = "sqlite")]
    Folder(#[expect(dead_code, reason = "dropped, it removes the folder")] tempfile::TempDir),
    #[cfg(feature = "mysql")]
    Server(#[expect(dead_code, reason = "dropped, it stops the server")] Arc<MysqlServer>),
}

impl TestDb {
    /// SQLite in a file of a temporary folder.
    ///
    /// # Panics
    ///
    /// Where the temporary folder is not writable.
    #[cfg(feature = "sqlite")]
    pub async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("no temporary folder: {error}"));
        let url = format!("sqlite:{}", folder.path().join("test.db").display());
        Self::start(url, Storage::Folder(folder)).await
    }

    /// A database of its own on a MariaDB or MySQL server that all tests of the process share. The server has its own
    /// folder and Unix socket; it is started for the first test and ends with the process.
    ///
    /// # Panics
    ///
    /// Where no `mariadbd` or `mysqld` is installed, or it does not start.
    #[cfg(feature = "mysql")]
    pub async fn mysql() -> Self {
        let database = crate::thread::run("foobar-db-test", || {
            let server = MysqlServer::shared()?;
            let url = server.create_database()?;
            Ok::<_, ServerError>((server, url))
        });
        let database = database.await.unwrap_or_else(|error| panic!("{error}"));
        let (server, url) = database.unwrap_or_else(|error| panic!("{}", Chain(&error)));
        Self::start(url, Storage::Server(server)).await
    }

    /// The value for `database.url`, for a second handle or another process.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Settings with this database's URL and the defaults.
    pub fn settings(&self) -> DatabaseSettings {
        settings(&self.url)
    }

    async fn start(url: String, storage: Storage) -> Self {
        let fail = |error: BoxError| -> ! { panic!("the test database does not start: {}", Chain(&*error)) };
        let patient = DatabaseSettings {
            acquire_timeout: PATIENCE,
            query_timeout: PATIENCE,
            lock_timeout: PATIENCE,
            ..settings(&url)
        };
        let db = Db::open(&patient).unwrap_or_else(|error| fail(error.into()));
        db.tier().start().await.unwrap_or_else(|error| fail(error));
        Self { db, url, _storage: storage }
    }
}

impl Deref for TestDb {
    type Target = Db;

    fn deref(&self) -> &Db {
        &self.db
    }
}

const PATIENCE: Period = Period::new(Duration::from_secs(60));

fn settings(url: &str) -> DatabaseSettings {
    DatabaseSettings { url: Some(Secret::new(url)), ..DatabaseSettings::default() }
}

/// A query that no engine ends by itself, and that each interrupts with an error: on MySQL `SLEEP` returns a value
/// then.
#[cfg(all(test, feature = "mysql"))]
pub(crate) fn endless(conn: &mut crate::Conn) -> crate::QueryResult<usize> {
    use diesel::RunQueryDsl;
    let digits = (1..10).map(|digit| format!(" UNION ALL SELECT {digit}")).collect::<String>();
    let billions = (1..=12).map(|storage| format!("digits d{storage}")).collect::<Vec<_>>().join(", ");
    diesel::sql_query(format!("WITH digits(n) AS (SELECT 0{digits}) SELECT SUM(d1.n) FROM {billions}")).execute(conn)
}

/// Says a line in one piece, also where the words of tests are kept: for `--nocapture`, and for a test that another one starts.
#[cfg(test)]
pub(crate) fn say(line: &str) {
    use std::io::{Write, stdout};
    stdout().write_all(format!("{line}\n").as_bytes()).unwrap();
}
