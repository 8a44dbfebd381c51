use std::borrow::Cow;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use diesel::QueryResult;
use diesel::connection::statement_cache::PrepareForCache;
use diesel::mysql::{Mysql, MysqlType};
use diesel::query_builder::bind_collector::RawBytesBindCollector;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use foobar_core::panics;
use mysql_async::consts::StatusFlags;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn as Driver, Params, Row, Statement};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::time::timeout;

use super::effects::Effects;
use super::ending::{EndOnServer, Target};
use super::server_error::{of_no_wait, to_diesel};
use super::session::Session;
use super::{Options, bind, refusal, session};
use crate::driver_error::{self, Origin};
use crate::failure::deadline_passed;
use crate::{ConnectError, Isolation, QueryKind, deadline, statements};

/// The driver's connection, driven on the thread that calls it, with what is known of its session.
pub(super) struct Link {
    /// Both are `None` only once it has been disconnected.
    driver: Option<Driver>,
    runtime: Option<Runtime>,
    session: Session,
    /// Ends a statement on the server when its time is over.
    control: Option<Arc<dyn EndOnServer>>,
    /// Whether statements begin with a comment that names their request.
    has_comments: bool,
    state: State,
    /// What the calls that come now may do.
    kind: QueryKind,
    /// Whether the server refuses to write.
    is_read_only: bool,
    /// Whether what has been run may have left something in the session.
    is_changed: bool,
    /// Whether something may be left in it even after a reset.
    outlives_reset: bool,
    /// The error that has rolled back the transaction of the caller, who does not know.
    rolled_back: Option<(String, Origin)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Usable,
    /// The connection has broken.
    Lost,
    /// The server has not answered in time, so that its answer may still come.
    Unanswered,
}

pub(super) struct Prepared {
    statement: Statement,
    effects: Effects,
}

/// The server has the same deadline; it gets this long to say so itself.
const GRACE: Duration = Duration::from_millis(200);
/// How long a statement that has been ended on the server may take to answer.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// How often it is ended in this time.
const REPEATS: u32 = 10;
/// How long taking leave of a server may take.
const FAREWELL: Duration = Duration::from_millis(200);
/// How a transaction begins that cannot write.
const BEGIN_READ_ONLY: &str = "START TRANSACTION READ ONLY";

impl Link {
    /// Connects and begins a session.
    pub(super) fn open(options: &Options) -> Result<Self, ConnectError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| ConnectError::Unreachable(error.to_string()))?;
        // rustls panics where a program holds two cryptographic providers and has chosen none.
        let begun = panics::catch(|| runtime.block_on(session::begin(options)))
            .unwrap_or_else(|panic| Err(refusal::refused_by_driver(&panic)));
        match begun {
            Ok((driver, session)) => Ok(Self::new(driver, session, runtime, options.query_comments)),
            Err(error) => {
                runtime.shutdown_background(); // a name lookup may still run
                Err(error)
            }
        }
    }

    const fn new(driver: Driver, session: Session, runtime: Runtime, has_comments: bool) -> Self {
        Self {
            driver: Some(driver),
            runtime: Some(runtime),
            session,
            control: None,
            has_comments,
            state: State::Usable,
            kind: QueryKind::Write(Isolation::Server),
            is_read_only: false,
            is_changed: false,
            outlives_reset: false,
            rolled_back: None,
        }
    }

    /// From now on `control` ends its statements on the server when their time is over.
    pub(super) fn set_control(&mut self, control: Arc<dyn EndOnServer>) {
        self.control = Some(control);
    }

    pub(super) const fn set_kind(&mut self, kind: QueryKind) {
        self.kind = kind;
    }

    pub(super) const fn session(&self) -> &Session {
        &self.session
    }

    /// The connection has broken: nothing more can be run on it.
    pub(super) const fn lose(&mut self) {
        self.state = State::Lost;
    }

    /// `error` has rolled back the transaction of the caller. Until that rolls back too nothing is run: it would be
    /// committed by itself, and once more when the whole is tried again.
    pub(super) fn roll_back(&mut self, error: &DieselError, origin: Origin) {
        self.rolled_back.get_or_insert_with(|| (error.to_string(), origin));
    }

    /// Why the transaction of the caller is gone, if it is.
    pub(super) fn rolled_back(&self) -> Option<DieselError> {
        let (message, origin) = self.rolled_back.clone()?;
        Some(driver_error::make(DatabaseErrorKind::SerializationFailure, message, origin))
    }

    /// The number that the server gave the row inserted last.
    pub(super) fn last_insert_id(&self) -> Option<u64> {
        self.driver.as_ref()?.last_insert_id()
    }

    /// Whether it may be used for further calls.
    pub(super) fn is_usable(&self) -> bool {
        self.state == State::Usable && !self.outlives_reset
    }

    /// Whether the session may be another than at its beginning: something was set, or a transaction is open.
    pub(super) fn needs_reset(&self) -> bool {
        self.is_changed || self.has_transaction()
    }

    /// Whether a transaction is open, as the server said with its last answer; or may be, after an error.
    pub(super) fn has_transaction(&self) -> bool {
        let last = self.driver.as_ref().and_then(Driver::last_ok_packet);
        last.is_none_or(|ok| ok.status_flags().contains(StatusFlags::SERVER_STATUS_IN_TRANS))
    }

    /// Begins the session anew. The server forgets all prepared statements.
    pub(super) fn reset(&mut self) -> QueryResult<()> {
        let beginning = self.session.beginning().to_owned();
        self.drive(async |driver| session::restore(driver, &beginning).await)?;
        (self.is_changed, self.is_read_only, self.rolled_back) = (false, false, None);
        Ok(())
    }

    /// Prepares `sql`; for Diesel's cache of statements.
    pub(super) fn prepare(
        &mut self,
        sql: &str,
        _cached: PrepareForCache,
        _binds: &[MysqlType],
    ) -> QueryResult<Prepared> {
        self.prepare_with("", sql)
    }

    /// Prepares `sql` behind a comment.
    pub(super) fn prepare_with(&mut self, comment: &str, sql: &str) -> QueryResult<Prepared> {
        bind::fits(comment.len() + sql.len(), self.session.max_packet)?;
        bind::has_no_names(sql)?;
        self.may_send()?;
        let text = with_comment(comment, sql);
        let statement = self.drive(async |driver| driver.prep(&*text).await)?;
        Ok(Prepared { statement, effects: Effects::of(sql) })
    }

    /// The comment of the statements that come now, where they are to have one and their request is known.
    pub(super) fn comment(&self) -> Option<String> {
        let is_of_pool = self.control.is_some();
        (self.has_comments && is_of_pool).then(statements::comment).flatten()
    }

    /// Runs `run` with a prepared statement and the values for its places.
    pub(super) fn run<T>(
        &mut self,
        prepared: &Prepared,
        binds: RawBytesBindCollector<Mysql>,
        run: impl AsyncFnOnce(&mut Driver, &Statement, Params) -> mysql_async::Result<T>,
    ) -> QueryResult<T> {
        let params = bind::params(binds, prepared.statement.num_params(), self.session.max_packet)?;
        self.may_send()?;
        self.allow(prepared.effects)?;
        let outcome = self.drive(async |driver| run(driver, &prepared.statement, params).await);
        outcome.map_err(|error| if prepared.effects.no_wait { of_no_wait(error) } else { error })
    }

    /// Forgets a statement: the server keeps a bounded number of them.
    pub(super) fn close(&mut self, prepared: Prepared) -> QueryResult<()> {
        match self.state {
            State::Usable => self.drive(async |driver| driver.close(prepared.statement).await),
            State::Lost | State::Unanswered => Ok(()),
        }
    }

    /// Runs a text of one statement or several.
    pub(super) fn run_text(&mut self, sql: &str) -> QueryResult<()> {
        let comment = self.comment().unwrap_or_default(); // none is one without letters
        bind::fits(comment.len() + sql.len(), self.session.max_packet)?;
        match sql {
            "ROLLBACK" => self.rolled_back = None,
            _ => self.may_send()?,
        }
        if sql == "BEGIN" && self.kind == QueryKind::Read {
            return self.drive(async |driver| driver.query_drop(BEGIN_READ_ONLY).await); // Diesel's own, of a read
        }
        if matches!(self.kind, QueryKind::Write(isolation) if sql == isolation.begin()) {
            return self.drive(async |driver| driver.query_drop(sql).await); // its level ends with the transaction
        }
        self.allow(Effects::of(sql))?;
        let text = with_comment(&comment, sql);
        self.drive(async |driver| driver.query_drop(&*text).await)
    }

    /// The rows of a question of the tier's own.
    pub(super) fn ask(&mut self, sql: &str) -> QueryResult<Vec<Row>> {
        self.may_send()?;
        self.drive(async |driver| driver.query(sql).await)
    }

    /// Whether a statement may be sent: there is time, and the caller's transaction is not gone. Migrations look at the
    /// time themselves, and whether it is their lock that they have waited for.
    fn may_send(&self) -> QueryResult<()> {
        self.rolled_back().map_or(Ok(()), Err)?;
        let is_late = self.kind != QueryKind::Migrate && deadline::has_passed();
        if is_late { Err(deadline_passed()) } else { Ok(()) }
    }

    /// Before a statement with these effects: a read that might write is made one that cannot.
    fn allow(&mut self, effects: Effects) -> QueryResult<()> {
        self.is_changed |= effects.changes_session;
        self.outlives_reset |= effects.outlives_reset;
        if effects.asks_to_write && self.kind == QueryKind::Read {
            let message = "`Db::read` cannot write, so that it cannot ask for READ WRITE; use `Db::write`";
            return Err(DieselError::DatabaseError(
                DatabaseErrorKind::ReadOnlyTransaction,
                Box::new(message.to_owned()),
            ));
        }
        if effects.writes && self.kind == QueryKind::Read && !self.is_read_only {
            (self.is_changed, self.is_read_only) = (true, true);
            self.drive(async |driver| driver.query_drop("SET SESSION TRANSACTION READ ONLY").await)?;
        }
        Ok(())
    }

    /// Runs `work` on the driver until it ends or the thread's deadline has passed; then it is ended on the server.
    fn drive<T>(&mut self, work: impl AsyncFnOnce(&mut Driver) -> mysql_async::Result<T>) -> QueryResult<T> {
        match self.state {
            State::Usable => {}
            State::Lost => return Err(connection_lost()),
            State::Unanswered => return Err(deadline_passed()),
        }
        let (runtime, driver) =
            self.runtime.as_ref().zip(self.driver.as_mut()).expect("both live until it is disconnected");
        let mut work = pin!(work(driver));
        let mut answer = match panics::catch(|| runtime.block_on(in_time(work.as_mut()))) {
            Ok(answer) => answer,
            Err(panic) => {
                self.state = State::Lost; // somewhere in the midst of an answer
                return Err(bind::refused(format!("the driver {panic}; its connection is closed")));
            }
        };
        let is_late = answer.is_none();
        if is_late {
            let control = self.control.as_deref();
            answer = control.and_then(|control| end(work, runtime, control, &self.session));
        }
        let Some(answer) = answer else {
            self.state = State::Unanswered;
            return Err(deadline_passed());
        };
        match answer {
            // `SLEEP` has a value when it is ended; a write may have been committed, and looks at the time itself.
            Ok(_) if is_late && self.kind == QueryKind::Read => {
                self.is_changed = true; // it may have been prepared, and nobody closes it
                Err(deadline_passed())
            }
            answer => answer.map_err(to_diesel),
        }
    }
}

/// What `work` comes to as it is ended on the server; `None` if it does not answer. It is told again and again: one
/// time may come before the statement has begun, and it ends only one of several. At last the whole connection is
/// ended.
fn end<F: Future>(
    mut work: Pin<&mut F>,
    runtime: &Runtime,
    control: &dyn EndOnServer,
    session: &Session,
) -> Option<F::Output> {
    for _ in 0..REPEATS {
        if !control.end(Target::Statement, session) {
            return None;
        }
        let answer = runtime.block_on(async { timeout(LAST_WORDS / REPEATS, work.as_mut()).await });
        if let Ok(answer) = answer {
            return Some(answer);
        }
    }
    control.end(Target::Connection, session);
    None
}

/// What `work` comes to; `None` once the thread's deadline has passed.
async fn in_time<F: Future>(work: Pin<&mut F>) -> Option<F::Output> {
    tokio::select! {
        biased;
        outcome = work => Some(outcome),
        () = deadline::passed(GRACE) => None,
    }
}

fn with_comment<'a>(comment: &str, sql: &'a str) -> Cow<'a, str> {
    if comment.is_empty() { Cow::Borrowed(sql) } else { Cow::Owned(format!("{comment}{sql}")) }
}

fn connection_lost() -> DieselError {
    let message = "the connection to the server has been lost".to_owned();
    driver_error::make(DatabaseErrorKind::ClosedConnection, message, Origin::Connection)
}

impl Link {
    /// Takes leave of the server (`COM_QUIT`), which logs an aborted connection of whoever does not. Nothing more can be
    /// run on it.
    pub(super) fn disconnect(&mut self) {
        let (Some(runtime), Some(driver)) = (self.runtime.take(), self.driver.take()) else { return };
        let is_on_plain_thread = Handle::try_current().is_err(); // another runtime's may not be blocked
        if self.state == State::Usable && is_on_plain_thread {
            let leave = async { timeout(FAREWELL, driver.disconnect()).await };
            let _gone_anyway = panics::catch(|| runtime.block_on(leave));
        }
        self.state = State::Lost;
        runtime.shutdown_background(); // a plain drop panics on the thread of another runtime
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.disconnect();
    }
}

#[cfg(test)]
mod tests {
    use foobar_core::Secret;

    use super::*;
    use crate::DatabaseSettings;
    use crate::testing::MysqlServer;

    #[test]
    fn a_panic_of_the_driver_is_an_error_and_nothing_more_is_run_on_its_connection() {
        let server = MysqlServer::start().unwrap();
        let url = Some(Secret::new(server.url("mysql")));
        let options = Options::new(&DatabaseSettings { url, ..DatabaseSettings::default() }).unwrap();
        let mut link = Link::open(&options).unwrap();
        let error = link.drive(async |_| -> mysql_async::Result<()> { panic!("unsupported column") }).unwrap_err();
        assert_eq!(error.to_string(), "the driver panicked: unsupported column; its connection is closed");
        assert!(!link.is_usable());
        assert!(link.run_text("SELECT 1").is_err());
    }
}
