use diesel::connection::{Connection, SimpleConnection, TransactionManager};
use foobar_core::BoxError;

use super::MigrationStatus;
use super::directive::wants_foreign_keys;
use super::embedded::Migration;
use super::foreign_keys::{self, Dangling, Violations};
use super::ledger;
use crate::{Conn, Engine, Error, deadline};

/// A migration that is to run.
pub(super) struct Pending {
    migration: Migration,
    /// Whether it wants them enforced.
    foreign_keys: bool,
    /// When a run of it began that did not end, in UTC.
    begun: Option<String>,
}

/// Why a migration fails whose statements did not.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error(
        "it leaves rows that refer to nothing: {0}; so all of it was rolled back. Foreign keys are not enforced while \
         a migration runs: let it delete or mend these rows, or begin with `-- foobar: foreign_keys = on` where \
         ON DELETE or ON UPDATE is meant to"
    )]
    Dangling(Dangling),
    #[error(
        "it had begun before, on {on} UTC, and did not end, so statements of it may have taken effect already; compare \
         the schema with its up.sql, then undo by hand what is there and start again, or add by hand what is missing \
         and run INSERT INTO __diesel_schema_migrations (version) VALUES ('{version}')"
    )]
    BegunBefore { on: String, version: String, source: BoxError },
}

impl Pending {
    /// An error where its SQL asks for what there is not.
    pub(super) fn new(migration: Migration, status: MigrationStatus) -> Result<Self, Error> {
        let begun = match status {
            MigrationStatus::Begun { on } => Some(on),
            MigrationStatus::Pending | MigrationStatus::Done => None,
        };
        match wants_foreign_keys(&migration.up) {
            Ok(foreign_keys) => Ok(Self { migration, foreign_keys, begun }),
            Err(source) => Err(Error::Migration { name: migration.name, source: source.into() }),
        }
    }

    /// Runs it and gives its name.
    pub(super) fn run(self, conn: &mut Conn) -> Result<String, Error> {
        let name = &self.migration.name;
        if let Some(on) = &self.begun {
            let stays = "statements of it may have taken effect";
            tracing::warn!("migration `{name}` had begun on {on} UTC and did not end; {stays}");
        }
        tracing::info!(migration = name, "running a migration");
        match self.attempt(conn) {
            Ok(()) => Ok(self.migration.name),
            Err(source) => Err(self.failed(source)),
        }
    }

    fn failed(self, source: BoxError) -> Error {
        let Migration { name, version, .. } = self.migration;
        let source = match self.begun {
            Some(on) => RunError::BegunBefore { on, version, source }.into(),
            None => source,
        };
        if deadline::has_passed() {
            Error::MigrationDeadline { name, source }
        } else {
            Error::Migration { name, source }
        }
    }

    fn attempt(&self, conn: &mut Conn) -> Result<(), BoxError> {
        let leaves_nothing = self.migration.in_transaction && conn.engine() == Engine::Sqlite; // MySQL commits with DDL
        if !leaves_nothing {
            ledger::begin(conn, &self.migration)?;
        }
        foreign_keys::enforce(conn, self.foreign_keys)?;
        if self.migration.in_transaction {
            transaction(conn, |conn| self.apply_if_sound(conn))?;
        } else {
            self.apply(conn)?;
        }
        Ok(foreign_keys::enforce(conn, true)?)
    }

    fn apply_if_sound(&self, conn: &mut Conn) -> Result<(), BoxError> {
        let before = Violations::read(conn)?;
        conn.batch_execute(&self.migration.up)?;
        if let Some(dangling) = Violations::read(conn)?.since(&before) {
            return Err(RunError::Dangling(dangling).into());
        }
        Ok(ledger::end(conn, &self.migration)?)
    }

    /// What its statements do stays, also if it fails.
    fn apply(&self, conn: &mut Conn) -> Result<(), BoxError> {
        let before = Violations::read(conn)?;
        let ran = conn.batch_execute(&self.migration.up);
        let checked = Violations::read(conn).map(|after| after.since(&before));
        if let Ok(Some(dangling)) = &checked {
            let name = &self.migration.name;
            tracing::warn!("migration `{name}`, in no transaction, leaves rows that refer to nothing: {dangling}");
        }
        ran.and(checked)?;
        Ok(ledger::end(conn, &self.migration)?)
    }
}

type Transactions = <Conn as Connection>::TransactionManager;

/// Diesel's own loses the first error where SQLite has rolled back by itself.
fn transaction(conn: &mut Conn, work: impl FnOnce(&mut Conn) -> Result<(), BoxError>) -> Result<(), BoxError> {
    conn.begin()?;
    let outcome = work(conn).and_then(|()| Ok(Transactions::commit_transaction(conn)?));
    if outcome.is_err() {
        let _rolled_back_already = Transactions::rollback_transaction(conn); // or when the connection is closed
    }
    outcome
}
