//! Which migrations have run, in Diesel's table, and which have begun and not ended, in one of ours.

use std::collections::{HashMap, HashSet};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel::{QueryResult, sql_query};
use diesel_migrations::MigrationHarness;
use foobar_core::BoxError;

use super::MigrationStatus;
use super::embedded::Migration;
use crate::{Conn, Engine};

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
    /// And when, in UTC.
    begun: HashMap<String, String>,
}

impl Ledger {
    pub(super) fn read(conn: &mut Conn) -> Result<Self, BoxError> {
        let done = conn.applied_migrations()?;
        let begun = if exists(conn)? { begun(conn)? } else { Vec::new() };
        Ok(Self {
            done: done.iter().map(ToString::to_string).collect(),
            begun: begun.into_iter().map(|row| (row.version, row.begun_on)).collect(),
        })
    }

    pub(super) fn status(&self, migration: &Migration) -> MigrationStatus {
        match self.begun.get(&migration.version) {
            _ if self.done.contains(&migration.version) => MigrationStatus::Done,
            Some(on) => MigrationStatus::Begun { on: on.clone() },
            None => MigrationStatus::Pending,
        }
    }
}

#[derive(QueryableByName)]
struct Begun {
    #[diesel(sql_type = Text)]
    version: String,
    #[diesel(sql_type = Text)]
    begun_on: String,
}

fn begun(conn: &mut Conn) -> QueryResult<Vec<Begun>> {
    sql_query("SELECT version, CAST(begun_on AS CHAR) AS begun_on FROM __foobar_migrations").load(conn)
}

/// Whether the table is there; it is made for the first migration that needs it.
fn exists(conn: &mut Conn) -> QueryResult<bool> {
    let tables = match conn.engine() {
        Engine::Sqlite => "sqlite_schema WHERE name",
        Engine::Mysql => "information_schema.tables WHERE table_schema = DATABASE() AND table_name",
    };
    let count = format!("(SELECT COUNT(*) FROM {tables} = '__foobar_migrations')");
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
    if exists(conn)? {
        let ended = sql_query("DELETE FROM __foobar_migrations WHERE version = ?");
        ended.bind::<Text, _>(&migration.version).execute(conn)?;
    }
    Ok(())
}
