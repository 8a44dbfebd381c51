//! What is done to the schema of a database.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use foobar_core::BoxError;

use super::Db;
use crate::migrations::Resume;
use crate::{Conn, Ending, Error, MigrationStatus, Migrations, Presence, Query, QueryKind, passing};

/// How long closing the connection of the user for migrations may take.
const FAREWELL: Duration = Duration::from_secs(1);

impl Db {
    /// Runs the migrations that have not run yet, in the order of their versions, and gives their names.
    ///
    /// Where several processes do this at once on one database, one runs them and the others wait, within
    /// `database.migration_timeout`.
    pub async fn migrate(&self, migrations: &Migrations) -> Result<Vec<String>, Error> {
        let (migrations, database) = (migrations.clone(), self.describe());
        self.with_schema(move |conn| migrations.run(conn, &database, Resume::Never)).await
    }

    /// The same, where a migration began and did not end, and it is not known whether its last statement has taken
    /// effect ([`MigrationStatus::Begun`]): it goes on with that one, or with the statement `from`, counted from 1.
    pub async fn migrate_resume(&self, migrations: &Migrations, from: Option<u32>) -> Result<Vec<String>, Error> {
        let (migrations, resume) = (migrations.clone(), from.map_or(Resume::There, Resume::With));
        let database = self.describe();
        self.with_schema(move |conn| migrations.run(conn, &database, resume)).await
    }

    /// Goes on with taking back a migration where that began and did not end ([`MigrationStatus::HalfDown`]): with the
    /// statement at which it stopped, or with the statement `from` of its down.sql, counted from 1. Its name, or `None` where
    /// there is none.
    pub async fn migrate_resume_down(
        &self,
        migrations: &Migrations,
        from: Option<u32>,
    ) -> Result<Option<String>, Error> {
        let (migrations, resume) = (migrations.clone(), from.map_or(Resume::There, Resume::With));
        self.with_schema(move |conn| migrations.resume_down(conn, resume)).await
    }

    /// Notes that a migration has run, without running it, and gives its name; `name` may be its version. Of one that has
    /// run and was changed since, what it is now is taken for what ran.
    pub async fn migrate_mark_done(&self, migrations: &Migrations, name: &str) -> Result<String, Error> {
        let (migrations, name) = (migrations.clone(), name.to_owned());
        self.with_schema(move |conn| migrations.mark_done(conn, &name)).await
    }

    /// Forgets the process that runs migrations, where it cannot end and cannot be seen to be gone, such as on another
    /// server of the database; says which it was, or `None` where there is none. An error where it certainly runs.
    pub async fn migrate_unlock(&self) -> Result<Option<String>, Error> {
        self.with_schema(Conn::unlock_migrations).await
    }

    /// What a server's start does: runs the migrations, as [`migrate`](Self::migrate) does; or, where
    /// `database.migrate_on_start` is off, sees that all of them have run. Until they have, it is
    /// [`Error::Unmigrated`], after which a start is tried again. An error where one is taken back in half.
    pub async fn migrate_on_start(&self, migrations: &Migrations) -> Result<Vec<String>, Error> {
        match self.migrator.on_start {
            true => self.migrate(migrations).await,
            false => self.is_migrated(migrations).await.map(|()| Vec::new()),
        }
    }

    /// Whether a server's start runs the migrations (`database.migrate_on_start`), or waits until somebody has.
    pub fn migrates_on_start(&self) -> bool {
        self.migrator.on_start
    }

    /// Takes back the last migration that has run, by its `down.sql`; gives its name, or `None` if none has run.
    ///
    /// An error where this program does not have that migration, or no `down.sql` of it, and where any migration has
    /// begun and not ended ([`MigrationStatus::Begun`]) or has failed ([`MigrationStatus::Failed`]). Where a failure takes
    /// nothing back, what its `down.sql` did before one stays ([`MigrationStatus::HalfDown`]), and this goes on from there.
    pub async fn migrate_down(&self, migrations: &Migrations) -> Result<Option<String>, Error> {
        let migrations = migrations.clone();
        self.with_schema(move |conn| migrations.take_back(conn, false)).await
    }

    /// Takes back the last migration that has run, as [`migrate_down`](Self::migrate_down) does, and runs it again.
    pub async fn migrate_redo(&self, migrations: &Migrations) -> Result<Option<String>, Error> {
        let migrations = migrations.clone();
        self.with_schema(move |conn| migrations.take_back(conn, true)).await
    }

    /// Whether there is a database yet; without a start and without any change, as [`check`](Self::check) does.
    pub async fn presence(&self) -> Result<Presence, Error> {
        self.database().peek(Query::new(|_| Ok(Ending::RollBack))).await
    }

    /// Each migration's name and what is known of it, in the order of their versions.
    pub async fn migration_status(&self, migrations: &Migrations) -> Result<Vec<(String, MigrationStatus)>, Error> {
        let migrations = migrations.clone();
        self.with_schema(move |conn| migrations.status(conn)).await
    }

    /// The same without a start and without any change, as [`check`](Self::check) does; and whether there is a database
    /// yet.
    pub async fn check_migrations(
        &self,
        migrations: &Migrations,
    ) -> Result<(Presence, Vec<(String, MigrationStatus)>), Error> {
        let wanted = migrations.clone();
        match self.peek(move |conn| wanted.status(conn)).await? {
            None => Ok((Presence::Missing, migrations.all_pending(self.database().engine())?)),
            Some(found) => Ok((Presence::Present, found?)),
        }
    }

    /// Runs a query that only reads, without a start and without any change; `None` where there is no database yet.
    pub(super) async fn peek<T: Send + 'static>(
        &self,
        query: impl Fn(&mut Conn) -> T + Send + 'static,
    ) -> Result<Option<T>, Error> {
        let found = Arc::new(Mutex::new(None));
        let slot = Arc::clone(&found);
        let query = Query::new(move |conn| {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(query(conn));
            Ok(Ending::RollBack)
        });
        match self.database().peek(query).await? {
            Presence::Missing => Ok(None),
            Presence::Present => {
                let found = found.lock().unwrap_or_else(PoisonError::into_inner).take();
                Ok(Some(found.expect("a query that has ended has left its result")))
            }
        }
    }

    async fn with_schema<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Conn) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let query = move |conn: &mut Conn| Ok(work(conn).map_err(passing::mark));
        let Some(migrator) = self.migrator().await? else {
            return self.run_whole(QueryKind::Migrate, query).await?;
        };
        let outcome = migrator.run_whole(QueryKind::Migrate, query).await;
        migrator.tier().drain(Instant::now() + FAREWELL).await;
        outcome?
    }

    /// A started handle of the user for migrations, where it is another; whoever has it drains it.
    async fn migrator(&self) -> Result<Option<Self>, Error> {
        let Some(settings) = &self.migrator.settings else { return Ok(None) };
        let db = Self::open(settings)?;
        db.tier().start().await.map_err(refused)?;
        Ok(Some(db))
    }

    /// An error that names the migrations that have not run.
    async fn is_migrated(&self, migrations: &Migrations) -> Result<(), Error> {
        let migrations = migrations.clone();
        let status = self.run_whole(QueryKind::Read, move |conn| Ok(migrations.status(conn).map_err(passing::mark)));
        let missing = |(name, status): (String, MigrationStatus)| match status {
            MigrationStatus::Pending | MigrationStatus::Begun { .. } | MigrationStatus::Failed { .. } => Some(name),
            MigrationStatus::Done | MigrationStatus::Changed | MigrationStatus::HalfDown { .. } => None,
            MigrationStatus::Unknown | MigrationStatus::BegunElsewhere { .. } => None,
        };
        let status = status.await??;
        if let Some((name, _)) = status.iter().find(|(_, status)| *status == MigrationStatus::Changed) {
            return Err(Error::MigrationChanged(name.clone()));
        }
        if let Some(error) = status.iter().find_map(|(name, status)| status.refuse_half_down(name)) {
            return Err(error);
        }
        let missing: Vec<_> = status.into_iter().filter_map(missing).collect();
        if missing.is_empty() { Ok(()) } else { Err(Error::Unmigrated(missing)) }
    }
}

fn refused(error: BoxError) -> Error {
    match error.downcast::<Error>() {
        Ok(error) => *error,
        Err(other) => Error::MigrationState(other),
    }
}
