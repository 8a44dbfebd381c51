use std::time::Duration;

use foobar_core::{BoxFuture, Metrics, Tier};

use crate::statements::CallOrigin;
use crate::{Conn, Engine, Error, QueryKind, QueryResult};

/// A database as a tier. Applications hold a [`Db`](crate::Db), not this.
///
/// Implemented by [`Sqlite`](crate::Sqlite) and [`Mysql`](crate::Mysql).
pub trait Database: Tier {
    /// The kind of database.
    fn engine(&self) -> Engine;

    /// Which database this is, for logs: `sqlite:foobar.db`, `mysql://user@host:3306/name`. Never a password.
    fn describe(&self) -> String;

    /// Whether its data ends with the process. By default it does not.
    fn is_temporary(&self) -> bool {
        false
    }

    /// How long [`run`](Self::run) takes at most, but for a migration, as its settings say. By default that is not known.
    fn call_limit(&self) -> Option<Duration> {
        None
    }

    /// Runs `query` on a database thread, within the deadlines of the settings, and answers when it has ended. One that
    /// ends by [`Ending::RollBack`] is `Ok` too, unless its last statement failed for a reason of the database's own.
    ///
    /// A query may run several times; only the last run counts. One whose caller goes away while it waits for a
    /// connection never runs; one that has begun runs to its end.
    fn run(&self, kind: QueryKind, query: Query) -> BoxFuture<'_, Result<(), Error>>;

    /// Says whether the tier's start would find a database it can use; started or not, it changes nothing.
    ///
    /// SQLite: a file that exists is a database; one that is missing can be made. MySQL: a connection can be opened; a
    /// server that is down, which a start would wait for, is an error here.
    fn check(&self) -> BoxFuture<'_, Result<(), Error>>;

    /// Adds its figures to a scrape, as [`Tier::metrics`] does, for a program with several databases: this one's have the
    /// label `database` with this name. By default it does without.
    fn metrics_of(&self, name: &str, metrics: &mut Metrics) {
        let _unlabelled = name;
        self.metrics(metrics);
    }

    /// Runs a query that only reads, as a dry run: started or not, it changes nothing and makes no file. By default it
    /// is run like any other, on a database that has been started.
    fn peek(&self, query: Query) -> BoxFuture<'_, Result<Presence, Error>> {
        Box::pin(async { self.run(QueryKind::Read, query).await.map(|()| Presence::Present) })
    }
}

/// Whether a database is there that a [dry run](Database::peek) looks into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It is, and the query has run.
    Present,
    /// It is not; a start makes it.
    Missing,
}

/// What a database says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseInfo {
    /// The version of SQLite or of the server, such as `11.8.3-MariaDB`.
    pub version: String,
    /// What its clock says, in seconds since 1970.
    pub time: i64,
    /// The character set that new tables of the database have, on MySQL: `utf8mb4`, which holds all that a client sends,
    /// or another.
    pub character_set: Option<String>,
}

/// A query that leaves its result in what it captured, and says what is to become of its transaction.
pub struct Query {
    work: Box<Work>,
    origin: Option<CallOrigin>,
}

type Work = dyn FnMut(&mut Conn) -> QueryResult<Ending> + Send;

impl Query {
    /// A query that does `work`, on behalf of no request.
    pub fn new(work: impl FnMut(&mut Conn) -> QueryResult<Ending> + Send + 'static) -> Self {
        Self { work: Box::new(work), origin: None }
    }

    /// The same, made for this origin.
    pub(crate) fn of(self, origin: CallOrigin) -> Self {
        Self { origin: Some(origin), ..self }
    }

    /// For whom it is made, where that is known.
    pub(crate) const fn origin(&self) -> Option<&CallOrigin> {
        self.origin.as_ref()
    }

    /// Runs it once.
    pub fn run(&mut self, conn: &mut Conn) -> QueryResult<Ending> {
        (self.work)(conn)
    }
}

/// How a query ends that the database has not failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It has done what it was to do: what it has written stays.
    Commit,
    /// It has come to an error of its own: what it has written is taken back.
    RollBack,
}
