//! Which migrations have run, and which have begun and not ended. The application's have run by Diesel's table; the
//! framework's have tables of their own, so that neither knows the other's versions.

use std::collections::{HashMap, HashSet};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel::{QueryResult, sql_query};
use diesel_migrations::MigrationHarness;
use foobar_core::BoxError;

use super::embedded::{Migration, Owner};
use super::migration_status::MigrationStatus;
use crate::{Conn, Engine, Error};

/// A row is a migration whose statements may have taken effect although its version is not recorded. A row whose
/// version is recorded means nothing: its process was killed between the two.
const BEGUN_COLUMNS: &str = "(
    version VARCHAR(50) NOT NULL PRIMARY KEY,
    name VARCHAR(255) NOT NULL,
    begun_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
)";

/// As Diesel makes its own.
const DONE_COLUMNS: &str = "(
    version VARCHAR(50) NOT NULL PRIMARY KEY,
    run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
)";

impl Owner {
    /// The table of what has run.
    pub(super) const fn done(self) -> &'static str {
        match self {
            Self::Framework => "foobar_migrations",
            Self::Application => "__diesel_schema_migrations",
        }
    }

    /// The table of what has begun.
    const fn begun(self) -> &'static str {
        match self {
            Self::Framework => "foobar_begun_migrations",
            Self::Application => "__foobar_migrations",
        }
    }
}

/// What is recorded of all migrations, by their versions.
pub(super) struct Ledger {
    done: HashSet<String>,
    begun: HashMap<String, Begun>,
}

impl Ledger {
    /// Changes nothing: in a database without the tables nothing has run.
    pub(super) fn read(conn: &mut Conn, owner: Owner) -> QueryResult<Self> {
        let done = if exists(conn, owner.done())? { done(conn, owner)? } else { Vec::new() };
        let begun = if exists(conn, owner.begun())? { begun(conn, owner)? } else { Vec::new() };
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

/// Makes the table of what has run where it is missing; Diesel makes its own.
pub(super) fn prepare(conn: &mut Conn, owner: Owner) -> Result<(), BoxError> {
    match owner {
        Owner::Framework => Ok(create(conn, owner.done(), DONE_COLUMNS)?),
        Owner::Application => conn.applied_migrations().map(drop),
    }
}

fn create(conn: &mut Conn, table: &str, columns: &str) -> QueryResult<()> {
    conn.batch_execute(&format!("CREATE TABLE IF NOT EXISTS {table} {columns}"))
}

#[derive(QueryableByName)]
struct Done {
    #[diesel(sql_type = Text)]
    version: String,
}

fn done(conn: &mut Conn, owner: Owner) -> QueryResult<Vec<Done>> {
    sql_query(format!("SELECT version FROM {}", owner.done())).load(conn)
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

fn begun(conn: &mut Conn, owner: Owner) -> QueryResult<Vec<Begun>> {
    let query = format!("SELECT version, name, CAST(begun_on AS CHAR) AS begun_on FROM {}", owner.begun());
    sql_query(query).load(conn)
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
    let table = migration.owner.begun();
    create(conn, table, BEGUN_COLUMNS)?;
    let row = sql_query(format!("REPLACE INTO {table} (version, name) VALUES (?, ?)"));
    row.bind::<Text, _>(&migration.version).bind::<Text, _>(&migration.name).execute(conn).map(drop)
}

/// Records that `migration` has run.
pub(super) fn end(conn: &mut Conn, migration: &Migration) -> QueryResult<()> {
    let done = sql_query(format!("INSERT INTO {} (version) VALUES (?)", migration.owner.done()));
    done.bind::<Text, _>(&migration.version).execute(conn)?;
    forget_begun(conn, migration)
}

/// Records that `migration` has been taken back. The row of its begin goes first, which means nothing until then.
pub(super) fn take_back(conn: &mut Conn, migration: &Migration) -> QueryResult<()> {
    forget_begun(conn, migration)?;
    let row = sql_query(format!("DELETE FROM {} WHERE version = ?", migration.owner.done()));
    row.bind::<Text, _>(&migration.version).execute(conn).map(drop)
}

fn forget_begun(conn: &mut Conn, migration: &Migration) -> QueryResult<()> {
    let table = migration.owner.begun();
    if exists(conn, table)? {
        let row = sql_query(format!("DELETE FROM {table} WHERE version = ?"));
        row.bind::<Text, _>(&migration.version).execute(conn)?;
    }
    Ok(())
}
