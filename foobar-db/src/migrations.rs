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
mod embedded_migrations;
mod foreign_keys;
mod ledger;
mod lint;
mod lock;
mod migration;
mod migration_status;
mod operations;
mod resume;
mod run;
mod script;

use std::sync::Arc;

use crate::{Conn, Engine, Error};

pub use embedded_migrations::{EmbeddedMigrations, SourceFolder};
use ledger::Ledger;
pub use lint::{Finding, LintRule, MigrationLint};
use migration::{Migration, Owner};
pub use migration_status::MigrationStatus;
pub(crate) use resume::Resume;

/// The schema of an application, embedded in its program; cheap to clone.
///
/// Each migration runs once, in a transaction unless its `metadata.toml` says `run_in_transaction = false`.
///
/// # A migration that fails, or whose process is killed
///
/// On SQLite a transaction takes back all of it. On MySQL, which commits with each statement that changes the schema,
/// and outside of a transaction, what it has done until then stays. The table `__foobar_migrations` then knows at which
/// statement it stopped. One that failed ([`MigrationStatus::Failed`]) goes on with that statement in the next run. Of
/// one whose process was killed or whose connection was lost ([`MigrationStatus::Begun`]), it is not known whether the
/// statement has taken effect: the next run is an error that says so, and `migrate resume` or `migrate mark-done` is for
/// whoever has looked. So is a statement that may have done a part of its work when it failed, such as `CALL`, a block,
/// or a `DROP` of several tables.
///
/// On MySQL what changes rows is in a transaction, which another begins after a change of the schema; a failure takes it
/// back, and the migration goes on where that began. In tables of an engine without transactions the rows stay.
///
/// A `SET` before the statement that failed is run again. Where an earlier statement has left something else in the
/// session (`SELECT … INTO @variable`, `PREPARE`, a temporary table), the migration goes on only by
/// `migrate resume --from`.
///
/// So it is with one that is taken back ([`MigrationStatus::HalfDown`]): until that has ended, a run is an error.
/// `migrate down` goes on with the statement that failed, `migrate resume` where the process was killed, and
/// `migrate mark-done` is for whoever has put back what is gone.
///
/// A statement that changes the schema waits for a lock for `database.migration_lock_timeout` at once, and is tried
/// again until `database.migration_timeout`.
///
/// # One that is changed after it ran
///
/// The checksum of its statements is kept, and a run is an error that names it ([`MigrationStatus::Changed`]): other
/// databases have run what it was, or will run what it is. Comments and blanks between words do not count.
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
/// `-- foobar: allow RULE` is for [`lint`](Self::lint). Any other comment that begins with `-- foobar:` is an error, on every engine and before any migration runs. On MySQL
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
    /// The tables of the framework's own, a set for each part that is used.
    framework: Vec<Self>,
}

impl Migrations {
    /// No migrations.
    pub fn none() -> Self {
        Self::default()
    }

    /// The same SQL for every engine, from [`embed_migrations!`](crate::embed_migrations).
    pub fn new(migrations: impl Into<EmbeddedMigrations>) -> Self {
        Self { shared: Some(Arc::new(migrations.into())), ..Self::none() }
    }

    /// These for SQLite.
    #[must_use]
    pub fn sqlite(self, migrations: impl Into<EmbeddedMigrations>) -> Self {
        Self { sqlite: Some(Arc::new(migrations.into())), ..self }
    }

    /// These for MySQL and MariaDB.
    #[must_use]
    pub fn mysql(self, migrations: impl Into<EmbeddedMigrations>) -> Self {
        Self { mysql: Some(Arc::new(migrations.into())), ..self }
    }

    /// Those of a part of the framework, which run before the application's and are recorded in `foobar_migrations`.
    #[doc(hidden)]
    #[must_use]
    pub fn after(mut self, framework: Self) -> Self {
        self.framework.push(framework);
        self
    }

    /// Whether there are none for any engine.
    pub const fn is_empty(&self) -> bool {
        self.has_none_of_application() && self.framework.is_empty()
    }

    const fn has_none_of_application(&self) -> bool {
        self.shared.is_none() && self.sqlite.is_none() && self.mysql.is_none()
    }

    /// The folders that they come from, where that is known.
    pub fn folders(&self) -> Vec<SourceFolder> {
        let all = [&self.shared, &self.sqlite, &self.mysql];
        all.into_iter().flatten().filter_map(|set| set.folder).collect()
    }

    /// What may surprise of those for this engine: that there are none in a folder, and, in a program that was not
    /// built for release, that the folder has changed since.
    pub fn warnings(&self, engine: Engine) -> Vec<String> {
        let Ok(Some(set)) = self.of(engine) else { return Vec::new() }; // an error is told when they run
        let Some(folder) = set.folder else { return Vec::new() };
        let all = embedded::read(set, Owner::Application).unwrap_or_default(); // the same
        let is_empty = all.is_empty().then(|| {
            let path = folder.path;
            format!(
                "the folder of migrations {path} had none when this program was built; `migrate new NAME` makes one"
            )
        });
        is_empty.into_iter().chain(folder.change(&all)).collect()
    }

    /// What of the application's migrations for this engine the program that runs meanwhile may not bear: of those with these
    /// names, such as the pending ones.
    pub fn lint(&self, engine: Engine, names: &[String]) -> Result<Vec<Finding>, Error> {
        let folder =
            self.of(engine)?.and_then(|set| set.folder).map_or(String::new(), |folder| format!("{}/", folder.path));
        let mut lint = MigrationLint::new(engine);
        let all = self.list(engine, Owner::Application)?.into_iter().filter(|one| names.contains(&one.name));
        Ok(all.flat_map(|one| lint.check(&format!("{folder}{}/up.sql", one.name), &one.up)).collect())
    }

    /// Each migration's name and what is known of it, and the versions of those that this program does not have; the
    /// framework's first.
    pub(crate) fn status(&self, conn: &mut Conn) -> Result<Vec<(String, MigrationStatus)>, Error> {
        let (framework, ledger) = self.read(conn, Owner::Framework)?; // what other parts have left is nobody's concern
        let framework = framework.into_iter().map(|migration| {
            let status = ledger.status(&migration);
            (migration.name, status)
        });
        let (all, ledger) = self.read(conn, Owner::Application)?;
        let unknown =
            ledger.unknown(&all).into_iter().map(|version| (version.clone(), version, MigrationStatus::Unknown));
        let begun = ledger.begun_elsewhere(&all);
        let known = all.into_iter().map(|migration| {
            let status = ledger.status(&migration);
            (migration.version, migration.name, status)
        });
        let mut rows: Vec<_> = known.chain(unknown).chain(begun).collect();
        rows.sort_by(|(one, ..), (other, ..)| one.cmp(other));
        Ok(framework.chain(rows.into_iter().map(|(_, name, status)| (name, status))).collect())
    }

    /// The same of a database that is not there yet.
    pub(crate) fn all_pending(&self, engine: Engine) -> Result<Vec<(String, MigrationStatus)>, Error> {
        let all = self.list(engine, Owner::Framework)?.into_iter().chain(self.list(engine, Owner::Application)?);
        Ok(all.map(|migration| (migration.name, MigrationStatus::Pending)).collect())
    }

    /// The migrations of `owner` for the engine of `conn` in their order, and what is known of them.
    fn read(&self, conn: &mut Conn, owner: Owner) -> Result<(Vec<Migration>, Ledger), Error> {
        let all = self.list(conn.engine(), owner)?;
        let ledger = Ledger::read(conn, owner).map_err(|error| Error::MigrationState(error.into()))?;
        Ok((all, ledger))
    }

    fn list(&self, engine: Engine, owner: Owner) -> Result<Vec<Migration>, Error> {
        let sets = match owner {
            Owner::Framework => self.framework.iter().map(|part| part.of(engine)).collect::<Result<Vec<_>, _>>()?,
            Owner::Application => vec![self.of(engine)?],
        };
        let read = sets.into_iter().flatten().map(|set| embedded::read(set, owner));
        let mut all = read.collect::<Result<Vec<_>, _>>().map_err(Error::MigrationState)?.concat();
        all.sort_by(|one, other| one.version.cmp(&other.version));
        refuse_same_version(&all)?;
        Ok(all)
    }

    /// The set for `engine`; `None` if there are no migrations at all.
    fn of(&self, engine: Engine) -> Result<Option<&EmbeddedMigrations>, Error> {
        let own = match engine {
            Engine::Sqlite => &self.sqlite,
            Engine::Mysql => &self.mysql,
        };
        match own.as_ref().or(self.shared.as_ref()) {
            None if !self.has_none_of_application() => Err(Error::NoMigrations(engine)),
            set => Ok(set.map(Arc::as_ref)),
        }
    }
}

/// Puts the migrations of a folder into the program: [`EmbeddedMigrations`] for [`Migrations::new`].
///
/// The folder is relative to the `Cargo.toml` of the package and has diesel's layout: `2026-01-31-000000_name/up.sql`
/// and `down.sql`. What stands before the first `_` is the version, which no other migration may have: the second one
/// of a day ends in `-000001`. Cargo notices a migration that is added only where a `build.rs` prints
/// `cargo::rerun-if-changed=FOLDER`; a program that was not built for release warns of a folder that has changed since.
/// `migrate new NAME` makes a migration. A folder that is not there or holds no migration is a compiler error that says where
/// it was looked for. What Foobar makes of each file is at [`Migrations`].
#[macro_export]
macro_rules! embed_migrations {
    () => {
        compile_error!(
            "`embed_migrations!` needs the folder of the migrations, relative to the `Cargo.toml` of the package: \
             `embed_migrations!(\"migrations/sqlite\")`"
        )
    };
    ($folder:literal) => {{
        use $crate::diesel_migrations;
        const MIGRATIONS: $crate::EmbeddedMigrations = $crate::EmbeddedMigrations::of_folder(
            $crate::foobar_macros::embed_folder!($folder),
            $crate::SourceFolder {
                path: $folder,
                package: if cfg!(debug_assertions) { option_env!("CARGO_MANIFEST_DIR") } else { None },
            },
        );
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
