use std::sync::Arc;

use diesel::migration::{Migration, MigrationSource};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness};

use crate::{Conn, Engine, Error, MultiBackend, deadline};

mod lock;

pub(crate) use lock::MigrationLock;

/// The schema of an application, embedded in its program; cheap to clone.
///
/// ```
/// use foobar_db::testing::TestDb;
/// use foobar_db::{Migrations, embed_migrations};
///
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), foobar_db::Error> {
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
        let pending = self.list(conn)?.into_iter().filter(|(_, has_run)| !has_run);
        pending.map(|(migration, _)| run_one(conn, &*migration)).collect()
    }

    /// Each migration's name and whether it has run.
    pub(crate) fn status(&self, conn: &mut Conn) -> Result<Vec<(String, bool)>, Error> {
        let list = self.list(conn)?.into_iter();
        Ok(list.map(|(migration, has_run)| (migration.name().to_string(), has_run)).collect())
    }

    /// The migrations for the engine of `conn` in their order, and whether each has run.
    fn list(&self, conn: &mut Conn) -> Result<Vec<Listed>, Error> {
        let Some(source) = self.of(conn.engine())? else { return Ok(Vec::new()) };
        let mut all = MigrationSource::<MultiBackend>::migrations(source).map_err(Error::MigrationState)?;
        all.sort_by(|a, b| a.name().version().cmp(&b.name().version()));
        refuse_same_version(&all)?;
        let applied = conn.applied_migrations().map_err(Error::MigrationState)?;
        let with_state = |migration: Box<dyn Migration<_>>| {
            let has_run = applied.contains(&migration.name().version().as_owned());
            (migration, has_run)
        };
        Ok(all.into_iter().map(with_state).collect())
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
/// a `build.rs` prints `cargo::rerun-if-changed=FOLDER`.
#[macro_export]
macro_rules! embed_migrations {
    ($folder:literal) => {{
        use $crate::diesel_migrations;
        const MIGRATIONS: $crate::EmbeddedMigrations = diesel_migrations::embed_migrations!($folder);
        MIGRATIONS
    }};
}

/// A migration, and whether it has run.
type Listed = (Box<dyn Migration<MultiBackend>>, bool);

/// `sorted` by version.
fn refuse_same_version(sorted: &[Box<dyn Migration<MultiBackend>>]) -> Result<(), Error> {
    match sorted.windows(2).find(|pair| pair[0].name().version() == pair[1].name().version()) {
        None => Ok(()),
        Some(pair) => Err(Error::SameVersion { first: pair[0].name().to_string(), second: pair[1].name().to_string() }),
    }
}

fn run_one(conn: &mut Conn, migration: &dyn Migration<MultiBackend>) -> Result<String, Error> {
    let name = migration.name().to_string();
    tracing::info!(migration = name, "running a migration");
    match conn.run_migration(migration) {
        Ok(_version) => Ok(name),
        Err(source) if deadline::has_passed() => Err(Error::MigrationDeadline { name, source }),
        Err(source) => Err(Error::Migration { name, source }),
    }
}

#[cfg(all(feature = "sqlite", feature = "mysql"))]
#[cfg(test)]
mod tests;
