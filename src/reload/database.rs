use std::time::Instant;

use foobar_app::Db;
use foobar_core::BoxError;
use foobar_db::{MigrationStatus, Migrations, Presence};

use super::{Current, Reloader, Stays};
use crate::StartError;

/// A database that has been started, and waits to take the place of the one in use.
pub(super) struct NewDatabase {
    current: Db,
    next: Db,
}

impl NewDatabase {
    /// From now on all calls go to it.
    pub(super) fn take(self) {
        self.current.replace(&self.next);
    }

    /// It is not used after all.
    pub(super) async fn give_back(self) {
        self.next.tier().drain(Instant::now()).await;
    }
}

impl Reloader {
    /// The database of other settings; `None` where they are the same, or cannot be taken.
    pub(super) async fn prepare_database(
        &self,
        next: &Current,
        stays: &mut Stays<'_>,
    ) -> Result<Option<NewDatabase>, StartError> {
        if !stays.changed.iter().any(|key| key.starts_with("database.")) {
            return Ok(None);
        }
        let Some(current) = &self.database else {
            stays.keep_keys("database.", "no database of the configuration is open");
            return Ok(None);
        };
        let failed = |error| StartError::setting(&next.config, "database.url", error);
        let database = Db::open(&next.settings.database).map_err(failed)?;
        if database.engine() != current.engine() || database.is_temporary() || current.is_temporary() {
            stays.keep_keys("database.", "the server keeps its database, of another engine or in its memory");
            return Ok(None);
        }
        if database.describe() != current.describe() {
            require_schema(&database, &self.migrations)
                .await
                .map_err(|error| StartError::setting(&next.config, "database.url", error))?;
        }
        let started = database.tier().start().await;
        started.map_err(|error| StartError::setting(&next.config, "database.url", error))?;
        Ok(Some(NewDatabase { current: current.clone(), next: database }))
    }
}

/// The database has to have the tables that this program knows: neither a reload nor an upgrade migrates anything. It may have
/// more, of a newer program.
pub(crate) async fn require_schema(database: &Db, migrations: &Migrations) -> Result<(), BoxError> {
    if database.is_temporary() {
        return Err(format!(
            "`database.url`: {} is in the memory of one process, and no other can take its place; restart",
            database.describe()
        )
        .into());
    }
    let (presence, status) = database.check_migrations(migrations).await?;
    let lacks = |status: &MigrationStatus| {
        use MigrationStatus::{Begun, Failed, Pending};
        matches!(status, Pending | Begun { .. } | Failed { .. })
    };
    if let Some((name, _)) = status.iter().find(|(_, status)| *status == MigrationStatus::Changed) {
        return Err(foobar_db::Error::MigrationChanged(name.clone()).into());
    }
    if let Some(error) = status.iter().find_map(|(name, status)| status.refuse_half_down(name)) {
        return Err(error.into());
    }
    match (presence, status.iter().find(|(_, status)| lacks(status))) {
        (Presence::Missing, _) => Err(format!("there is no database {}; make it first", database.describe()).into()),
        (Presence::Present, Some((name, _))) => Err(format!(
            "`database.url`: {} lacks the migration `{name}`; run `migrate` with this configuration first",
            database.describe()
        )
        .into()),
        (Presence::Present, None) => Ok(()),
    }
}
