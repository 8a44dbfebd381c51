use std::any::Any;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use diesel::QueryResult;
use diesel::connection::statement_cache::{MaybeCached, PrepareForCache, StatementCache};
use diesel::connection::{
    AnsiTransactionManager, CacheSize, Connection, ConnectionSealed, DynInstrumentation, Instrumentation,
    InstrumentationEvent, LoadConnection, MultiConnectionHelper, SimpleConnection, StrQueryHelper, TransactionManager,
};
use diesel::expression::QueryMetadata;
use diesel::migration::{CREATE_MIGRATIONS_TABLE, MigrationConnection};
use diesel::mysql::{Mysql, MysqlType};
use diesel::query_builder::bind_collector::RawBytesBindCollector;
use diesel::query_builder::{Query, QueryFragment, QueryId};
use diesel::r2d2::R2D2Connection;
use diesel::result::{ConnectionError, ConnectionResult, DatabaseErrorKind, Error as DieselError};
use foobar_core::panics;
use mysql_async::consts::StatusFlags;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn as Driver, Params, Statement};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use super::control::Control;
use super::effects::Effects;
use super::row::MysqlRow;
use super::server_error::{rolls_back, to_diesel};
use super::session::Session;
use super::{Options, bind, session};
use crate::connections::ConnectError;
use crate::driver_error::{self, Origin};
use crate::failure::deadline_passed;
use crate::{Access, DatabaseSettings, deadline};

/// A Diesel connection to MySQL or MariaDB without a C library.
///
/// It drives an async driver on the thread that calls it, and gives up on the server when the thread's deadline has
/// passed. The rows of a query are read before the first is handed out. It blocks, so that it cannot be used on the
/// threads of an async runtime: [`Db`](crate::Db) uses it on threads of its own.
pub struct MysqlConnection {
    link: Link,
    statements: StatementCache<Mysql, Prepared>,
    transactions: AnsiTransactionManager,
    instrumentation: DynInstrumentation,
}

/// The driver's connection, and what drives it.
struct Link {
    driver: Driver,
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
    session: Session,
    /// Ends a statement on the server when its time is over.
    control: Option<Arc<Control>>,
    state: State,
    access: Access,
    /// Whether the server refuses to write.
    is_read_only: bool,
    /// Whether what has been run may have left something in the session.
    is_changed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Usable,
    /// The connection has broken.
    Lost,
    /// The server has not answered in time, so that its answer may still come.
    Unanswered,
}

struct Prepared {
    statement: Statement,
    effects: Effects,
}

/// The server has the same deadline; it gets this long to say so itself.
const GRACE: Duration = Duration::from_millis(200);
/// How long a statement that has been ended on the server may take to answer.
const LAST_WORDS: Duration = Duration::from_millis(500);

impl MysqlConnection {
    /// Connects and begins a session.
    pub(crate) fn connect(options: &Options) -> Result<Self, ConnectError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| ConnectError::Unreachable(error.to_string()))?;
        let connected = async { timeout(options.connect_timeout, session::begin(options)).await };
        // rustls panics where a program holds two cryptographic providers and has chosen none.
        let connected = panics::catch(|| runtime.block_on(connected))
            .unwrap_or_else(|panic| Ok(Err(ConnectError::Unreachable(format!("the driver {panic}")))));
        let late = |_elapsed| ConnectError::Unreachable(format!("no answer within {:?}", options.connect_timeout));
        match connected.map_err(late).flatten() {
            Ok((driver, session)) => Ok(Self::new(driver, session, runtime)),
            Err(error) => {
                runtime.shutdown_background(); // a name lookup may still run
                Err(error)
            }
        }
    }

    fn new(driver: Driver, session: Session, runtime: Runtime) -> Self {
        let link = Link {
            driver,
            runtime: Some(runtime),
            session,
            control: None,
            state: State::Usable,
            access: Access::Write,
            is_read_only: false,
            is_changed: false,
        };
        Self {
            link,
            statements: StatementCache::new(),
            transactions: AnsiTransactionManager::default(),
            instrumentation: DynInstrumentation::default_instrumentation(),
        }
    }

    /// The same connection, whose statements `control` ends on the server when their time is over.
    pub(super) fn controlled_by(mut self, control: &Arc<Control>) -> Self {
        self.link.control = Some(Arc::clone(control));
        self
    }

    /// What the calls that come now may do.
    pub(crate) const fn set_access(&mut self, access: Access) {
        self.link.access = access;
    }

    pub(super) const fn session(&self) -> &Session {
        &self.link.session
    }

    /// Whether the server answers to it no more.
    pub(crate) fn is_lost(&self) -> bool {
        self.link.state != State::Usable
    }

    /// Makes the session what it was at its beginning, if it may be another: nothing of one caller reaches the next.
    pub(crate) fn restore(&mut self) -> QueryResult<()> {
        if !self.link.is_changed && !self.link.is_in_transaction() {
            return Ok(());
        }
        self.statements = StatementCache::new(); // the server drops them
        self.transactions = AnsiTransactionManager::default();
        let beginning = self.link.session.beginning().to_owned();
        self.link.drive(async |driver| session::restore(driver, &beginning).await)?;
        (self.link.is_changed, self.link.is_read_only) = (false, false);
        Ok(())
    }

    /// Runs `run` with the prepared statement of `source` and its values.
    fn with_statement<T>(
        &mut self,
        source: &(impl QueryFragment<Mysql> + QueryId),
        run: impl AsyncFnOnce(&mut Driver, &Statement, Params) -> mysql_async::Result<T>,
    ) -> QueryResult<T> {
        let query = diesel::debug_query(source);
        self.instrumentation.on_connection_event(InstrumentationEvent::start_query(&query));
        let outcome = self.prepare_and_run(source, run);
        let outcome = outcome.inspect_err(|error| self.note(error));
        let finished = InstrumentationEvent::finish_query(&query, outcome.as_ref().err());
        self.instrumentation.on_connection_event(finished);
        outcome
    }

    /// Remembers what an error means for what comes next on this connection.
    fn note(&mut self, error: &DieselError) {
        match driver_error::origin(error) {
            Some(Origin::Connection) => self.link.state = State::Lost,
            Some(Origin::Mysql { number, .. }) if rolls_back(number) => {
                let transactions = AnsiTransactionManager::transaction_manager_status_mut(self);
                transactions.set_requires_rollback_maybe_up_to_top_level(true); // a savepoint is gone too
            }
            _ => {}
        }
    }

    fn prepare_and_run<T>(
        &mut self,
        source: &(impl QueryFragment<Mysql> + QueryId),
        run: impl AsyncFnOnce(&mut Driver, &Statement, Params) -> mysql_async::Result<T>,
    ) -> QueryResult<T> {
        let mut binds = RawBytesBindCollector::new();
        source.collect_binds(&mut binds, &mut (), &Mysql)?;
        let link = &mut self.link;
        let instrumentation = &mut *self.instrumentation;
        let prepared = self.statements.cached_statement(
            source,
            &Mysql,
            &binds.metadata,
            &mut *link,
            Link::prepare,
            instrumentation,
        )?;
        match prepared {
            MaybeCached::CannotCache(prepared) => {
                let outcome = link.run(&prepared, binds, run);
                link.close(prepared)?;
                outcome
            }
            MaybeCached::Cached(prepared) => link.run(prepared, binds, run),
            _ => Err(DieselError::QueryBuilderError("Diesel has a third kind of prepared statement".into())),
        }
    }
}

impl Link {
    fn prepare(&mut self, sql: &str, _cached: PrepareForCache, _binds: &[MysqlType]) -> QueryResult<Prepared> {
        bind::fits(sql.len(), self.session.max_packet)?;
        let statement = self.drive(async |driver| driver.prep(sql).await)?;
        Ok(Prepared { statement, effects: Effects::of(sql) })
    }

    fn run<T>(
        &mut self,
        prepared: &Prepared,
        binds: RawBytesBindCollector<Mysql>,
        run: impl AsyncFnOnce(&mut Driver, &Statement, Params) -> mysql_async::Result<T>,
    ) -> QueryResult<T> {
        let params = bind::params(binds, prepared.statement.num_params(), self.session.max_packet)?;
        self.allow(prepared.effects)?;
        self.drive(async |driver| run(driver, &prepared.statement, params).await)
    }

    /// Forgets a statement: the server keeps a bounded number of them.
    fn close(&mut self, prepared: Prepared) -> QueryResult<()> {
        match self.state {
            State::Usable => self.drive(async |driver| driver.close(prepared.statement).await),
            State::Lost | State::Unanswered => Ok(()),
        }
    }

    fn run_text(&mut self, sql: &str) -> QueryResult<()> {
        bind::fits(sql.len(), self.session.max_packet)?;
        // Diesel's own beginning of a transaction.
        let sql = if sql == "BEGIN" && self.access == Access::Read { "START TRANSACTION READ ONLY" } else { sql };
        if sql != "START TRANSACTION READ ONLY" {
            self.allow(Effects::of(sql))?;
        }
        self.drive(async |driver| driver.query_drop(sql).await)
    }

    /// Before a statement with these effects: a read that might write is made one that cannot.
    fn allow(&mut self, effects: Effects) -> QueryResult<()> {
        self.is_changed |= effects.changes_session;
        if effects.writes && self.access == Access::Read && !self.is_read_only {
            (self.is_changed, self.is_read_only) = (true, true);
            self.drive(async |driver| driver.query_drop("SET SESSION TRANSACTION READ ONLY").await)?;
        }
        Ok(())
    }

    /// Runs `work` on the driver until it ends or the thread's deadline has passed.
    fn drive<T>(&mut self, work: impl AsyncFnOnce(&mut Driver) -> mysql_async::Result<T>) -> QueryResult<T> {
        match self.state {
            State::Usable => {}
            State::Lost => return Err(connection_lost()),
            State::Unanswered => return Err(deadline_passed()),
        }
        let runtime = self.runtime.as_ref().expect("there is one until the connection is dropped");
        let mut work = pin!(work(&mut self.driver));
        let outcome = match runtime.block_on(in_time(work.as_mut())) {
            Some(outcome) => outcome,
            None => {
                let ended = self.control.as_ref().is_some_and(|control| control.end_statement(&self.session));
                let answer = async { timeout(LAST_WORDS, work).await };
                let answer = if ended { runtime.block_on(answer).ok() } else { None }; // elapsed: there is none either
                let Some(outcome) = answer else {
                    self.state = State::Unanswered;
                    return Err(deadline_passed());
                };
                outcome
            }
        };
        outcome.map_err(to_diesel)
    }

    /// Whether a transaction is open, as the server has said last.
    fn is_in_transaction(&self) -> bool {
        let last = self.driver.last_ok_packet();
        last.is_some_and(|ok| ok.status_flags().contains(StatusFlags::SERVER_STATUS_IN_TRANS))
    }
}

/// What `work` comes to; `None` once the thread's deadline has passed.
async fn in_time<F: Future>(work: Pin<&mut F>) -> Option<F::Output> {
    tokio::select! {
        biased;
        outcome = work => Some(outcome),
        () = deadline::passed(GRACE) => None,
    }
}

fn connection_lost() -> DieselError {
    let message = "the connection to the server has been lost".to_owned();
    driver_error::make(DatabaseErrorKind::ClosedConnection, message, Origin::Connection)
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background(); // a plain drop panics on the thread of another runtime
        }
    }
}

impl ConnectionSealed for MysqlConnection {}

impl SimpleConnection for MysqlConnection {
    fn batch_execute(&mut self, query: &str) -> QueryResult<()> {
        let text = StrQueryHelper::new(query);
        self.instrumentation.on_connection_event(InstrumentationEvent::start_query(&text));
        let outcome = self.link.run_text(query);
        let outcome = outcome.inspect_err(|error| self.note(error));
        let finished = InstrumentationEvent::finish_query(&text, outcome.as_ref().err());
        self.instrumentation.on_connection_event(finished);
        outcome
    }
}

impl Connection for MysqlConnection {
    type Backend = Mysql;
    type TransactionManager = AnsiTransactionManager;

    fn establish(url: &str) -> ConnectionResult<Self> {
        let settings = DatabaseSettings { url: Some(foobar_core::Secret::new(url)), ..DatabaseSettings::default() };
        let options =
            Options::new(&settings).map_err(|error| ConnectionError::InvalidConnectionUrl(error.to_string()))?;
        Self::connect(&options).map_err(|error| ConnectionError::BadConnection(error.to_string()))
    }

    fn execute_returning_count<T>(&mut self, source: &T) -> QueryResult<usize>
    where
        T: QueryFragment<Mysql> + QueryId,
    {
        let rows = self.with_statement(source, async |driver, statement, params| {
            driver.exec_drop(statement, params).await?;
            Ok(driver.affected_rows())
        })?;
        usize::try_from(rows).map_err(|error| DieselError::DeserializationError(error.into()))
    }

    fn transaction_state(&mut self) -> &mut AnsiTransactionManager {
        &mut self.transactions
    }

    fn instrumentation(&mut self) -> &mut dyn Instrumentation {
        &mut *self.instrumentation
    }

    fn set_instrumentation(&mut self, instrumentation: impl Instrumentation) {
        self.instrumentation = instrumentation.into();
    }

    fn set_prepared_statement_cache_size(&mut self, size: CacheSize) {
        self.statements.set_cache_size(size);
    }
}

impl LoadConnection for MysqlConnection {
    type Cursor<'conn, 'query> = std::iter::Map<std::vec::IntoIter<mysql_async::Row>, fn(mysql_async::Row) -> Loaded>;
    type Row<'conn, 'query> = MysqlRow;

    fn load<'conn, 'query, T>(&'conn mut self, source: T) -> QueryResult<Self::Cursor<'conn, 'query>>
    where
        T: Query + QueryFragment<Mysql> + QueryId + 'query,
        Mysql: QueryMetadata<T::SqlType>,
    {
        let read = async |driver: &mut Driver, statement: &Statement, params| driver.exec(statement, params).await;
        let rows: Vec<mysql_async::Row> = self.with_statement(&source, read)?;
        Ok(rows.into_iter().map(|row| Ok(MysqlRow::new(row))))
    }
}

type Loaded = QueryResult<MysqlRow>;

impl MultiConnectionHelper for MysqlConnection {
    fn to_any<'a>(lookup: &mut ()) -> &mut (dyn Any + 'a) {
        lookup
    }

    fn from_any(lookup: &mut dyn Any) -> Option<&mut ()> {
        lookup.downcast_mut()
    }
}

impl R2D2Connection for MysqlConnection {
    fn ping(&mut self) -> QueryResult<()> {
        self.batch_execute("SELECT 1")
    }

    fn is_broken(&mut self) -> bool {
        self.is_lost() || AnsiTransactionManager::is_broken_transaction_manager(self)
    }
}

impl MigrationConnection for MysqlConnection {
    fn setup(&mut self) -> QueryResult<usize> {
        self.batch_execute(CREATE_MIGRATIONS_TABLE).map(|()| 0)
    }
}
