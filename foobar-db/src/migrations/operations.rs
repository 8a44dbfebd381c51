//! What is done to a schema: migrations are run, taken back, or noted as done.

mod steps;

use foobar_core::BoxError;

use super::Migrations;
use super::ledger;
use super::migration::{Migration, Owner};
use super::migration_status::MigrationStatus;
use super::resume::Resume;
use super::run::Step;
use crate::migration_lock::MigrationLock;
use crate::{Conn, Error};

use steps::{down, pending};

impl Migrations {
    /// Runs what has not run yet on `database`, as a log names it; the names of what ran.
    pub(crate) fn run(&self, conn: &mut Conn, database: &str, resume: Resume) -> Result<Vec<String>, Error> {
        if self.is_empty() {
            return Ok(Vec::new());
        }
        self.warnings(conn.engine()).iter().for_each(|warning| tracing::warn!("{warning}"));
        let mut lock = MigrationLock::acquire(conn)?;
        if !self.has_pending(conn, database)? {
            return refuse_from(resume).map(|()| Vec::new()); // whoever only serves may make no table
        }
        lock.claim(conn)?;
        let outcome = self.run_pending(conn, resume, &lock);
        lock.release(conn);
        outcome
    }

    /// Whether anything is left to run. What has begun is judged once the lock is ours: another process may run it now.
    fn has_pending(&self, conn: &mut Conn, database: &str) -> Result<bool, Error> {
        let (framework, of_framework) = self.read(conn, Owner::Framework)?;
        let (all, ledger) = self.read(conn, Owner::Application)?;
        if let unknown @ [_, ..] = &ledger.unknown(&all)[..] {
            let versions = unknown.join(", ");
            tracing::warn!(database, versions, "the database has migrations that this program does not have");
        }
        let framework = framework.iter().map(|migration| (of_framework.status(migration), migration));
        let elsewhere = ledger.begun_elsewhere(&all);
        let mut has_pending = elsewhere.iter().any(|(_, name, status)| status.refuse_half_down(name).is_some());
        for (status, migration) in framework.chain(all.iter().map(|migration| (ledger.status(migration), migration))) {
            match status {
                MigrationStatus::Done => {}
                MigrationStatus::Changed => return Err(Error::MigrationChanged(migration.name.clone())),
                _ => has_pending = true, // or is taken back in half, which is an error then
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
        let elsewhere = ledger.begun_elsewhere(&all);
        if let Some(error) = elsewhere.iter().find_map(|(_, name, status)| status.refuse_half_down(name)) {
            return Err(error);
        }
        steps.extend(pending(all, &ledger, conn.engine(), resume)?);
        Ok(steps)
    }

    /// Takes back the application's last migration that has run, or goes on with that where it has begun and failed, and
    /// runs it again where it is to be `redone`; its name, or `None` where none has run. An error, and nothing done, where
    /// one has begun and not ended.
    pub(crate) fn take_back(&self, conn: &mut Conn, redone: bool) -> Result<Option<String>, Error> {
        let mut lock = MigrationLock::acquire(conn)?;
        let (_, ledger) = self.read(conn, Owner::Application)?;
        if ledger.is_empty() {
            return Ok(None);
        }
        lock.claim(conn)?;
        let outcome = self.take_last_back(conn, redone, Resume::Never, &lock);
        lock.release(conn);
        outcome
    }

    /// Goes on with taking back the migration with which that began and did not end; its name, or `None` where there is none.
    pub(crate) fn resume_down(&self, conn: &mut Conn, resume: Resume) -> Result<Option<String>, Error> {
        let mut lock = MigrationLock::acquire(conn)?;
        if self.read(conn, Owner::Application)?.1.half_down().is_none() {
            return Ok(None);
        }
        lock.claim(conn)?;
        let is_half_down = self.read(conn, Owner::Application).map(|(_, ledger)| ledger.half_down().is_some());
        let outcome = match is_half_down {
            Ok(true) => self.take_last_back(conn, false, resume, &lock),
            Ok(false) => Ok(None), // another process has ended it meanwhile
            Err(error) => Err(error),
        };
        lock.release(conn);
        outcome
    }

    fn take_last_back(
        &self,
        conn: &mut Conn,
        redone: bool,
        resume: Resume,
        lock: &MigrationLock,
    ) -> Result<Option<String>, Error> {
        let (all, ledger) = self.read(conn, Owner::Application)?;
        ledger.refuse_begun()?;
        let Some(version) = ledger.last() else { return Ok(None) };
        let last = all.into_iter().find(|migration| migration.version == version);
        let last = last.ok_or_else(|| Error::UnknownMigration(version.to_owned()))?;
        let up = redone.then(|| Step::up(last.clone(), conn.engine(), None)).transpose()?;
        let down = down(last, &ledger, conn.engine(), resume)?;
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
