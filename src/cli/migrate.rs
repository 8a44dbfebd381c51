use std::io;
use std::pin::pin;
use std::time::{Duration, Instant};

use foobar_app::Db;
use foobar_core::log::{BoxedLayer, LogOutput, LogSettings};
use foobar_core::{BoxError, Chain};
use foobar_db::{MigrationStatus, Presence};
use tokio::time::timeout;

use super::arguments::Migrate;
use super::installed_log::InstalledLog;
use super::migrate_check::{self, NO_DATABASE};
use super::output::{Exit, complain, out, warn};
use super::runtime::block_on;
use super::signals::Signals;
use crate::composition::Composition;

pub(super) fn run(composition: &Composition, action: &Migrate, layers: Vec<BoxedLayer>) -> Exit {
    if *action == Migrate::Status {
        return status(composition); // which makes no file, not even that of the log
    }
    if let Migrate::Check { engine, .. } = action {
        return migrate_check::of_pending(composition, *engine);
    }
    let log = match InstalledLog::install(&composition.config, &settings_of_log(composition), layers) {
        Ok(log) => log,
        Err(exit) => return exit,
    };
    let Some(database) = &composition.database else {
        return log.complain(NO_DATABASE);
    };
    let patience = *composition.settings.server.shutdown_timeout;
    let work = act(composition, database, action);
    let outcome = block_on(async {
        if matches!(action, Migrate::Down | Migrate::Redo | Migrate::MarkDone(_) | Migrate::Unlock) {
            require(database).await?; // a start would make it
        }
        let tier = database.tier();
        tier.start().await?;
        let outcome = unless_cut_off(work, patience).await?;
        match outcome {
            Some(_) => tier.drain(Instant::now() + patience).await,
            None => tier.cut_off().await,
        }
        outcome.transpose()
    });
    match outcome {
        Ok(Some(lines)) => out(lines.join("\n")),
        Ok(None) => Exit::CutOff,
        Err(error) => log.complain(told(database, &*error)),
    }
}

/// The error with the database that it is of, unless it names that itself.
fn told(database: &Db, error: &(dyn std::error::Error + 'static)) -> String {
    let (text, name) = (Chain(error).to_string(), database.describe());
    if text.contains(&name) { text } else { format!("{text} (database {name})") }
}

/// Standard output has what the command prints.
fn settings_of_log(composition: &Composition) -> LogSettings {
    let mut settings = composition.settings.log.clone();
    if settings.output == LogOutput::Stdout {
        settings.output = LogOutput::Stderr;
    }
    settings
}

/// Does work that a signal lets finish; `None` if a second signal comes, or after `patience`.
async fn unless_cut_off<T>(work: impl Future<Output = T>, patience: Duration) -> io::Result<Option<T>> {
    let mut signals = Signals::install()?;
    let mut work = pin!(work);
    tokio::select! {
        outcome = &mut work => return Ok(Some(outcome)),
        () = signals.stop() => tracing::info!("stopping after the migrations; a second signal stops at once"),
    }
    let why = tokio::select! {
        outcome = timeout(patience, work) => match outcome {
            Ok(outcome) => return Ok(Some(outcome)),
            Err(_elapsed) => "the end of server.shutdown_timeout",
        },
        () = signals.stop() => "a second signal",
    };
    tracing::error!("cut off: the migrations of the database, by {why}; if one had begun, the log has named it");
    Ok(None)
}

async fn act(composition: &Composition, database: &Db, action: &Migrate) -> Result<Vec<String>, BoxError> {
    let migrations = &composition.migrations;
    let (verb, names) = match action {
        Migrate::Down => ("took back", database.migrate_down(migrations).await?.into_iter().collect()),
        Migrate::Redo => ("redid", database.migrate_redo(migrations).await?.into_iter().collect()),
        Migrate::Resume(from) if is_half_down(composition, database).await? => {
            let name = database.migrate_resume_down(migrations, *from).await?;
            ("took back", vec![name.ok_or("nothing to take back: another process has ended that")?])
        }
        Migrate::Resume(from) => ("migrated", database.migrate_resume(migrations, *from).await?),
        Migrate::MarkDone(name) => ("marked as done", vec![database.migrate_mark_done(migrations, name).await?]),
        Migrate::Unlock => ("unlocked", database.migrate_unlock().await?.into_iter().collect()),
        Migrate::Run | Migrate::Status | Migrate::Check { .. } | Migrate::New(_) => {
            ("migrated", database.migrate(migrations).await?)
        }
    };
    let lines: Vec<String> = names.into_iter().map(|name| format!("{verb}  {name}")).collect();
    match (lines.is_empty(), action) {
        (false, _) => Ok(lines),
        (true, Migrate::Down | Migrate::Redo) => Ok(vec!["nothing to take back: no migration has run".to_owned()]),
        (true, Migrate::Unlock) => Ok(vec!["nothing to unlock: no process has left its mark".to_owned()]),
        (true, _) => Ok(vec!["nothing to migrate".to_owned()]),
    }
}

/// Whether `resume` goes on with taking one back: it then runs none, not even where another process ends that meanwhile.
async fn is_half_down(composition: &Composition, database: &Db) -> Result<bool, BoxError> {
    let all = database.migration_status(&composition.migrations).await?;
    Ok(all.iter().any(|(_, status)| matches!(status, MigrationStatus::HalfDown { .. })))
}

/// An error where there is no database to look into yet.
pub(super) async fn require(database: &Db) -> Result<(), BoxError> {
    match database.presence().await? {
        Presence::Present => Ok(()),
        Presence::Missing => Err(missing(database).into()),
    }
}

fn missing(database: &Db) -> String {
    format!("there is no database {} yet; `migrate` makes it", database.describe())
}

/// Lists them, and changes nothing.
fn status(composition: &Composition) -> Exit {
    let Some(database) = &composition.database else { return complain(NO_DATABASE) };
    let listed = block_on(async { Ok(database.check_migrations(&composition.migrations).await?) });
    match listed {
        Ok((presence, all)) => {
            composition.migration_warnings().iter().for_each(warn);
            all.iter().for_each(|(name, status)| _ = out(line(name, status)));
            if presence == Presence::Missing { complain(missing(database)) } else { Exit::Success }
        }
        Err(error) => complain(told(database, &*error)),
    }
}

/// One migration, as the command `status` shows it.
pub(super) fn line(name: &str, status: &MigrationStatus) -> String {
    let column = match status {
        MigrationStatus::Done => "done   ",
        MigrationStatus::Changed => "changed",
        MigrationStatus::Begun { statement: Some(statement), .. } => {
            return format!("begun    {name}, at its statement {statement}");
        }
        MigrationStatus::Begun { statement: None, .. } => {
            return format!("begun    {name}, at a statement not recorded");
        }
        MigrationStatus::Failed { problem, changed: false, .. } => return format!("failed   {name}: {problem}"),
        MigrationStatus::Failed { statement, problem, .. } => {
            let statement = statement.max(&1);
            return format!("failed   {name}, changed since, goes on with its statement {statement}: {problem}");
        }
        MigrationStatus::HalfDown { statement, problem: None, .. } => {
            return format!("begun    {name}, to be taken back, at statement {statement} of its down.sql");
        }
        MigrationStatus::HalfDown { statement, problem: Some(problem), .. } => {
            return format!("failed   {name}, to be taken back, at statement {statement} of its down.sql: {problem}");
        }
        MigrationStatus::BegunElsewhere { .. } => {
            return format!("begun    {name}, which this program does not have");
        }
        MigrationStatus::Pending => "pending",
        _ => "unknown", // to this program: the database has it
    };
    format!("{column}  {name}")
}
