use std::ops::Deref;

use foobar_db::{DatabaseSettings, testing};

use crate::Db;

/// A fresh database for one test, started; a [`Db`] otherwise.
pub struct TestDb {
    db: Db,
    test: testing::TestDb,
}

impl TestDb {
    /// SQLite in a file of a temporary folder.
    ///
    /// # Panics
    ///
    /// Where the temporary folder is not writable.
    #[cfg(feature = "sqlite")]
    pub async fn sqlite() -> Self {
        Self::of(testing::TestDb::sqlite().await)
    }

    /// A database of its own on a MariaDB or MySQL server that all tests of the process share. The server has its own
    /// folder and Unix socket; it is started for the first test and ends with the process.
    ///
    /// # Panics
    ///
    /// Where no `mariadbd` or `mysqld` is installed, or it does not start.
    #[cfg(feature = "mysql")]
    pub async fn mysql() -> Self {
        Self::of(testing::TestDb::mysql().await)
    }

    #[cfg(any(feature = "sqlite", feature = "mysql"))]
    fn of(test: testing::TestDb) -> Self {
        Self { db: (*test).clone().into(), test }
    }

    /// The value for `database.url`, for a second handle or another process.
    pub fn url(&self) -> &str {
        self.test.url()
    }

    /// Settings with this database's URL and the defaults.
    pub fn settings(&self) -> DatabaseSettings {
        self.test.settings()
    }
}

impl Deref for TestDb {
    type Target = Db;

    fn deref(&self) -> &Db {
        &self.db
    }
}
