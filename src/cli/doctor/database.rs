use foobar_app::Db;
use foobar_core::Chain;
use foobar_core::config::Config;
use foobar_db::{DatabaseInfo, Engine, MigrationStatus, Migrations, Presence};

use super::clock;
use super::report::{Report, Topic, counted};
use crate::cli::check::WAITS;
use crate::cli::runtime::block_on;
use crate::composition::{self, Parts};
use crate::settings::AllSettings;

const TOPIC: Topic = Topic::Database;

pub(super) fn examine(report: &mut Report, config: &Config, settings: &AllSettings, parts: &Parts) {
    let opened = match &parts.database {
        Some(database) => Ok(database.clone()),
        None if settings.database.url.is_some() => composition::open(config, settings),
        None => return report.ok(TOPIC, "none: `database.url` is not set, and the application has no migrations"),
    };
    let migrations = opened.and_then(|database| Ok((database, composition::migrations(parts)?)));
    match migrations {
        Ok((database, migrations)) => reach(report, &database, &migrations),
        Err(error) => report.problem(TOPIC, Chain(&error)),
    }
}

fn reach(report: &mut Report, database: &Db, migrations: &Migrations) {
    if let Err(error) = block_on(async { Ok(database.check().await?) }) {
        return report.problem(TOPIC, Chain(&*error));
    }
    match block_on(async { Ok(database.info().await?) }) {
        Ok(info) => tell(report, database, info),
        Err(error) => return report.problem(TOPIC, Chain(&*error)),
    }
    migrations.warnings(database.engine()).iter().for_each(|warning| report.warning(TOPIC, warning));
    match block_on(async { Ok(database.check_migrations(migrations).await?) }) {
        Ok((presence, all)) => {
            half_down(report, &all);
            schema(report, presence, database.migrates_on_start(), &all);
        }
        Err(error) => report.problem(TOPIC, Chain(&*error)),
    }
}

/// A file that can be read can be written too: that was looked at before.
fn tell(report: &mut Report, database: &Db, info: Option<DatabaseInfo>) {
    let place = database.describe();
    match (info, database.engine()) {
        (None, _) => report.ok(TOPIC, format_args!("{place} is not there yet; a start makes it")),
        (Some(info), Engine::Sqlite) => {
            report.ok(TOPIC, format_args!("{place} can be read and written, by SQLite {}", info.version));
        }
        (Some(info), Engine::Mysql) => {
            report.ok(TOPIC, format_args!("{place} is reached; the server is {}", info.version));
            clock::compare(report, info.time);
            info.character_set.iter().for_each(|set| warn_of_character_set(report, set));
        }
    }
}

/// Sessions speak utf8mb4; what a table has no room for is refused by the server (strict mode), letter by letter.
fn warn_of_character_set(report: &mut Report, set: &str) {
    if set != "utf8mb4" {
        let text = "its new tables refuse letters such as emoji; run `ALTER DATABASE … CHARACTER SET utf8mb4`, and \
                    `ALTER TABLE … CONVERT TO CHARACTER SET utf8mb4` for the tables that it has";
        report.warning(TOPIC, format_args!("the character set of the database is {set}: {text}"));
    }
}

fn half_down(report: &mut Report, all: &[(String, MigrationStatus)]) {
    let is_half_down = |status: &MigrationStatus| matches!(status, MigrationStatus::HalfDown { .. });
    for (name, _) in all.iter().filter(|(_, status)| is_half_down(status)) {
        report.problem(TOPIC, format_args!("taken back in half: {name}; `migrate down` goes on, or says what to do"));
    }
}

/// `runs`: whether a start does.
fn schema(report: &mut Report, presence: Presence, runs: bool, all: &[(String, MigrationStatus)]) {
    let named = |is: fn(&MigrationStatus) -> bool| -> Vec<&str> {
        all.iter().filter(|(_, status)| is(status)).map(|(name, _)| name.as_str()).collect()
    };
    let begun = named(|status| matches!(status, MigrationStatus::Begun { .. }));
    let failed = named(|status| matches!(status, MigrationStatus::Failed { changed: false, .. }));
    let corrected = named(|status| matches!(status, MigrationStatus::Failed { changed: true, .. }));
    let changed = named(|status| matches!(status, MigrationStatus::Changed));
    let pending = named(|status| matches!(status, MigrationStatus::Pending));
    let done = named(|status| matches!(status, MigrationStatus::Done)).len();
    let unknown = named(|status| matches!(status, MigrationStatus::Unknown)).len();
    let elsewhere = named(|status| matches!(status, MigrationStatus::BegunElsewhere { .. }));
    if !elsewhere.is_empty() {
        let names = elsewhere.join(", ");
        let text = "which this program does not have; run `migrate` of the version that has it";
        report.problem(TOPIC, format_args!("began and did not end: {names}, {text}"));
    }
    if !begun.is_empty() {
        report.problem(TOPIC, format_args!("began and did not end: {}; `migrate` says what to do", begun.join(", ")));
    }
    if !failed.is_empty() {
        let text = "correct it from the statement on that failed, which `migrate status` names";
        report.problem(TOPIC, format_args!("failed: {}; {text}", failed.join(", ")));
    }
    if !corrected.is_empty() {
        let text = if runs { "a start goes on with it, or `migrate`" } else { "a start waits for it: run `migrate`" };
        report.warning(TOPIC, format_args!("failed, and changed since: {}; {text}", corrected.join(", ")));
    }
    if !changed.is_empty() {
        report.problem(TOPIC, format_args!("changed after it ran: {}; `migrate` says what to do", changed.join(", ")));
    }
    if unknown > 0 {
        let text = "that this program does not have: a newer one has run on this database";
        report.warning(TOPIC, format_args!("it has seen {} {text}", counted(unknown, "migration")));
    }
    match (presence, pending.len()) {
        (_, 0) => report.ok(TOPIC, format_args!("migrated: {}", counted(done, "migration"))),
        (Presence::Missing, count) if runs => {
            report.ok(TOPIC, format_args!("a start runs {}", counted(count, "migration")));
        }
        _ => {
            let who = if runs { "a start runs them, or `migrate`" } else { WAITS };
            report.warning(TOPIC, format_args!("pending: {}; {who}", pending.join(", ")));
        }
    }
}
