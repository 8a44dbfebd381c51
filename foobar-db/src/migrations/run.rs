mod error;
mod session;

use std::thread::sleep;
use std::time::{Duration, Instant};

use diesel::connection::{Connection, SimpleConnection, TransactionManager};
use foobar_core::{BoxError, Chain};

use super::directive::wants_foreign_keys;
use super::foreign_keys::{self, Violations};
use super::ledger;
use super::migration::{Direction, Migration, Owner};
use super::script::{Script, Statement};
use crate::checksum::Checksum;
use crate::migration_lock::MigrationLock;
use crate::{Conn, Engine, Error, Isolation, QueryResult, deadline, failure};

use error::Progress;
pub(super) use error::RunError;

/// A migration that is to run, or to be taken back.
pub(super) struct Step {
    migration: Migration,
    direction: Direction,
    /// Of its up.sql or down.sql.
    script: Script,
    /// Whether it wants them enforced.
    foreign_keys: bool,
    /// The statement that it goes on with, from 1, where a run of it has not ended.
    goes_on: Option<usize>,
}

/// How long recording a failure may take where there is no time left.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How long a statement that has waited for a lock in vain lets others through before it is tried again.
const PAUSE: Duration = Duration::from_millis(500);

impl Step {
    /// To run it, from its first statement or one that it `goes_on` with. An error where its SQL asks for what there is
    /// not.
    pub(super) fn up(migration: Migration, engine: Engine, goes_on: Option<usize>) -> Result<Self, Error> {
        let sql = migration.up.clone();
        Self::new(migration, Direction::Up, &sql, engine, goes_on)
    }

    /// To take it back, as [`up`](Self::up) runs it. An error where it has no down.sql, or that asks for what there is not.
    pub(super) fn down(migration: Migration, engine: Engine, goes_on: Option<usize>) -> Result<Self, Error> {
        match migration.down.clone() {
            Some(sql) => Self::new(migration, Direction::Down, &sql, engine, goes_on),
            None => Err(Error::NoDown(migration.name)),
        }
    }

    fn new(
        migration: Migration,
        direction: Direction,
        sql: &str,
        engine: Engine,
        goes_on: Option<usize>,
    ) -> Result<Self, Error> {
        let file = direction.file();
        let directive = wants_foreign_keys(sql).map_err(|why| RunError::Directive { file, why });
        let script = Script::parse(sql, engine).map_err(|why| RunError::Script { file, why });
        match directive.and_then(|foreign_keys| Ok((foreign_keys, script?))) {
            Ok((foreign_keys, script)) => Ok(Self { migration, direction, script, foreign_keys, goes_on }),
            Err(why) => Err(Error::Migration { name: migration.name, source: why.into() }),
        }
    }

    pub(super) const fn owner(&self) -> Owner {
        self.migration.owner
    }

    /// Whether it goes on where it stopped.
    pub(super) const fn goes_on(&self) -> bool {
        self.goes_on.is_some()
    }

    pub(super) const fn script(&self) -> &Script {
        &self.script
    }

    pub(super) const fn migration(&self) -> &Migration {
        &self.migration
    }

    /// Does it as long as the `lock` is ours, and gives the migration's name.
    pub(super) fn run(self, conn: &mut Conn, lock: &MigrationLock) -> Result<String, Error> {
        let name = &self.migration.name;
        match (self.direction, self.goes_on) {
            (Direction::Up, Some(statement)) => {
                tracing::warn!(migration = name, statement, "going on with a migration that had begun and did not end");
            }
            (Direction::Up, None) => tracing::info!(migration = name, "running a migration"),
            (Direction::Down, Some(statement)) => {
                tracing::warn!(migration = name, statement, "going on with taking back a migration");
            }
            (Direction::Down, None) => tracing::info!(migration = name, "taking back a migration"),
        }
        match self.attempt(conn, lock) {
            Ok(()) => Ok(self.migration.name),
            Err(source) => {
                let progress = self.note_failure(conn, &*source);
                Err(self.failed(source, progress))
            }
        }
    }

    /// Whether a failure takes all of it back: MySQL commits with each statement that changes the schema.
    fn leaves_nothing(&self, conn: &Conn) -> bool {
        self.migration.in_transaction && conn.engine() == Engine::Sqlite
    }

    /// Records a failure where that may be, and says what is left of the migration.
    fn note_failure(&self, conn: &mut Conn, source: &(dyn std::error::Error + 'static)) -> Progress {
        if self.leaves_nothing(conn) {
            return Progress::None;
        }
        let recorded = deadline::until(Instant::now() + LAST_WORDS, || self.record_failure(conn, source));
        recorded.unwrap_or(Progress::Unknown) // such as where the connection is lost
    }

    /// Where it is the record that failed and no statement, what it says of the one before is too old to go on by.
    fn record_failure(&self, conn: &mut Conn, source: &(dyn std::error::Error + 'static)) -> QueryResult<Progress> {
        session::roll_back(conn)?;
        let reached = ledger::reached(conn, &self.migration)?;
        if self.is_first_down() && reached == 0 {
            return ledger::keep(conn, &self.migration).map(|()| Progress::Until(0)); // whatever failed
        }
        let Some(RunError::Statement { number, .. }) = source.downcast_ref() else { return Ok(Progress::Unknown) };
        let is_taken_back = (reached as usize) < *number;
        if !is_taken_back && !self.script.statements()[number - 1].is_atomic() {
            return Ok(Progress::Unknown);
        }
        if self.is_first_down() && reached == 1 {
            ledger::keep(conn, &self.migration)?;
        } else {
            let problem = Chain(source).to_string();
            ledger::fail(conn, &self.migration, self.direction, &problem, &self.script.checksum(usize::MAX))?;
        }
        Ok(Progress::Until(reached))
    }

    /// Whether nothing of its down.sql has run before. Of one that goes on, any statement may have taken effect.
    const fn is_first_down(&self) -> bool {
        matches!((self.direction, self.goes_on), (Direction::Down, None))
    }

    fn failed(self, source: BoxError, progress: Progress) -> Error {
        let (name, of) = (&self.migration.name, self.script.statements().len());
        let source = match self.direction {
            Direction::Up => progress.explain(source, name),
            Direction::Down => progress.explain_down(source, name, of, self.goes_on.is_some()),
        };
        let name = self.migration.name;
        if deadline::has_passed() {
            Error::MigrationDeadline { name, source }
        } else {
            Error::Migration { name, source }
        }
    }

    fn attempt(&self, conn: &mut Conn, lock: &MigrationLock) -> Result<(), BoxError> {
        if !self.leaves_nothing(conn) {
            self.begin(conn)?;
        }
        foreign_keys::enforce(conn, self.foreign_keys)?;
        if self.migration.in_transaction {
            transaction(conn, |conn| self.apply_if_sound(conn, lock))?;
        } else {
            self.apply(conn, lock)?;
        }
        if !self.leaves_nothing(conn) {
            session::commit(conn)?;
        }
        Ok(foreign_keys::enforce(conn, true)?)
    }

    fn begin(&self, conn: &mut Conn) -> QueryResult<()> {
        match (self.goes_on, self.direction) {
            (None, Direction::Up) => ledger::begin(conn, &self.migration),
            (None, Direction::Down) => ledger::begin_down(conn, &self.migration),
            (Some(first), direction) => {
                ledger::go_on(conn, &self.migration, direction, first, &self.script.checksum(first - 1))
            }
        }
    }

    fn apply_if_sound(&self, conn: &mut Conn, lock: &MigrationLock) -> Result<(), BoxError> {
        let before = Violations::read(conn)?;
        self.run_statements(conn, lock)?;
        if let Some(dangling) = Violations::read(conn)?.since(&before) {
            return Err(RunError::Dangling(dangling).into());
        }
        Ok(self.record(conn)?)
    }

    fn record(&self, conn: &mut Conn) -> QueryResult<()> {
        match self.direction {
            Direction::Up => ledger::end(conn, &self.migration, &self.script.checksum(usize::MAX)),
            Direction::Down => ledger::take_back(conn, &self.migration),
        }
    }

    /// What its statements do stays, also if it fails.
    fn apply(&self, conn: &mut Conn, lock: &MigrationLock) -> Result<(), BoxError> {
        let before = Violations::read(conn)?;
        let ran = self.run_statements(conn, lock);
        let checked = Violations::read(conn).map(|after| after.since(&before));
        if let Ok(Some(dangling)) = &checked {
            let name = &self.migration.name;
            tracing::warn!("migration `{name}`, in no transaction, leaves rows that refer to nothing: {dangling}");
        }
        ran?;
        checked?;
        Ok(self.record(conn)?)
    }

    fn run_statements(&self, conn: &mut Conn, lock: &MigrationLock) -> Result<(), BoxError> {
        let (first, is_recorded) = (self.goes_on.unwrap_or(1), !self.leaves_nothing(conn));
        let (mut sum, mut has_locked) = (Checksum::new(), false);
        for (number, statement) in (1..).zip(self.script.statements()) {
            if is_recorded && number >= first {
                let needs_transaction = self.migration.in_transaction && statement.changes_rows() && !has_locked;
                self.reach(conn, number, &sum.hex(), lock, needs_transaction)?;
            }
            if number >= first || statement.is_setting() && conn.engine() == Engine::Mysql {
                self.run_statement(conn, statement).map_err(|source| self.at(number, statement, source))?;
            }
            sum = statement.add_to(sum);
            has_locked = statement.locks_tables() || has_locked && !statement.unlocks_tables();
        }
        Ok(())
    }

    /// Records which statement is next. MySQL has ended the transaction with each statement that changed the schema: for
    /// one that `needs_transaction` another begins, so that a failure takes back its rows and those of what follows.
    fn reach(
        &self,
        conn: &mut Conn,
        number: usize,
        checksum: &str,
        lock: &MigrationLock,
        needs_transaction: bool,
    ) -> Result<(), BoxError> {
        let has_transaction = session::has_transaction(conn)?;
        if !ledger::reach(conn, &self.migration, number, checksum, lock.token())? {
            return Err(RunError::Unlocked.into());
        }
        if !has_transaction {
            conn.batch_execute("COMMIT")?; // without `autocommit` the record would be taken back with what follows
            if needs_transaction {
                conn.batch_execute("BEGIN")?;
            }
        }
        Ok(())
    }

    fn run_statement(&self, conn: &mut Conn, statement: &Statement) -> QueryResult<()> {
        // Or what is recorded next would be refused.
        match statement.locking(&ledger::locked(self.owner())) {
            Some(locking) => conn.batch_execute(&locking),
            None => run_patiently(conn, statement),
        }
    }

    fn at(&self, number: usize, statement: &Statement, source: diesel::result::Error) -> RunError {
        let (of, file) = (self.script.statements().len(), self.direction.file());
        RunError::Statement { number, of, line: statement.line, file, source }
    }
}

impl Direction {
    const fn file(self) -> &'static str {
        match self {
            Self::Up => "up.sql",
            Self::Down => "down.sql",
        }
    }
}

/// Runs it, again and again where it changes the schema and another session has a lock: as long as it waits for that,
/// it keeps all others from the table.
fn run_patiently(conn: &mut Conn, statement: &Statement) -> QueryResult<()> {
    let mut is_told = false;
    loop {
        match conn.batch_execute(&statement.sql) {
            Err(error) if statement.changes_schema() && failure::is_lock_wait(&error) && !deadline::has_passed() => {
                if !std::mem::replace(&mut is_told, true) {
                    let line = statement.line;
                    tracing::warn!(
                        line,
                        "a statement of the migration waits for a lock of another session; trying again"
                    );
                }
                sleep(PAUSE.min(deadline::remaining().unwrap_or(PAUSE)));
            }
            outcome => return outcome,
        }
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
