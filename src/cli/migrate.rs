use std::time::Instant;

use foobar_core::{BoxError, Chain, log};
use foobar_db::{Db, MigrationStatus};

use super::arguments::Migrate;
use super::output::{Exit, complain, out};
use super::runtime::block_on;
use crate::composition::Composition;

pub(super) fn run(composition: &Composition, action: Migrate) -> Exit {
    let _log = match log::init(&composition.settings.log) {
        Ok(log) => log,
        Err(error) => return complain(error),
    };
    let Some(database) = &composition.database else {
        return complain("there is no database: the application has no migrations and database.url is not set");
    };
    let done = block_on(async {
        let tier = database.tier();
        tier.start().await?;
        let done = act(composition, database, action).await;
        tier.drain(Instant::now() + *composition.settings.server.shutdown_timeout).await;
        done
    });
    match done {
        Ok(lines) => out(lines.join("\n")),
        Err(error) => complain(Chain(&*error)),
    }
}

const fn column(status: &MigrationStatus) -> &'static str {
    match status {
        MigrationStatus::Done => "done   ",
        MigrationStatus::Begun { .. } => "begun  ",
        MigrationStatus::Pending => "pending",
    }
}

async fn act(composition: &Composition, database: &Db, action: Migrate) -> Result<Vec<String>, BoxError> {
    match action {
        Migrate::Status => {
            let all = database.migration_status(&composition.migrations).await?;
            Ok(all.into_iter().map(|(name, status)| format!("{}  {name}", column(&status))).collect())
        }
        Migrate::Run => {
            let run = database.migrate(&composition.migrations).await?;
            let lines: Vec<_> = run.into_iter().map(|name| format!("migrated  {name}")).collect();
            Ok(if lines.is_empty() { vec!["nothing to migrate".to_owned()] } else { lines })
        }
    }
}
