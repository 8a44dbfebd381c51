//! What is done to a schema: migrations are run, taken back, or noted as done.

use super::Migrations;
use super::embedded::{Migration, Owner};
use super::ledger::{self, Ledger};
use super::lock::MigrationLock;
use super::migration_status::MigrationStatus;
use super::run::Step;
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
        if self.pending(conn, resume)?.is_empty() {
            return Ok(Vec::new()); // whoever only serves may make no table
        }
        lock.claim(conn)?;
        let outcome = self.run_pending(conn, resume);
        lock.release(conn);
        outcome
    }

    fn run_pending(&self, conn: &mut Conn, resume: Resume) -> Result<Vec<String>, Error> {
        let steps = self.pending(conn, resume)?; // what another server's session has done meanwhile is done
        for owner in [Owner::Framework, Owner::Application] {
            if steps.iter().any(|step| step.owner() == owner) {
                ledger::prepare(conn, owner).map_err(Error::MigrationState)?;
            }
        }
        steps.into_iter().map(|step| step.run(conn)).collect()
    }

    /// What is to run, the framework's first; before the first one runs, all of it is understood.
    fn pending(&self, conn: &mut Conn, resume: Resume) -> Result<Vec<Step>, Error> {
        let (framework, ledger) = self.read(conn, Owner::Framework)?;
        let mut steps = pending(framework, &ledger, conn.engine(), resume)?;
        let (all, ledger) = self.read(conn, Owner::Application)?;
        if let unknown @ [_, ..] = &ledger.unknown(&all)[..] {
            let versions = unknown.join(", ");
            tracing::warn!(versions, "the database has migrations that this program does not have");
        }
        steps.extend(pending(all, &ledger, conn.engine(), resume)?);
        Ok(steps)
    }

    /// Takes back the application's last migration that has run, and runs it again where it is to be `redone`; its
    /// name, or `None` where none has run. An error, and nothing done, where one has begun and not ended.
    pub(crate) fn take_back(&self, conn: &mut Conn, redone: bool) -> Result<Option<String>, Error> {
        let mut lock = MigrationLock::acquire(conn)?;
        let (_, ledger) = self.read(conn, Owner::Application)?;
        ledger.refuse_begun()?;
        if ledger.last().is_none() {
            return Ok(None);
        }
        lock.claim(conn)?;
        let outcome = self.take_last_back(conn, redone);
        lock.release(conn);
        outcome
    }

    fn take_last_back(&self, conn: &mut Conn, redone: bool) -> Result<Option<String>, Error> {
        let (all, ledger) = self.read(conn, Owner::Application)?;
        ledger.refuse_begun()?;
        let Some(version) = ledger.last() else { return Ok(None) };
        let last = all.into_iter().find(|migration| migration.version == version);
        let last = last.ok_or_else(|| Error::UnknownMigration(version.to_owned()))?;
        let up = redone.then(|| Step::up(last.clone(), conn.engine(), None)).transpose()?;
        let name = Step::down(last, conn.engine())?.run(conn)?;
        up.map_or(Ok(name), |up| up.run(conn)).map(Some)
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
            MigrationStatus::Begun { on, statement } if resume == Resume::Never && statement > 0 => {
                return Err(Error::MigrationUnfinished { name: migration.name, on, statement });
            }
            MigrationStatus::Begun { statement, .. } | MigrationStatus::Failed { statement, .. } => Some(statement),
            MigrationStatus::Pending | MigrationStatus::Unknown | MigrationStatus::BegunElsewhere { .. } => None,
        };
        steps.push(step(migration, ledger, engine, goes_on, resume)?);
    }
    Ok(steps)
}

fn step(
    migration: Migration,
    ledger: &Ledger,
    engine: Engine,
    stopped: Option<u32>,
    resume: Resume,
) -> Result<Step, Error> {
    let goes_on = match (stopped, resume) {
        (None | Some(0), _) => None,
        (Some(_), Resume::With(statement)) => Some(statement),
        (Some(statement), Resume::Never | Resume::There) => Some(statement),
    };
    let step = Step::up(migration, engine, goes_on.map(|statement| statement as usize))?;
    match (goes_on, stopped) {
        (Some(_), Some(statement)) if !ledger.agrees(step.migration(), step.script()) => {
            Err(Error::MigrationAltered { name: step.migration().name.clone(), statement })
        }
        _ => Ok(step),
    }
}
