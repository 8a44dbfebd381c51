use std::path::Path;
use std::time::Instant;

use foobar_app::Db;
use foobar_core::{BoxError, Chain};

use super::migrate::require;
use super::migrate_check::NO_DATABASE;
use super::output::{Exit, complain, out};
use super::runtime::block_on;
use crate::composition::Composition;

/// Copies the database into a new file.
pub(super) fn backup(composition: &Composition, file: &Path) -> Exit {
    on_database(composition, async |database| {
        database.backup(file).await?;
        Ok(format!("copied  {} to {}", database.describe(), file.display()))
    })
}

/// Gives the space that the database does not use back to the disk.
pub(super) fn vacuum(composition: &Composition) -> Exit {
    on_database(composition, async |database| {
        database.vacuum().await?;
        Ok(format!("vacuumed  {}", database.describe()))
    })
}

fn on_database(composition: &Composition, work: impl AsyncFnOnce(&Db) -> Result<String, BoxError>) -> Exit {
    let Some(database) = &composition.database else { return complain(NO_DATABASE) };
    let patience = *composition.settings.server.shutdown_timeout;
    let outcome = block_on(async {
        require(database).await?; // a start would make it
        let tier = database.tier();
        tier.start().await?;
        let outcome = work(database).await;
        tier.drain(Instant::now() + patience).await;
        outcome
    });
    match outcome {
        Ok(line) => out(line),
        Err(error) => complain(Chain(&*error)),
    }
}
