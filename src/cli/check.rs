use foobar_app::Db;
use foobar_core::{BoxError, Chain};
use foobar_db::{MigrationStatus, Presence};

use super::output::{Exit, complain, fail, out, warn};
use super::runtime::block_on;
use super::{installed_log, migrate};
use crate::composition::Composition;
use crate::settings::AllSettings;

/// Says whether the server would start: everything has been parsed and compiled; now what can be opened is tried.
pub(super) fn run(composition: &Composition) -> Exit {
    let log = installed_log::check(&composition.config, &composition.settings.log);
    if let Err(error) = log.and_then(|_opened| installed_log::check_access_log(&composition.config)) {
        return fail(&error);
    }
    if let Err(error) = block_on(async { Ok(composition.check().await?) }) {
        return complain(Chain(&*error));
    }
    let AllSettings { log, web, .. } = &composition.settings;
    installed_log::clash(&composition.config, log, &web.access_log).iter().for_each(warn);
    composition.warnings().iter().for_each(warn);
    let pending = composition.database.as_ref().map_or(Ok(()), |database| schema(composition, database));
    if let Err(error) = pending {
        return complain(Chain(&*error));
    }
    let file = composition.config.file();
    let file = file.map_or("no file".to_owned(), |file| file.display().to_string());
    out(format_args!("the configuration is good ({file})"))
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
    Ok(())
}
