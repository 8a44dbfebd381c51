//! What is done to a schema: migrations are run, taken back, or noted as done.

use foobar_core::BoxError;

use super::Migrations;
use super::ledger::{self, Ledger};
use super::migration::{Migration, Owner};
use super::migration_status::MigrationStatus;
use super::run::Step;
use crate::migration_lock::MigrationLock;
use crate::{Conn, Engine, Error};

/// Where a migration that began and did not end goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resume {
    /// Nowhere, where it is not known what has taken effect.
    Never,
    /// With the statement that may have taken effect.
    There,
    /// With this one, from 1.
    With(u32),
}

impl Migrations {
    /// Runs what has not run yet; the names of what ran.
    pub(crate) fn run(&self, conn: &mut Conn, resume: Resume) -> Result<Vec<String>, Error> {
        if self.is_empty() {
            return Ok(Vec::new());
        }
        self.warnings(conn.engine()).iter().for_each(|warning| tracing::warn!("{warning}"));
        let mut lock = MigrationLock::acquire(conn)?;
        if !self.has_pending(conn)? {
            return refuse_from(resume).map(|()| Vec::new()); // whoever only serves may make no table
        }
        lock.claim(conn)?;
        let outcome = self.run_pending(conn, resume, &lock);
        lock.release(conn);
        outcome
    }

    /// Whether anything is left to run. What has begun is judged once the lock is ours: another process may run it now.
    fn has_pending(&self, conn: &mut Conn) -> Result<bool, Error> {
        let (framework, of_framework) = self.read(conn, Owner::Framework)?;
        let (all, ledger) = self.read(conn, Owner::Application)?;
        if let unknown @ [_, ..] = &ledger.unknown(&all)[..] {
            let versions = unknown.join(", ");
            tracing::warn!(versions, "the database has migrations that this program does not have");
        }
        let framework = framework.iter().map(|migration| (of_framework.status(migration), migration));
        let mut has_pending = false;
        for (status, migration) in framework.chain(all.iter().map(|migration| (ledger.status(migration), migration))) {
            match status {
                MigrationStatus::Done => {}
                MigrationStatus::Changed => return Err(Error::MigrationChanged(migration.name.clone())),
                _ => has_pending = true,
            }
        }
        Ok(has_pending)
    }

    fn run_pending(&self, conn: &mut Conn, resume: Resume, lock: &MigrationLock) -> Result<Vec<String>, Error> {
        let steps = self.pending(conn, resume)?; // what another server's session has done meanwhile is done
        if !steps.iter().any(Step::goes_on) {
            refuse_from(resume)?;
        }
        for owner in [Owner::Framework, Owner::Application] {
            if steps.iter().any(|step| step.owner() == owner) {
                ledger::prepare(conn, owner).map_err(Error::MigrationState)?;
            }
        }
        steps.into_iter().map(|step| step.run(conn, lock)).collect()
    }

    /// What is to run, the framework's first; before the first one runs, all of it is understood.
    fn pending(&self, conn: &mut Conn, resume: Resume) -> Result<Vec<Step>, Error> {
        let (framework, ledger) = self.read(conn, Owner::Framework)?;
        let mut steps = pending(framework, &ledger, conn.engine(), resume)?;
        let (all, ledger) = self.read(conn, Owner::Application)?;
        steps.extend(pending(all, &ledger, conn.engine(), resume)?);
        Ok(steps)
    }

    /// Takes back the application's last migration that has run, and runs it again where it is to be `redone`; its
    /// name, or `None` where none has run. An error, and nothing done, where one has begun and not ended.
    pub(crate) fn take_back(&self, conn: &mut Conn, redone: bool) -> Result<Option<String>, Error> {
        let mut lock = MigrationLock::acquire(conn)?;
        let (_, ledger) = self.read(conn, Owner::Application)?;
        if ledger.is_empty() {
            return Ok(None);
        }
        lock.claim(conn)?;
        let outcome = self.take_last_back(conn, redone, &lock);
        lock.release(conn);
        outcome
    }

    fn take_last_back(&self, conn: &mut Conn, redone: bool, lock: &MigrationLock) -> Result<Option<String>, Error> {
        let (all, ledger) = self.read(conn, Owner::Application)?;
        ledger.refuse_begun()?;
        let Some(version) = ledger.last() else { return Ok(None) };
        let last = all.into_iter().find(|migration| migration.version == version);
        let last = last.ok_or_else(|| Error::UnknownMigration(version.to_owned()))?;
        let up = redone.then(|| Step::up(last.clone(), conn.engine(), None)).transpose()?;
        let down = Step::down(last, conn.engine())?;
        prepare_for_down(conn, down.owner()).map_err(Error::MigrationState)?;
        let name = down.run(conn, lock)?;
        up.map_or(Ok(name), |up| up.run(conn, lock)).map(Some)
    }

    /// Notes that the migration of this name or version has run, without running it; its name.
    pub(crate) fn mark_done(&self, conn: &mut Conn, name: &str) -> Result<String, Error> {
        let mut lock = MigrationLock::acquire(conn)?;
        let all = [Owner::Framework, Owner::Application].map(|owner| self.list(conn.engine(), owner));
        let [framework, application] = all;
        let mut all = application?.into_iter().chain(framework?);
        let is_meant = |migration: &Migration| migration.name == name || migration.version == name;
        let migration = all.find(is_meant).ok_or_else(|| Error::NoSuchMigration(name.to_owned()))?;
        let step = Step::up(migration, conn.engine(), None)?;
        lock.claim(conn)?;
        let outcome = mark_done(conn, &step);
        lock.release(conn);
        outcome.map(|()| step.migration().name.clone())
    }
}

/// An error where it is to go on with a statement, and nothing has stopped.
const fn refuse_from(resume: Resume) -> Result<(), Error> {
    match resume {
        Resume::With(statement) => Err(Error::NothingToResume(statement)),
        Resume::Never | Resume::There => Ok(()),
    }
}

/// What is taken back may be run again, or lock tables, with those of the ledger.
fn prepare_for_down(conn: &mut Conn, owner: Owner) -> Result<(), BoxError> {
    ledger::prepare(conn, owner)?;
    Ok(ledger::create_records(conn, owner)?)
}

fn mark_done(conn: &mut Conn, step: &Step) -> Result<(), Error> {
    ledger::prepare(conn, step.owner()).map_err(Error::MigrationState)?;
    let marked = ledger::mark_done(conn, step.migration(), &step.script().checksum(usize::MAX));
    marked.map_err(|error| Error::MigrationState(error.into()))
}

/// What is to run of these.
fn pending(all: Vec<Migration>, ledger: &Ledger, engine: Engine, resume: Resume) -> Result<Vec<Step>, Error> {
    let mut steps = Vec::new();
    for migration in all {
        let goes_on = match ledger.status(&migration) {
            MigrationStatus::Done => continue,
            MigrationStatus::Changed => return Err(Error::MigrationChanged(migration.name)),
            MigrationStatus::Begun { on, statement } => Some(stopped(&migration.name, on, statement, resume)?),
            MigrationStatus::Failed { statement, .. } => Some(statement),
            MigrationStatus::Pending | MigrationStatus::Unknown | MigrationStatus::BegunElsewhere { .. } => None,
        };
        steps.push(step(migration, ledger, engine, goes_on, resume)?);
    }
    Ok(steps)
}

/// The statement at which a migration that has begun stopped; an error where somebody has to look first.
fn stopped(name: &str, on: String, statement: Option<u32>, resume: Resume) -> Result<u32, Error> {
    match (statement, resume) {
        (Some(statement @ 1..), Resume::Never) => {
            Err(Error::MigrationUnfinished { name: name.to_owned(), on, statement })
        }
        (Some(statement), _) => Ok(statement),
        (None, Resume::With(statement)) => Ok(statement.max(1)),
        (None, Resume::Never | Resume::There) => Err(Error::MigrationUnrecorded { name: name.to_owned(), on }),
    }
}

fn step(
    migration: Migration,
    ledger: &Ledger,
    engine: Engine,
    stopped: Option<u32>,
    resume: Resume,
) -> Result<Step, Error> {
    let Some(stopped) = stopped.filter(|statement| *statement > 0) else { return Step::up(migration, engine, None) };
    let goes_on = if let Resume::With(statement) = resume { statement } else { stopped };
    let step = Step::up(migration, engine, Some(goes_on as usize))?;
    let (name, statements) = (&step.migration().name, step.script().statements());
    if !ledger.agrees(step.migration(), step.script()) {
        return Err(Error::MigrationAltered { name: name.clone(), statement: stopped });
    }
    if goes_on == 0 || goes_on as usize > statements.len() + 1 {
        return Err(Error::NoSuchStatement { name: name.clone(), statement: goes_on, of: statements.len() });
    }
    let lost = step.script().lost_before(stopped as usize - 1, engine);
    match lost.filter(|_| !matches!(resume, Resume::With(_))) {
        Some(lost) => Err(Error::MigrationSession { name: name.clone(), statement: stopped, lost: lost + 1 }),
        None => Ok(step),
    }
}
