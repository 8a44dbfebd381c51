//! The tables of the ledger.

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel::{QueryResult, sql_query};
use diesel_migrations::MigrationHarness;
use foobar_core::BoxError;

use crate::migrations::migration::{Direction, Migration, Owner};
use crate::{Conn, Engine};

/// What a table of ours had from its beginning.
const COLUMNS: &str = "version VARCHAR(50) NOT NULL PRIMARY KEY, name VARCHAR(255) NOT NULL, \
                       begun_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP";

/// What it got later.
const LATER: [(&str, &str); 5] = [
    ("state", "VARCHAR(10) NOT NULL DEFAULT 'running'"),
    // Of its up.sql or, where it is taken back, down.sql, from 1, the one that runs or has failed; 0 as long as nothing can
    // have taken effect; NULL where it began before this was recorded.
    ("statement", "INTEGER"),
    // That of the statements before it, or of all once it is done.
    ("checksum", "VARCHAR(16)"),
    ("problem", "TEXT"),
    // That of all statements of the file that failed; while it is taken back, that of its up.sql.
    ("attempted", "VARCHAR(16)"),
];

/// The last column that a table got.
const LAST: &str = "attempted";

/// As Diesel makes its own.
const DONE_COLUMNS: &str =
    "version VARCHAR(50) NOT NULL PRIMARY KEY, run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP";

/// The longest problem that is recorded, in letters.
const LONGEST_PROBLEM: usize = 500;

impl Owner {
    /// The table of what has run.
    pub(in crate::migrations) const fn done(self) -> &'static str {
        match self {
            Self::Framework => "foobar_migrations",
            Self::Application => "__diesel_schema_migrations",
        }
    }

    /// The table of what is known beside that.
    const fn records(self) -> &'static str {
        match self {
            Self::Framework => "foobar_begun_migrations",
            Self::Application => "__foobar_migrations",
        }
    }
}

impl Direction {
    /// The state of a migration that runs in it.
    const fn running(self) -> &'static str {
        match self {
            Self::Up => "running",
            Self::Down => "down",
        }
    }

    /// The state of one that has failed in it.
    const fn failed(self) -> &'static str {
        match self {
            Self::Up => "failed",
            Self::Down => "downfailed",
        }
    }
}

#[derive(QueryableByName)]
pub(super) struct Record {
    #[diesel(sql_type = Text)]
    pub(super) version: String,
    #[diesel(sql_type = Text)]
    pub(super) name: String,
    /// In UTC.
    #[diesel(sql_type = Text)]
    pub(super) begun_on: String,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    statement: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) checksum: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) problem: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) attempted: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Or its process has been killed.
    Running,
    Failed,
    Done,
    /// It is being taken back, or the process that did so has been killed.
    Down,
    /// Taking it back has failed after statements that stay.
    DownFailed,
}

impl Record {
    pub(super) fn state(&self) -> State {
        match self.state.as_str() {
            "done" => State::Done,
            "failed" => State::Failed,
            "down" => State::Down,
            "downfailed" => State::DownFailed,
            _ => State::Running,
        }
    }

    /// Whether statements of its down.sql may have taken effect. It is none once its version is not done any more.
    pub(super) fn is_half_down(&self) -> bool {
        match self.state() {
            State::Down => self.statement() != Some(0),
            State::DownFailed => true,
            State::Running | State::Failed | State::Done => false,
        }
    }

    /// The checksum of what has run, where it is kept.
    pub(super) fn of_up(&self) -> Option<&String> {
        match self.state() {
            State::Done => self.checksum.as_ref(),
            State::Down => self.attempted.as_ref(), // where it waits for the case that nothing is taken back
            State::Running | State::Failed | State::DownFailed => None,
        }
    }

    /// `None` where that was not recorded.
    pub(super) fn statement(&self) -> Option<u32> {
        self.statement.and_then(|number| u32::try_from(number).ok()) // another number is none of ours
    }

    /// How many statements stand before it.
    pub(super) fn ran(&self) -> usize {
        self.statement().unwrap_or(0).saturating_sub(1) as usize // none where that was not recorded
    }
}

/// The versions that have run.
pub(super) fn done(conn: &mut Conn, owner: Owner) -> QueryResult<Vec<String>> {
    if !exists(conn, owner.done())? {
        return Ok(Vec::new());
    }
    let rows: Vec<Done> = sql_query(format!("SELECT version FROM {}", owner.done())).load(conn)?;
    Ok(rows.into_iter().map(|row| row.version).collect())
}

#[derive(QueryableByName)]
struct Done {
    #[diesel(sql_type = Text)]
    version: String,
}

pub(super) fn records(conn: &mut Conn, owner: Owner) -> QueryResult<Vec<Record>> {
    let table = owner.records();
    if !exists(conn, table)? {
        return Ok(Vec::new());
    }
    let later = if has_column(conn, table, LAST)? {
        "state, CAST(statement AS SIGNED) AS statement, checksum, problem, attempted"
    } else if has_column(conn, table, "problem")? {
        "state, CAST(statement AS SIGNED) AS statement, checksum, problem, NULL AS attempted"
    } else {
        "'running' AS state, CAST(NULL AS SIGNED) AS statement, NULL AS checksum, NULL AS problem, NULL AS attempted"
    };
    sql_query(format!("SELECT version, name, CAST(begun_on AS CHAR) AS begun_on, {later} FROM {table}")).load(conn)
}

/// The tables of the ledger, and the row that each record of a statement looks at, for `LOCK TABLES`.
pub(in crate::migrations) fn locked(owner: Owner) -> String {
    format!("{} WRITE, {} WRITE, __foobar_migration_lock READ", owner.records(), owner.done())
}

/// Makes the table of what has run where it is missing; Diesel makes its own. The other one gets what it lacks,
/// and loses what means nothing any more.
pub(in crate::migrations) fn prepare(conn: &mut Conn, owner: Owner) -> Result<(), BoxError> {
    match owner {
        Owner::Framework => create(conn, owner.done(), DONE_COLUMNS)?,
        Owner::Application => conn.applied_migrations().map(drop)?,
    }
    let table = owner.records();
    if exists(conn, table)? && !has_column(conn, table, LAST)? {
        for (name, kind) in LATER {
            if !has_column(conn, table, name)? {
                conn.batch_execute(&format!("ALTER TABLE {table} ADD COLUMN {name} {kind}"))?;
            }
        }
    }
    Ok(forget_taken_back(conn, owner)?)
}

/// Of what another tool has taken back to its end, or it would be half down again once that tool has run it again. The two
/// tables may be of different collations, so that the database compares no versions of both.
fn forget_taken_back(conn: &mut Conn, owner: Owner) -> QueryResult<()> {
    let (done, table) = (done(conn, owner)?, owner.records());
    let is_down = |record: &Record| matches!(record.state(), State::Down | State::DownFailed);
    for record in records(conn, owner)?.iter().filter(|record| is_down(record) && !done.contains(&record.version)) {
        let row = sql_query(format!("DELETE FROM {table} WHERE version = ?"));
        row.bind::<Text, _>(&record.version).execute(conn)?;
    }
    Ok(())
}

/// Records that `migration` begins, at once and whatever becomes of it.
pub(in crate::migrations) fn begin(conn: &mut Conn, migration: &Migration) -> QueryResult<()> {
    create_records(conn, migration.owner)?;
    let table = migration.owner.records();
    let row = sql_query(format!("REPLACE INTO {table} (version, name, state, statement) VALUES (?, ?, 'running', 0)"));
    row.bind::<Text, _>(&migration.version).bind::<Text, _>(&migration.name).execute(conn).map(drop)
}

/// Records that it goes on with the statement of this number, after those with this checksum, at once.
pub(in crate::migrations) fn go_on(
    conn: &mut Conn,
    migration: &Migration,
    direction: Direction,
    statement: usize,
    checksum: &str,
) -> QueryResult<()> {
    let (state, position) = (direction.running(), position(statement, checksum));
    update(conn, migration, &format!("state = '{state}', problem = NULL, {position}")).map(drop)
}

/// Records that taking it back begins, at once; the checksum of what has run stays known until statements have taken effect.
pub(in crate::migrations) fn begin_down(conn: &mut Conn, migration: &Migration) -> QueryResult<()> {
    let of_up = "attempted = CASE state WHEN 'done' THEN checksum WHEN 'down' THEN attempted END"; // before `state` is new
    let set = format!("{of_up}, state = 'down', statement = 0, checksum = NULL, problem = NULL");
    if update(conn, migration, &format!("{set}, begun_on = CURRENT_TIMESTAMP"))? == 0 {
        begin(conn, migration)?;
        update(conn, migration, "state = 'down'")?;
    }
    Ok(())
}

/// Records that nothing of its taking back has taken effect, where it is recorded that this began.
pub(in crate::migrations) fn keep(conn: &mut Conn, migration: &Migration) -> QueryResult<()> {
    let set = "checksum = attempted, attempted = NULL, statement = NULL, state = 'done'";
    let row = format!("UPDATE {} SET {set} WHERE version = ? AND state = 'down'", migration.owner.records());
    sql_query(row).bind::<Text, _>(&migration.version).execute(conn).map(drop)
}

/// Records that the next statement is the one of this number, after those with this checksum. It is part of the
/// transaction of those: what takes them back takes this back. False, and nothing recorded, where the row of the lock
/// with this token is gone.
pub(in crate::migrations) fn reach(
    conn: &mut Conn,
    migration: &Migration,
    statement: usize,
    checksum: &str,
    token: Option<&str>,
) -> QueryResult<bool> {
    let position = position(statement, checksum);
    let Some(token) = token else { return update(conn, migration, &position).map(|_| true) };
    let of_lock = "EXISTS (SELECT 1 FROM __foobar_migration_lock WHERE token = ?)";
    let row = format!("UPDATE {} SET {position} WHERE version = ? AND {of_lock}", migration.owner.records());
    let updated = sql_query(row).bind::<Text, _>(&migration.version).bind::<Text, _>(token).execute(conn)?;
    Ok(updated > 0)
}

fn position(statement: usize, checksum: &str) -> String {
    format!("statement = {statement}, checksum = '{checksum}'")
}

/// The statement from which on nothing has taken effect, or 0 where nothing has.
pub(in crate::migrations) fn reached(conn: &mut Conn, migration: &Migration) -> QueryResult<u32> {
    let all = records(conn, migration.owner)?;
    let record = all.iter().find(|record| record.version == migration.version);
    Ok(record.and_then(Record::statement).unwrap_or(0)) // which each has that was begun by us
}

/// Records that it has failed, why, and the checksum of all its statements.
pub(in crate::migrations) fn fail(
    conn: &mut Conn,
    migration: &Migration,
    direction: Direction,
    problem: &str,
    checksum: &str,
) -> QueryResult<()> {
    let (table, state) = (migration.owner.records(), direction.failed());
    let problem: String = problem.chars().take(LONGEST_PROBLEM).collect();
    let set = format!("state = '{state}', problem = ?, attempted = '{checksum}'");
    let row = sql_query(format!("UPDATE {table} SET {set} WHERE version = ?"));
    row.bind::<Text, _>(problem).bind::<Text, _>(&migration.version).execute(conn).map(drop)
}

/// Records that `migration` has run, with the checksum of all its statements.
pub(in crate::migrations) fn end(conn: &mut Conn, migration: &Migration, checksum: &str) -> QueryResult<()> {
    let done = sql_query(format!("INSERT INTO {} (version) VALUES (?)", migration.owner.done()));
    done.bind::<Text, _>(&migration.version).execute(conn)?;
    if conn.engine() == Engine::Sqlite {
        create_records(conn, migration.owner)?; // in the transaction of the migration
    }
    let set = format!("state = 'done', checksum = '{checksum}', problem = NULL");
    if update(conn, migration, &set)? == 0 {
        let table = migration.owner.records();
        let columns = "(version, name, state, checksum) VALUES (?, ?, 'done', ?)";
        let row = sql_query(format!("INSERT INTO {table} {columns}"));
        row.bind::<Text, _>(&migration.version)
            .bind::<Text, _>(&migration.name)
            .bind::<Text, _>(checksum)
            .execute(conn)?;
    }
    Ok(())
}

/// Records that `migration` has been taken back. The other row means nothing from then on.
pub(in crate::migrations) fn take_back(conn: &mut Conn, migration: &Migration) -> QueryResult<()> {
    forget_done(conn, migration)?;
    let table = migration.owner.records();
    if exists(conn, table)? {
        let row = sql_query(format!("DELETE FROM {table} WHERE version = ?"));
        row.bind::<Text, _>(&migration.version).execute(conn)?;
    }
    Ok(())
}

pub(super) fn forget_done(conn: &mut Conn, migration: &Migration) -> QueryResult<()> {
    let row = sql_query(format!("DELETE FROM {} WHERE version = ?", migration.owner.done()));
    row.bind::<Text, _>(&migration.version).execute(conn).map(drop)
}

fn update(conn: &mut Conn, migration: &Migration, set: &str) -> QueryResult<usize> {
    let row = sql_query(format!("UPDATE {} SET {set} WHERE version = ?", migration.owner.records()));
    row.bind::<Text, _>(&migration.version).execute(conn)
}

pub(in crate::migrations) fn create_records(conn: &mut Conn, owner: Owner) -> QueryResult<()> {
    let later = LATER.map(|(name, kind)| format!(", {name} {kind}")).concat();
    create(conn, owner.records(), &format!("{COLUMNS}{later}"))
}

fn create(conn: &mut Conn, table: &str, columns: &str) -> QueryResult<()> {
    // Of an engine without transactions, what is taken back would still be recorded.
    let options = if conn.engine() == Engine::Mysql { " ENGINE = InnoDB CHARACTER SET utf8mb4" } else { "" };
    conn.batch_execute(&format!("CREATE TABLE IF NOT EXISTS {table} ({columns}){options}"))
}

/// Whether the table is there; ours is made for the first migration that needs it.
fn exists(conn: &mut Conn, table: &str) -> QueryResult<bool> {
    let tables = match conn.engine() {
        Engine::Sqlite => "sqlite_schema WHERE name",
        Engine::Mysql => "information_schema.tables WHERE table_schema = DATABASE() AND table_name",
    };
    is_there(conn, &format!("{tables} = '{table}'"))
}

fn has_column(conn: &mut Conn, table: &str, column: &str) -> QueryResult<bool> {
    let columns = match conn.engine() {
        Engine::Sqlite => format!("pragma_table_info('{table}') WHERE name"),
        Engine::Mysql => format!(
            "information_schema.columns WHERE table_schema = DATABASE() AND table_name = '{table}' AND column_name"
        ),
    };
    is_there(conn, &format!("{columns} = '{column}'"))
}

fn is_there(conn: &mut Conn, what: &str) -> QueryResult<bool> {
    let count = format!("(SELECT COUNT(*) FROM {what})");
    Ok(diesel::select(sql::<BigInt>(&count)).get_result::<i64>(conn)? > 0)
}
