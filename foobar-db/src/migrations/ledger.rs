//! Which migrations have run, and which have begun and not ended. The application's have run by Diesel's table; the
//! framework's have tables of their own, so that neither knows the other's versions.

mod record;

use std::collections::{HashMap, HashSet};

use diesel::QueryResult;
use diesel::prelude::*;

use super::migration::{Migration, Owner};
use super::migration_status::MigrationStatus;
use super::script::Script;
use crate::{Conn, Engine, Error};

use record::{Record, State};
pub(super) use record::{
    begin, begin_down, create_records, end, fail, go_on, keep, locked, prepare, reach, reached, take_back,
};

/// What is recorded of all migrations, by their versions.
pub(super) struct Ledger {
    engine: Engine,
    owner: Owner,
    done: HashSet<String>,
    /// A row whose version is not done is a migration whose statements may have taken effect. Of one that is done, it
    /// has the checksum, unless its process was killed between the two.
    records: HashMap<String, Record>,
}

impl Ledger {
    /// Changes nothing: in a database without the tables nothing has run.
    pub(super) fn read(conn: &mut Conn, owner: Owner) -> QueryResult<Self> {
        let (engine, done) = (conn.engine(), record::done(conn, owner)?);
        let records = record::records(conn, owner)?.into_iter().map(|record| (record.version.clone(), record));
        Ok(Self { engine, owner, done: done.into_iter().collect(), records: records.collect() })
    }

    pub(super) fn status(&self, migration: &Migration) -> MigrationStatus {
        let record = self.records.get(&migration.version);
        if self.done.contains(&migration.version) {
            if let Some(half) = record.filter(|record| record.is_half_down()) {
                return half_down(half);
            }
            let is_changed = record.is_some_and(|record| self.is_changed(migration, record));
            return if is_changed { MigrationStatus::Changed } else { MigrationStatus::Done };
        }
        match record.map(|record| (record, record.state())) {
            // Taken back, by us or by another tool.
            None | Some((_, State::Done | State::Down | State::DownFailed)) => MigrationStatus::Pending,
            Some((record, State::Running)) => {
                MigrationStatus::Begun { on: record.begun_on.clone(), statement: record.statement() }
            }
            Some((record, State::Failed)) => MigrationStatus::Failed {
                on: record.begun_on.clone(),
                statement: record.statement().unwrap_or(0), // there is one of what has failed
                problem: record.problem.clone().unwrap_or_default(), // the same
                changed: self.is_corrected(migration, record),
            },
        }
    }

    /// Those of the framework are its own to keep: nobody who is told of them could do anything about it.
    fn is_changed(&self, migration: &Migration, record: &Record) -> bool {
        let script = Script::parse(&migration.up, self.engine).ok(); // what has run before it was understood
        let now = script.map(|script| script.checksum(usize::MAX));
        self.owner == Owner::Application && record.of_up().zip(now.as_ref()).is_some_and(|(then, now)| then != now)
    }

    /// Whether what failed is not what `migration` is now, while what took effect before it is, so that it can go on.
    fn is_corrected(&self, migration: &Migration, record: &Record) -> bool {
        let Ok(script) = Script::parse(&migration.up, self.engine) else { return false };
        let is_another = record.attempted.as_ref().is_some_and(|then| *then != script.checksum(usize::MAX));
        is_another && self.agrees(migration, &script) && script.lost_before(record.ran(), self.engine).is_none()
    }

    /// Whether the statements of `migration` that have taken effect are those of `script`.
    pub(super) fn agrees(&self, migration: &Migration, script: &Script) -> bool {
        let Some(record) = self.records.get(&migration.version) else { return true };
        let is_recorded = record.checksum.as_ref().filter(|_| record.statement().is_some());
        is_recorded.is_none_or(|then| *then == script.checksum(record.ran()))
    }

    /// The versions that have run and are none of `migrations`, but for those that are taken back in half.
    pub(super) fn unknown(&self, migrations: &[Migration]) -> Vec<String> {
        let known: HashSet<&str> = migrations.iter().map(|migration| migration.version.as_str()).collect();
        let is_half_down = |version: &String| self.records.get(version).is_some_and(Record::is_half_down);
        let is_unknown = |version: &&String| !known.contains(version.as_str()) && !is_half_down(version);
        let mut unknown: Vec<_> = self.done.iter().filter(is_unknown).cloned().collect();
        unknown.sort_unstable();
        unknown
    }

    /// Version and name of those that have begun and not ended, or are taken back in half, and are none of `migrations`,
    /// with their status.
    pub(super) fn begun_elsewhere(&self, migrations: &[Migration]) -> Vec<(String, String, MigrationStatus)> {
        let is_known = |record: &Record| migrations.iter().any(|migration| migration.version == record.version);
        let begun = |record: &Record| MigrationStatus::BegunElsewhere { on: record.begun_on.clone() };
        let half_down = self.all_half_down().map(|record| (record, half_down(record)));
        let all = self.unfinished().map(|record| (record, begun(record))).chain(half_down);
        let elsewhere = all.filter(|(record, _)| !is_known(record));
        elsewhere.map(|(record, status)| (record.version.clone(), record.name.clone(), status)).collect()
    }

    fn unfinished(&self) -> impl Iterator<Item = &Record> {
        let has_begun = |record: &Record| matches!(record.state(), State::Running | State::Failed);
        self.records.values().filter(move |record| has_begun(record) && !self.done.contains(&record.version))
    }

    fn all_half_down(&self) -> impl Iterator<Item = &Record> {
        self.records.values().filter(|record| record.is_half_down() && self.done.contains(&record.version))
    }

    /// The version of the last one that is taken back in half, if one is.
    pub(super) fn half_down(&self) -> Option<&str> {
        self.all_half_down().map(|record| record.version.as_str()).max()
    }

    /// An error where a migration, of this program or of another, has begun and not ended, or has failed.
    pub(super) fn refuse_begun(&self) -> Result<(), Error> {
        match self.unfinished().max_by_key(|record| &record.version) {
            None => Ok(()),
            Some(record) => {
                let Record { version, name, begun_on: on, .. } = record;
                let (name, version, on) = (name.clone(), version.clone(), on.clone());
                Err(match record.state() {
                    State::Failed => Error::MigrationFailed { name, version, on },
                    _ => Error::MigrationBegun { name, version, on },
                })
            }
        }
    }

    /// Whether nothing has run, nor begun.
    pub(super) fn is_empty(&self) -> bool {
        self.done.is_empty() && self.unfinished().next().is_none()
    }

    /// The version that is taken back next: one whose taking back has not ended, or the last one that has run.
    pub(super) fn last(&self) -> Option<&str> {
        self.half_down().or_else(|| self.done.iter().map(String::as_str).max())
    }
}

fn half_down(record: &Record) -> MigrationStatus {
    MigrationStatus::HalfDown {
        on: record.begun_on.clone(),
        statement: record.statement().unwrap_or(1), // which each has
        problem: record.problem.clone().filter(|_| record.state() == State::DownFailed),
    }
}

/// Records that `migration` has run, whatever is recorded of it, without running it.
pub(super) fn mark_done(conn: &mut Conn, migration: &Migration, checksum: &str) -> QueryResult<()> {
    create_records(conn, migration.owner)?;
    conn.transaction(|conn| {
        record::forget_done(conn, migration)?;
        end(conn, migration, checksum)
    })
}
