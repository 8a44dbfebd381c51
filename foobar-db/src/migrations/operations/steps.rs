//! Where a migration begins, or goes on.

use crate::migrations::ledger::Ledger;
use crate::migrations::migration::Migration;
use crate::migrations::migration_status::MigrationStatus;
use crate::migrations::resume::Resume;
use crate::migrations::run::{RunError, Step};
use crate::{Engine, Error};

/// What is to run of these.
pub(super) fn pending(
    all: Vec<Migration>,
    ledger: &Ledger,
    engine: Engine,
    resume: Resume,
) -> Result<Vec<Step>, Error> {
    let mut steps = Vec::new();
    for migration in all {
        let status = ledger.status(&migration);
        if let Some(error) = status.refuse_half_down(&migration.name) {
            return Err(error);
        }
        let goes_on = match status {
            MigrationStatus::Done => continue,
            MigrationStatus::Changed => return Err(Error::MigrationChanged(migration.name)),
            MigrationStatus::Begun { on, statement } => Some(stopped(&migration.name, on, statement, resume)?),
            MigrationStatus::Failed { statement, .. } => Some(statement),
            MigrationStatus::Pending | MigrationStatus::HalfDown { .. } => None,
            MigrationStatus::Unknown | MigrationStatus::BegunElsewhere { .. } => None,
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

/// What takes `migration` back, or goes on with that; an error where somebody has to look first.
pub(super) fn down(migration: Migration, ledger: &Ledger, engine: Engine, resume: Resume) -> Result<Step, Error> {
    let MigrationStatus::HalfDown { on, statement: stopped, problem } = ledger.status(&migration) else {
        return Step::down(migration, engine, None);
    };
    let goes_on = match (resume, problem) {
        (Resume::With(statement), _) => statement,
        (Resume::Never, None) => return Err(Error::DownUnfinished { name: migration.name, on, statement: stopped }),
        (Resume::Never | Resume::There, _) => stopped,
    };
    let step = Step::down(migration, engine, Some(goes_on as usize))?;
    let name = step.migration().name.clone();
    match refused_down(&step, ledger, engine, stopped, resume, goes_on) {
        Some(why) => Err(Error::Migration { name, source: why.into() }),
        None => Ok(step),
    }
}

fn refused_down(
    step: &Step,
    ledger: &Ledger,
    engine: Engine,
    stopped: u32,
    resume: Resume,
    goes_on: u32,
) -> Option<RunError> {
    let of = step.script().statements().len();
    if !ledger.agrees(step.migration(), step.script()) {
        return Some(RunError::DownAltered { statement: stopped, name: step.migration().name.clone() });
    }
    if goes_on == 0 || goes_on as usize > of + 1 {
        return Some(RunError::NoSuchDown { statement: goes_on, of });
    }
    let lost = step.script().lost_before(stopped.saturating_sub(1) as usize, engine)?;
    (!matches!(resume, Resume::With(_))).then_some(RunError::DownSession { statement: stopped, lost: lost + 1 })
}
