//! Which migrations have run, in Diesel's table, and which have begun and not ended, in one of ours.

use std::collections::{HashMap, HashSet};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel::{QueryResult, sql_query};
use diesel_migrations::MigrationHarness;
use foobar_core::BoxError;

use super::embedded::Migration;
use super::migration_status::MigrationStatus;
use crate::{Conn, Engine, Error};

/// A row is a migration whose statements may have taken effect although its version is not recorded. A row whose
/// version is recorded means nothing: its process was killed between the two.
const CREATE: &str = "CREATE TABLE IF NOT EXISTS __foobar_migrations (
    version VARCHAR(50) NOT NULL PRIMARY KEY,
    name VARCHAR(255) NOT NULL,
    begun_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
)";

/// What is recorded of all migrations, by their versions.
pub(super) struct Ledger {
    done: HashSet<String>,
    begun: HashMap<String, Begun>,
}

impl Ledger {
    /// Changes nothing: in a database without the tables nothing has run.
    pub(super) fn read(conn: &mut Conn) -> QueryResult<Self> {
        let done = if exists(conn, DONE)? { done(conn)? } else { Vec::new() };
        let begun = if exists(conn, BEGUN)? { begun(conn)? } else { Vec::new() };
        Ok(Self {
            done: done.into_iter().map(|row| row.version).collect(),
            begun: begun.into_iter().map(|row| (row.version.clone(), row)).collect(),
        })
    }

    pub(super) fn status(&self, migration: &Migration) -> MigrationStatus {
        match self.begun.get(&migration.version) {
            _ if self.done.contains(&migration.version) => MigrationStatus::Done,
            Some(begun) => MigrationStatus::Begun { on: begun.begun_on.clone() },
            None => MigrationStatus::Pending,
        }
    }

    /// The versions that have run and are none of `migrations`.
    pub(super) fn unknown(&self, migrations: &[Migration]) -> Vec<String> {
        let known: HashSet<&str> = migrations.iter().map(|migration| migration.version.as_str()).collect();
        let mut unknown: Vec<_> =
            self.done.iter().filter(|version| !known.contains(version.as_str())).cloned().collect();
        unknown.sort_unstable();
        unknown
    }

    /// Version and name of those that have begun and not ended and are none of `migrations`, with their status.
    pub(super) fn begun_elsewhere(&self, migrations: &[Migration]) -> Vec<(String, String, MigrationStatus)> {
        let is_known = |begun: &Begun| migrations.iter().any(|migration| migration.version == begun.version);
        let begun = self.unfinished().filter(|begun| !is_known(begun));
        let status = |on: &String| MigrationStatus::BegunElsewhere { on: on.clone() };
        begun.map(|begun| (begun.version.clone(), begun.name.clone(), status(&begun.begun_on))).collect()
    }

    fn unfinished(&self) -> impl Iterator<Item = &Begun> {
        self.begun.values().filter(|begun| !self.done.contains(&begun.version))
    }

    /// An error where a migration, of this program or of another, has begun and not ended.
    pub(super) fn refuse_begun(&self) -> Result<(), Error> {
        match self.unfinished().max_by_key(|begun| &begun.version) {
            None => Ok(()),
            Some(Begun { version, name, begun_on }) => {
                Err(Error::MigrationBegun { name: name.clone(), version: version.clone(), on: begun_on.clone() })
            }
        }
    }

    /// The last version that has run.
    pub(super) fn last(&self) -> Option<&str> {
        self.done.iter().map(String::as_str).max()
    }
}

/// Makes Diesel's table where it is missing.
pub(super) fn prepare(conn: &mut Conn) -> Result<(), BoxError> {
    conn.applied_migrations().map(drop)
}

/// Diesel's table, and ours.
const DONE: &str = "__diesel_schema_migrations";
const BEGUN: &str = "__foobar_migrations";

#[derive(QueryableByName)]
struct Done {
    #[diesel(sql_type = Text)]
    version: String,
}

fn done(conn: &mut Conn) -> QueryResult<Vec<Done>> {
    sql_query("SELECT version FROM __diesel_schema_migrations").load(conn)
}

#[derive(QueryableByName)]
struct Begun {
    #[diesel(sql_type = Text)]
    version: String,
    #[diesel(sql_type = Text)]
    name: String,
    /// In UTC.
    #[diesel(sql_type = Text)]
    begun_on: String,
}

fn begun(conn: &mut Conn) -> QueryResult<Vec<Begun>> {
    sql_query("SELECT version, name, CAST(begun_on AS CHAR) AS begun_on FROM __foobar_migrations").load(conn)
}

/// Whether the table is there; ours is made for the first migration that needs it.
fn exists(conn: &mut Conn, table: &str) -> QueryResult<bool> {
    let tables = match conn.engine() {
        Engine::Sqlite => "sqlite_schema WHERE name",
        Engine::Mysql => "information_schema.tables WHERE table_schema = DATABASE() AND table_name",
    };
    let count = format!("(SELECT COUNT(*) FROM {tables} = '{table}')");
    Ok(diesel::select(diesel::dsl::sql::<BigInt>(&count)).get_result::<i64>(conn)? > 0)
}

/// Records that `migration` begins, at once and whatever becomes of it.
pub(super) fn begin(conn: &mut Conn, migration: &Migration) -> QueryResult<()> {
    conn.batch_execute(CREATE)?;
    let row = sql_query("REPLACE INTO __foobar_migrations (version, name) VALUES (?, ?)");
    row.bind::<Text, _>(&migration.version).bind::<Text, _>(&migration.name).execute(conn).map(drop)
}

/// Records that `migration` has run.
pub(super) fn end(conn: &mut Conn, migration: &Migration) -> QueryResult<()> {
    let done = sql_query("INSERT INTO __diesel_schema_migrations (version) VALUES (?)");
    done.bind::<Text, _>(&migration.version).execute(conn)?;
    forget_begun(conn, migration)
}

/// Records that `migration` has been taken back. The row of its begin goes first, which means nothing until then.
pub(super) fn take_back(conn: &mut Conn, migration: &Migration) -> QueryResult<()> {
    forget_begun(conn, migration)?;
    let row = sql_query("DELETE FROM __diesel_schema_migrations WHERE version = ?");
    row.bind::<Text, _>(&migration.version).execute(conn).map(drop)
}

fn forget_begun(conn: &mut Conn, migration: &Migration) -> QueryResult<()> {
    if exists(conn, BEGUN)? {
        let row = sql_query("DELETE FROM __foobar_migrations WHERE version = ?");
        row.bind::<Text, _>(&migration.version).execute(conn)?;
    }
    Ok(())
}
