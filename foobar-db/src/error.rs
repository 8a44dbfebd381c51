use std::io;
use std::path::PathBuf;
use std::time::Duration;

use foobar_core::BoxError;
use foobar_core::panics::Panic;

use crate::cause::Passing;
use crate::{ConnectError, Engine};

/// What can go wrong with a database. No message holds a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no URL.
    #[error("no database is configured; set `database.url`, for example to `sqlite:foobar.db`")]
    NoUrl,
    /// The URL cannot be used. It may hold a password, so it is not shown.
    #[error("`database.url` {0}")]
    Url(&'static str),
    /// The URL for migrations cannot be used. It may hold a password, so it is not shown.
    #[error("`database.migration_url` {0}")]
    MigrationUrl(&'static str),
    /// A parameter of the URL is not understood, or cannot be had. Its value may be secret, so it is not shown.
    #[error("`database.{key}` has the parameter `{parameter}`, {why}")]
    UrlParameter {
        /// The setting, without its section: `url` or `migration_url`.
        key: &'static str,
        /// Its name.
        parameter: String,
        /// What is wrong with it, and what to do.
        why: &'static str,
    },
    /// The file of the certificate authority cannot be read.
    #[error("`database.tls_ca` {} cannot be read", .file.display())]
    Authority {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that a connection needs cannot be used.
    #[error("`database.{key}` {} {why}", .file.display())]
    File {
        /// The setting, without its section.
        key: &'static str,
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A setting is there without the one that it belongs to.
    #[error("`database.{key}` {why}")]
    Setting {
        /// The setting, without its section.
        key: &'static str,
        /// What is wrong.
        why: &'static str,
    },
    /// More connections are asked for than are allowed; each has a thread.
    #[error("`{key}` is {value}; {most} is the most")]
    TooManyConnections {
        /// The setting.
        key: &'static str,
        /// What it is set to.
        value: u32,
        /// The most that it may be.
        most: u32,
    },
    /// The URL asks for an engine that is not in this program.
    #[error("`database.url` asks for {0}, which this program was built without; add the feature `{feature}` of foobar", feature = .0.feature())]
    NotBuilt(Engine),
    /// The database cannot be used at all: a wrong path, a refused password, an unknown name.
    #[error("cannot open {database}")]
    Open {
        /// The database, without a password.
        database: String,
        /// Why.
        source: BoxError,
    },
    /// The tier is not running.
    #[error("the database tier has not been started, or has been drained")]
    Closed,
    /// Too many calls wait already.
    #[error("{most} calls are already waiting for a connection to {database} (`database.queue`)")]
    QueueFull {
        /// The database, without a password.
        database: String,
        /// How many may wait.
        most: usize,
    },
    /// No connection was free within `database.acquire_timeout`, or, for a call that is made together with others, within
    /// the time that a whole call may take.
    #[error("no connection to {database} was free within {limit:?}")]
    Busy {
        /// The database, without a password.
        database: String,
        /// That time.
        limit: Duration,
    },
    /// The database cannot be reached, or its file has been removed or replaced.
    #[error("cannot connect to {database}")]
    Unavailable {
        /// The database, without a password.
        database: String,
        /// Why.
        source: ConnectError,
    },
    /// The call took too long and was interrupted; a write was rolled back.
    #[error("the query on {database} did not end within {limit:?} (`database.query_timeout`)")]
    Deadline {
        /// The database, without a password.
        database: String,
        /// That time.
        limit: Duration,
    },
    /// Somebody ended the query on the server, such as an operator by `KILL QUERY`, or a limit of its own did; a write
    /// was rolled back.
    #[error("the query was interrupted on {database}")]
    Interrupted {
        /// The database, without a password.
        database: String,
        /// What the database said.
        source: diesel::result::Error,
    },
    /// The transaction collided with others each time it was tried; it was rolled back.
    #[error("the transaction on {database} collided with others {attempts} times")]
    Conflict {
        /// The database, without a password.
        database: String,
        /// How often it was tried.
        attempts: u32,
        /// What the database said last.
        source: diesel::result::Error,
    },
    /// The connection was lost each time; a write was rolled back.
    #[error("the connection to {database} was lost")]
    Lost {
        /// The database, without a password.
        database: String,
        /// What the database said.
        source: diesel::result::Error,
    },
    /// The disk of the database is full or does not work; a write was rolled back.
    #[error("the disk of {database} is full or fails")]
    Disk {
        /// The database, without a password.
        database: String,
        /// What the database said.
        source: diesel::result::Error,
    },
    /// The connection was lost or the disk failed during COMMIT, the database did not answer at all, its file was removed or
    /// replaced meanwhile, or what a database thread does around the query panicked.
    #[error("{database} did not confirm the transaction; whether it took effect is unknown")]
    OutcomeUnknown {
        /// The database, without a password.
        database: String,
        /// What went wrong.
        source: diesel::result::Error,
    },
    /// The query closure panicked; a write was rolled back.
    #[error("the query {0}")]
    Panicked(Panic),
    /// The handle wants another engine than the one that runs.
    #[error("this is a {is} database, where {wanted} is wanted")]
    OtherEngine {
        /// The engine that runs.
        is: Engine,
        /// The engine that was asked for.
        wanted: Engine,
    },
    /// There are migrations, but none for this engine.
    #[error("there are no migrations for {0}; add them with `Migrations::{feature}`", feature = .0.feature())]
    NoMigrations(Engine),
    /// Two migrations have the same version, so that only one of them would run.
    #[error(
        "migrations `{first}` and `{second}` have the same version, which is what stands before the first `_`; rename \
         the folder of the one that has run nowhere yet, for example with `-000001` at the end of its version"
    )]
    SameVersion {
        /// The name of one.
        first: String,
        /// The name of the other.
        second: String,
    },
    /// The last migration that has run is not one of this program.
    #[error(
        "the last migration that the database has seen, {0}, is not in this program; only a program that has it can take \
         it back"
    )]
    UnknownMigration(String),
    /// A migration began and did not end, and until it has, none is taken back: statements of it may stand on what the
    /// one before it made.
    #[error(
        "migration `{name}` began on {on} UTC and did not end, so nothing was taken back; run `migrate`, which says how to go \
         on, or do the rest by hand and run `migrate mark-done {name}`, or undo by hand what is there and run \
         DELETE FROM __foobar_migrations WHERE version = '{version}'"
    )]
    MigrationBegun {
        /// Its name.
        name: String,
        /// Its version.
        version: String,
        /// When it began, as `2026-01-31 12:00:00` in UTC.
        on: String,
    },
    /// A migration failed where a failure takes nothing back, and until it has run, none is taken back: statements of it may
    /// stand on what the one before it made.
    #[error(
        "migration `{name}`, which began on {on} UTC, failed, so nothing was taken back; correct it and run `migrate`, or do \
         the rest by hand and run `migrate mark-done {name}`, or undo by hand what is there and run \
         DELETE FROM __foobar_migrations WHERE version = '{version}'"
    )]
    MigrationFailed {
        /// Its name.
        name: String,
        /// Its version.
        version: String,
        /// When it began, as `2026-01-31 12:00:00` in UTC.
        on: String,
    },
    /// A migration began and did not end, and it is not known whether its last statement has taken effect.
    #[error(
        "migration `{name}` began on {on} UTC and did not end: it stopped at its statement \
         {statement}, which may have taken effect or not; look whether it has. Where not, run `migrate resume`, which runs \
         it again and goes on; where it has, run `migrate resume --from {}`; or do the rest by hand and run \
         `migrate mark-done {name}`",
        .statement.saturating_add(1)
    )]
    MigrationUnfinished {
        /// Its name.
        name: String,
        /// When it began, as `2026-01-31 12:00:00` in UTC.
        on: String,
        /// The statement of its up.sql, from 1.
        statement: u32,
    },
    /// Taking a migration back began and did not end, and it is not known whether the last statement of that has taken effect.
    #[error(
        "taking back migration `{name}` began on {on} UTC and did not end: it stopped at statement {statement} of its \
         down.sql, which may have taken effect or not; look whether it has. Where not, run `migrate resume`, which runs it \
         again and goes on; where it has, run `migrate resume --from {}`; or put back by hand what is gone and run \
         `migrate mark-done {name}`",
        .statement.saturating_add(1)
    )]
    DownUnfinished {
        /// Its name.
        name: String,
        /// When that began, as `2026-01-31 12:00:00` in UTC.
        on: String,
        /// The statement of its down.sql, from 1.
        statement: u32,
    },
    /// Taking a migration back failed after statements that stay.
    #[error(
        "migration `{name}` is taken back in half: that began on {on} UTC and failed at statement {statement} of its \
         down.sql, and those before it have taken effect; correct it from there on and run `migrate down`, which goes on, or \
         put back by hand what is gone and run `migrate mark-done {name}`: {problem}"
    )]
    DownFailed {
        /// Its name.
        name: String,
        /// When that began, as `2026-01-31 12:00:00` in UTC.
        on: String,
        /// The statement of its down.sql, from 1.
        statement: u32,
        /// What the database said.
        problem: String,
    },
    /// A migration began and did not end, by a version that did not record its statements.
    #[error(
        "migration `{name}` began on {on} UTC, by an earlier version of Foobar, and did not end: which of its statements have \
         taken effect is not known; look, then run `migrate resume --from` with the first one that has not, or do the rest \
         by hand and run `migrate mark-done {name}`"
    )]
    MigrationUnrecorded {
        /// Its name.
        name: String,
        /// When it began, as `2026-01-31 12:00:00` in UTC.
        on: String,
    },
    /// A migration that is to go on has other statements now than those that have run.
    #[error(
        "migration `{name}` stopped at its statement {statement}, and what is before that in its up.sql is not what has run; \
         take it as it was and change it from there on alone, or do the rest by hand and run `migrate mark-done {name}`"
    )]
    MigrationAltered {
        /// Its name.
        name: String,
        /// The statement of its up.sql, from 1.
        statement: u32,
    },
    /// A migration that is to go on needs what was in the session that has ended.
    #[error(
        "migration `{name}` stopped at its statement {statement}, and its statement {lost} leaves a variable, a prepared \
         statement or a temporary table in the session, which has ended; where the rest needs none of it, run \
         `migrate resume --from {statement}`, or do the rest by hand and run `migrate mark-done {name}`"
    )]
    MigrationSession {
        /// Its name.
        name: String,
        /// The statement of its up.sql, from 1, at which it stopped.
        statement: u32,
        /// The first statement of its up.sql, from 1, that leaves such.
        lost: usize,
    },
    /// A migration cannot go on with a statement that it does not have.
    #[error(
        "migration `{name}` cannot go on with statement {statement}: its up.sql has {of}, and `--from {}` says that all of \
         them have taken effect",
        .of.saturating_add(1)
    )]
    NoSuchStatement {
        /// Its name.
        name: String,
        /// The statement that it was to go on with.
        statement: u32,
        /// How many it has.
        of: usize,
    },
    /// A migration is to go on with a statement of this number, and none has stopped at one.
    #[error(
        "no migration has stopped after its first statement, so that none can go on with statement {0}; run `migrate`"
    )]
    NothingToResume(u32),
    /// A migration has run and has other statements now.
    #[error(
        "migration `{0}` was changed after it ran: its up.sql is not what this database has seen; take it as it was and \
         make the change in a new migration, or, where the schema is as the new one has it, run `migrate mark-done {0}`"
    )]
    MigrationChanged(String),
    /// This program has no migration of that name.
    #[error("there is no migration `{0}`; `migrate status` lists them")]
    NoSuchMigration(String),
    /// A migration has nothing to take it back by.
    #[error("migration `{0}` has no down.sql, so it cannot be taken back; nothing was changed")]
    NoDown(String),
    /// One migration failed. What ran before it stays; on MySQL so do the statements of it that had already run.
    #[error("migration `{name}` failed")]
    Migration {
        /// Its name.
        name: String,
        /// Why.
        source: BoxError,
    },
    /// One migration took too long and was interrupted; what stays is the same.
    #[error("migration `{name}` did not end in time (`database.migration_timeout` is for all together)")]
    MigrationDeadline {
        /// Its name.
        name: String,
        /// What the database said.
        source: BoxError,
    },
    /// The database lacks migrations, and the program was told not to run them.
    #[error(
        "the database does not have these migrations yet: {}; `database.migrate_on_start` is off, so run `migrate`",
        .0.join(", ")
    )]
    Unmigrated(Vec<String>),
    /// Another process runs migrations and did not end in time.
    #[error("another process still runs migrations, after all of `database.migration_timeout`")]
    Migrating,
    /// Another process runs migrations, or was cut off from its server while it did, and did not end in time.
    #[error(
        "another process still runs migrations, after all of `database.migration_timeout`: {0}; where it is gone for good, \
         run `migrate unlock`"
    )]
    MigrationsHeld(String),
    /// A process certainly runs migrations, so that nobody can take its place.
    #[error("migrations run: {holder}; to end them, run KILL {connection} on the server")]
    MigrationsRun {
        /// Whose they are.
        holder: String,
        /// The connection of that process, by its server's number.
        connection: i64,
    },
    /// The list of the migrations that have run could not be read, or not be locked.
    #[error("the state of the migrations cannot be read")]
    MigrationState(#[source] BoxError),
    /// A backup could not be written.
    #[error("the backup {} cannot be made", .file.display())]
    Backup {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What is asked for is done by a tool of the engine's own.
    #[error("{0}")]
    OwnTool(&'static str),
    /// The query failed: a violated constraint, a missing row, wrong SQL.
    #[error("the query failed")]
    Query(#[from] diesel::result::Error),
}

impl Error {
    /// Whether the database is down or overloaded, and has certainly not done what was asked, so that the same call may
    /// be made again later: a 503.
    pub const fn is_unavailable(&self) -> bool {
        matches!(
            self,
            Self::Closed
                | Self::QueueFull { .. }
                | Self::Busy { .. }
                | Self::Unavailable { .. }
                | Self::Deadline { .. }
                | Self::Conflict { .. }
                | Self::Lost { .. }
                | Self::Disk { .. }
                | Self::Interrupted { .. }
                | Self::Migrating
                | Self::MigrationsHeld(_)
        )
    }

    /// Whether the same call may succeed later, so that a start is tried again after it.
    ///
    /// So is every error that [`is_unavailable`](Self::is_unavailable), and an unknown outcome, which the next attempt
    /// finds out, and a schema that another has yet to migrate. So is a migration, the reading of their state or the opening of the database where it failed because
    /// the connection was lost, the server is read-only, shuts down or has no connection left, another has the lock, or
    /// the disk is full or fails. A wrong statement never is, nor a migration that took too long.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::OutcomeUnknown { .. } | Self::Unmigrated(_) => true,
            Self::Open { source, .. } | Self::Migration { source, .. } | Self::MigrationState(source) => {
                source.is::<Passing>()
            }
            other => other.is_unavailable(),
        }
    }

    /// A short name for metrics.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::QueueFull { .. } => "queue_full",
            Self::Busy { .. } => "busy",
            Self::Unavailable { .. } => "unavailable",
            Self::Deadline { .. } => "deadline",
            Self::Interrupted { .. } => "interrupted",
            Self::Conflict { .. } => "conflict",
            Self::Lost { .. } => "lost",
            Self::Disk { .. } => "disk",
            Self::OutcomeUnknown { .. } => "outcome_unknown",
            Self::Panicked(_) => "panicked",
            Self::Query(_) => "query",
            _ => "other",
        }
    }
}
