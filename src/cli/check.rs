use foobar_app::Db;
use foobar_core::{BoxError, Chain};
use foobar_db::{Error as DbError, MigrationStatus, Presence};
use foobar_web::WebSettings;

use super::output::{Exit, complain, fail, out, warn};
use super::runtime::block_on;
use super::{control, installed_log, migrate};
use crate::StartError;
use crate::composition::Composition;

/// What a start does about pending migrations where `database.migrate_on_start` is off.
pub(super) const WAITS: &str = "a start waits for them: run `migrate`";

/// Says whether the server would start: everything has been parsed and compiled; now what can be opened is tried.
pub(super) fn run(composition: &Composition) -> Exit {
    let clash = match logs(composition) {
        Ok(clash) => clash,
        Err(error) => return fail(&error),
    };
    let of_control = match control::check(&composition.config, &composition.settings.control) {
        Ok(surprise) => surprise,
        Err(error) => return fail(&error),
    };
    if let Err(error) = block_on(async { Ok(composition.check().await?) }) {
        return complain(Chain(&*error));
    }
    clash.iter().chain(&of_control).for_each(warn);
    composition.warnings().iter().for_each(warn);
    let pending = composition.database.as_ref().map_or(Ok(()), |database| schema(composition, database));
    if let Err(error) = pending {
        return complain(Chain(&*error));
    }
    let file = composition.config.file();
    let file = file.map_or("no file".to_owned(), |file| file.display().to_string());
    out(format_args!("the configuration is good ({file})"))
}

/// Whether the logs can be opened, and what may surprise about them. The composition of a command has no access log.
fn logs(composition: &Composition) -> Result<Option<String>, StartError> {
    let (config, log) = (&composition.config, &composition.settings.log);
    installed_log::check(config, log)?;
    installed_log::check_access_log(config)?;
    let web: WebSettings = config.section()?;
    Ok(installed_log::clash(config, log, &web.access_log))
}

/// Says what a start would do to the database.
fn schema(composition: &Composition, database: &Db) -> Result<(), BoxError> {
    let (presence, all) = block_on(async { Ok(database.check_migrations(&composition.migrations).await?) })?;
    composition.migration_warnings().iter().for_each(warn);
    if presence == Presence::Missing {
        out(format_args!("missing  {}; a start makes it", database.describe()));
    }
    let others = all.iter().filter(|(_, status)| *status != MigrationStatus::Done);
    others.for_each(|(name, status)| _ = out(migrate::line(name, status)));
    refuse_begun(&all)?;
    let mut states = all.iter().map(|(_, status)| status);
    let is_to_run = states.any(|status| matches!(status, MigrationStatus::Pending | MigrationStatus::Failed { .. }));
    if is_to_run && !database.migrates_on_start() {
        out(WAITS);
    }
    Ok(())
}

/// What a start would refuse, or come to a stop at again.
fn refuse_begun(all: &[(String, MigrationStatus)]) -> Result<(), BoxError> {
    for (name, status) in all {
        if let Some(error) = status.refuse_half_down(name) {
            return Err(error.into());
        }
        let name = name.clone();
        match status {
            MigrationStatus::Changed => return Err(DbError::MigrationChanged(name).into()),
            MigrationStatus::Begun { on, statement: Some(statement @ 1..) } => {
                return Err(DbError::MigrationUnfinished { name, on: on.clone(), statement: *statement }.into());
            }
            MigrationStatus::Begun { on, statement: None } => {
                return Err(DbError::MigrationUnrecorded { name, on: on.clone() }.into());
            }
            MigrationStatus::Failed { changed: true, .. } => {} // a start goes on with it
            MigrationStatus::Failed { statement, problem, .. } => {
                return Err(format!(
                    "migration `{name}` failed, and a start may again: it goes on with statement {} of its up.sql, after \
                     {problem}",
                    statement.max(&1)
                )
                .into());
            }
            _ => {}
        }
    }
    Ok(())
}
