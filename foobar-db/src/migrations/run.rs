use diesel::connection::{Connection, SimpleConnection, TransactionManager};
use foobar_core::BoxError;

use super::directive::{DirectiveError, wants_foreign_keys};
use super::embedded::{Migration, Owner};
use super::foreign_keys::{self, Dangling, Violations};
use super::ledger;
use super::migration_status::MigrationStatus;
use crate::{Conn, Engine, Error, Isolation, QueryResult, deadline};

/// A migration that is to run, or to be taken back.
pub(super) struct Step {
    migration: Migration,
    direction: Direction,
    /// Its up.sql or down.sql.
    sql: String,
    /// Whether it wants them enforced.
    foreign_keys: bool,
    /// When a run of it began that did not end, in UTC.
    begun: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
}

/// Why a migration fails whose statements did not.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error("its {file} has {why}")]
    Directive { file: &'static str, why: DirectiveError },
    #[error(
        "it leaves rows that refer to nothing: {0}; so all of it was rolled back. Foreign keys are not enforced while \
         a migration runs: let it delete or mend these rows, or begin with `-- foobar: foreign_keys = on` where \
         ON DELETE or ON UPDATE is meant to"
    )]
    Dangling(Dangling),
    #[error(
        "it had begun before, on {on} UTC, and did not end, so statements of it may have taken effect already; compare \
         the schema with its up.sql, then undo by hand what is there and start again, or add by hand what is missing \
         and run INSERT INTO {ledger} (version) VALUES ('{version}')"
    )]
    BegunBefore { on: String, ledger: &'static str, version: String, source: BoxError },
    #[error(
        "taking it back failed; where a failure takes nothing back, statements of its down.sql may have taken effect"
    )]
    TakingBack(#[source] BoxError),
}

impl Step {
    /// To run it. An error where its SQL asks for what there is not.
    pub(super) fn up(migration: Migration, status: MigrationStatus) -> Result<Self, Error> {
        let begun = match status {
            MigrationStatus::Begun { on } => Some(on),
            MigrationStatus::Pending | MigrationStatus::Done => None,
            MigrationStatus::Unknown | MigrationStatus::BegunElsewhere { .. } => None, // none of this program's
        };
        let sql = migration.up.clone();
        Self::new(migration, Direction::Up, sql, begun)
    }

    /// To take it back. An error where it has no down.sql, or that asks for what there is not.
    pub(super) fn down(migration: Migration) -> Result<Self, Error> {
        match migration.down.clone() {
            Some(sql) => Self::new(migration, Direction::Down, sql, None),
            None => Err(Error::NoDown(migration.name)),
        }
    }

    fn new(migration: Migration, direction: Direction, sql: String, begun: Option<String>) -> Result<Self, Error> {
        match wants_foreign_keys(&sql) {
            Ok(foreign_keys) => Ok(Self { migration, direction, sql, foreign_keys, begun }),
            Err(why) => {
                let file = if direction == Direction::Up { "up.sql" } else { "down.sql" };
                Err(Error::Migration { name: migration.name, source: RunError::Directive { file, why }.into() })
            }
        }
    }

    pub(super) const fn owner(&self) -> Owner {
        self.migration.owner
    }

    /// Does it and gives the migration's name.
    pub(super) fn run(self, conn: &mut Conn) -> Result<String, Error> {
        let name = &self.migration.name;
        if let Some(on) = &self.begun {
            let stays = "statements of it may have taken effect";
            tracing::warn!("migration `{name}` had begun on {on} UTC and did not end; {stays}");
        }
        match self.direction {
            Direction::Up => tracing::info!(migration = name, "running a migration"),
            Direction::Down => tracing::info!(migration = name, "taking back a migration"),
        }
        match self.attempt(conn) {
            Ok(()) => Ok(self.migration.name),
            Err(source) => Err(self.failed(source)),
        }
    }

    fn failed(self, source: BoxError) -> Error {
        let Migration { owner, name, version, .. } = self.migration;
        let source = match (self.direction, self.begun) {
            (Direction::Down, _) => RunError::TakingBack(source).into(),
            (Direction::Up, Some(on)) => RunError::BegunBefore { on, ledger: owner.done(), version, source }.into(),
            (Direction::Up, None) => source,
        };
        if deadline::has_passed() {
            Error::MigrationDeadline { name, source }
        } else {
            Error::Migration { name, source }
        }
    }

    fn attempt(&self, conn: &mut Conn) -> Result<(), BoxError> {
        let leaves_nothing = self.migration.in_transaction && conn.engine() == Engine::Sqlite; // MySQL commits with DDL
        if !leaves_nothing && self.direction == Direction::Up {
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
        conn.batch_execute(&self.sql)?;
        if let Some(dangling) = Violations::read(conn)?.since(&before) {
            return Err(RunError::Dangling(dangling).into());
        }
        Ok(self.record(conn)?)
    }

    fn record(&self, conn: &mut Conn) -> QueryResult<()> {
        match self.direction {
            Direction::Up => ledger::end(conn, &self.migration),
            Direction::Down => ledger::take_back(conn, &self.migration),
        }
    }

    /// What its statements do stays, also if it fails.
    fn apply(&self, conn: &mut Conn) -> Result<(), BoxError> {
        let before = Violations::read(conn)?;
        let ran = conn.batch_execute(&self.sql);
        let checked = Violations::read(conn).map(|after| after.since(&before));
        if let Ok(Some(dangling)) = &checked {
            let name = &self.migration.name;
            tracing::warn!("migration `{name}`, in no transaction, leaves rows that refer to nothing: {dangling}");
        }
        ran.and(checked)?;
        Ok(self.record(conn)?)
    }
}

type Transactions = <Conn as Connection>::TransactionManager;

/// Diesel's own loses the first error where SQLite has rolled back by itself.
fn transaction(conn: &mut Conn, work: impl FnOnce(&mut Conn) -> Result<(), BoxError>) -> Result<(), BoxError> {
    conn.begin(Isolation::Server)?;
    let outcome = work(conn).and_then(|()| Ok(Transactions::commit_transaction(conn)?));
    if outcome.is_err() {
        let _rolled_back_already = Transactions::rollback_transaction(conn); // or when the connection is closed
    }
    outcome
}
