//! What is run once on a database, and what is known of it.
//!
//! - Foreign keys are off while a migration runs on SQLite, and checked after it: within a transaction they can be
//!   switched neither off nor on, and with them on, making a table anew deletes what refers to it.
//! - A migration is recorded before it begins where a failure takes nothing back, in a table of our own, so that the
//!   next start knows. Diesel's table still says what has run: its tools and ours agree.
//! - The SQL of an embedded migration is taken down by a connection that runs nothing (`embedded.rs`) and run by us:
//!   Diesel's harness loses the database's error where SQLite has rolled back by itself.

mod directive;
mod embedded;
mod foreign_keys;
mod ledger;
mod lock;
mod run;

use std::sync::Arc;

use diesel_migrations::EmbeddedMigrations;

use crate::{Conn, Engine, Error};

use embedded::Migration;
use ledger::Ledger;
pub(crate) use lock::MigrationLock;
use run::Pending;

/// The schema of an application, embedded in its program; cheap to clone.
///
/// Each migration runs once, in a transaction unless its `metadata.toml` says `run_in_transaction = false`.
///
/// # A migration that fails, or whose process is killed
///
/// On SQLite a transaction takes back all of it. On MySQL, which commits with each statement that changes the schema,
/// and outside of a transaction, what it has done until then stays. Foobar then knows that it began and did not end
/// ([`MigrationStatus::Begun`], `begun` in `migrate status`, a row in the table `__foobar_migrations`). The next run
/// warns of that in the log and tries the migration again, from its first statement; if it fails, the error says that
/// it had begun before and what to do.
///
/// # Foreign keys on SQLite
///
/// They are not enforced while a migration runs: SQLite alters a table by making it anew and dropping the old one,
/// which would delete the rows that refer to it (`PRAGMA foreign_keys` has no effect in a transaction). Instead the
/// database is checked before and after. Where rows refer to nothing that did not before, the migration fails, names
/// them, and is taken back. With `run_in_transaction = false` nothing is taken back: the log names them in a warning.
///
/// Rows that referred to nothing before fail no migration. They are counted for each foreign key and not known by
/// their rowids, which a migration may change; so one that makes as many for a foreign key as it mends is not found
/// out. Those of a foreign key that is gone pass for those of one that is new, since a table may have been renamed.
///
/// A migration that wants ON DELETE or ON UPDATE to act has them enforced by a comment of its own before its first
/// statement:
///
/// ```sql
/// -- foobar: foreign_keys = on
/// DELETE FROM authors WHERE last_book < 1900;
/// ```
///
/// Any other comment that begins with `-- foobar:` is an error, on every engine and before any migration runs. On MySQL
/// this one does nothing: foreign keys are as its own statements say.
///
/// ```
/// # mod foobar { pub use foobar_db::{Error as DbError, *}; pub mod test { pub use foobar_db::testing::*; } }
/// use foobar::test::TestDb;
/// use foobar::{Migrations, embed_migrations};
///
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), foobar::DbError> {
/// let migrations = Migrations::new(embed_migrations!("src/migrations/tests/good"));
/// let names = TestDb::sqlite().await.migrate(&migrations).await?;
/// assert_eq!(names, ["2026-01-01-000000_notes", "2026-01-02-000000_first_note"]);
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))]
/// # fn main() {}
/// ```
#[derive(Clone, Default)]
pub struct Migrations {
    shared: Option<Arc<EmbeddedMigrations>>,
    sqlite: Option<Arc<EmbeddedMigrations>>,
    mysql: Option<Arc<EmbeddedMigrations>>,
}

/// What is known of one migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MigrationStatus {
    /// It has run.
    Done,
    /// It has not run.
    Pending,
    /// It began and has not ended: its process was killed, or it failed where a failure takes nothing back, which is on
    /// MySQL and where it is in no transaction. Statements of it may have taken effect. Or another process runs it now.
    Begun {
        /// When it began, as `2026-01-31 12:00:00` in UTC.
        on: String,
    },
}

impl Migrations {
    /// No migrations.
    pub fn none() -> Self {
        Self::default()
    }

    /// The same SQL for every engine, from [`embed_migrations!`](crate::embed_migrations).
    pub fn new(migrations: EmbeddedMigrations) -> Self {
        Self { shared: Some(Arc::new(migrations)), ..Self::none() }
    }

    /// These for SQLite.
    #[must_use]
    pub fn sqlite(self, migrations: EmbeddedMigrations) -> Self {
        Self { sqlite: Some(Arc::new(migrations)), ..self }
    }

    /// These for MySQL and MariaDB.
    #[must_use]
    pub fn mysql(self, migrations: EmbeddedMigrations) -> Self {
        Self { mysql: Some(Arc::new(migrations)), ..self }
    }

    /// Whether there are none for any engine.
    pub const fn is_empty(&self) -> bool {
        self.shared.is_none() && self.sqlite.is_none() && self.mysql.is_none()
    }

    /// Runs what has not run yet; the names of what ran.
    pub(crate) fn run(&self, conn: &mut Conn) -> Result<Vec<String>, Error> {
        if self.is_empty() {
            return Ok(Vec::new());
        }
        let _lock = MigrationLock::acquire(conn)?;
        let pending = self.list(conn)?.into_iter().filter(|(_, status)| *status != MigrationStatus::Done);
        let pending = pending.map(|(migration, status)| Pending::new(migration, status));
        let pending = pending.collect::<Result<Vec<_>, _>>()?; // before the first one runs
        pending.into_iter().map(|migration| migration.run(conn)).collect()
    }

    /// Each migration's name and what is known of it.
    pub(crate) fn status(&self, conn: &mut Conn) -> Result<Vec<(String, MigrationStatus)>, Error> {
        Ok(self.list(conn)?.into_iter().map(|(migration, status)| (migration.name, status)).collect())
    }

    /// The migrations for the engine of `conn` in their order, and what is known of each.
    fn list(&self, conn: &mut Conn) -> Result<Vec<(Migration, MigrationStatus)>, Error> {
        let Some(source) = self.of(conn.engine())? else { return Ok(Vec::new()) };
        let all = embedded::read(source).map_err(Error::MigrationState)?;
        refuse_same_version(&all)?;
        let ledger = Ledger::read(conn).map_err(Error::MigrationState)?;
        let with_status = |migration: Migration| {
            let status = ledger.status(&migration);
            (migration, status)
        };
        Ok(all.into_iter().map(with_status).collect())
    }

    /// The set for `engine`; `None` if there are no migrations at all.
    fn of(&self, engine: Engine) -> Result<Option<&EmbeddedMigrations>, Error> {
        let own = match engine {
            Engine::Sqlite => &self.sqlite,
            Engine::Mysql => &self.mysql,
        };
        match own.as_ref().or(self.shared.as_ref()) {
            None if !self.is_empty() => Err(Error::NoMigrations(engine)),
            set => Ok(set.map(Arc::as_ref)),
        }
    }
}

/// Puts the migrations of a folder into the program: [`EmbeddedMigrations`] for [`Migrations::new`].
///
/// The folder is relative to the `Cargo.toml` of the package and has diesel's layout:
/// `2026-01-31-000000_name/up.sql` and `down.sql`. What stands before the first `_` is the version, which no other
/// migration may have: the second one of a day ends in `-000001`. Cargo notices a migration that is added only where
/// a `build.rs` prints `cargo::rerun-if-changed=FOLDER`. What Foobar makes of each file is at [`Migrations`].
#[macro_export]
macro_rules! embed_migrations {
    ($folder:literal) => {{
        use $crate::diesel_migrations;
        const MIGRATIONS: $crate::EmbeddedMigrations = diesel_migrations::embed_migrations!($folder);
        MIGRATIONS
    }};
}

/// `sorted` by version.
fn refuse_same_version(sorted: &[Migration]) -> Result<(), Error> {
    match sorted.windows(2).find(|pair| pair[0].version == pair[1].version) {
        None => Ok(()),
        Some(pair) => Err(Error::SameVersion { first: pair[0].name.clone(), second: pair[1].name.clone() }),
    }
}

#[cfg(all(feature = "sqlite", feature = "mysql"))]
#[cfg(test)]
mod tests;
