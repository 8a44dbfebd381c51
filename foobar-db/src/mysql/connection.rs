use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::QueryResult;
use diesel::connection::statement_cache::{MaybeCached, StatementCache};
use diesel::connection::{
    AnsiTransactionManager, CacheSize, Connection, ConnectionSealed, DynInstrumentation, Instrumentation,
    InstrumentationEvent, LoadConnection, MultiConnectionHelper, SimpleConnection, StrQueryHelper, TransactionManager,
};
use diesel::dsl::sql;
use diesel::expression::QueryMetadata;
use diesel::migration::{CREATE_MIGRATIONS_TABLE, MigrationConnection};
use diesel::mysql::{Mysql, MysqlQueryBuilder};
use diesel::query_builder::bind_collector::RawBytesBindCollector;
use diesel::query_builder::{Query, QueryBuilder, QueryFragment, QueryId};
use diesel::query_dsl::RunQueryDsl;
use diesel::r2d2::R2D2Connection;
use diesel::result::{ConnectionError, ConnectionResult, Error as DieselError};
use diesel::sql_types::Text;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn as Driver, Params, Statement};

use super::Options;
use super::ending::EndOnServer;
use super::link::{Link, Prepared};
use super::replication::{self, Replication};
use super::row::{MysqlRow, fit, times_as_text};
use super::server_error::rolls_back;
use super::session::Session;
use crate::driver_error::{self, Origin};
use crate::{ConnectError, DatabaseSettings, Engine, QueryKind, deadline, misread, statements};

/// A Diesel connection to MySQL or MariaDB without a C library.
///
/// It drives an async driver on the thread that calls it, and gives up on the server when the thread's deadline has
/// passed. The rows of a query are read before the first is handed out. It blocks, so that it cannot be used on the
/// threads of an async runtime: [`Db`](crate::Db) uses it on threads of its own.
pub struct MysqlConnection {
    /// In a place of its own: a connection is moved in and out of the pool.
    link: Box<Link>,
    statements: StatementCache<Mysql, Prepared>,
    transactions: AnsiTransactionManager,
    instrumentation: DynInstrumentation,
}

impl MysqlConnection {
    /// Connects and begins a session.
    pub(crate) fn connect(options: &Options) -> Result<Self, ConnectError> {
        Ok(Self {
            link: Box::new(Link::open(options)?),
            statements: StatementCache::new(),
            transactions: AnsiTransactionManager::default(),
            instrumentation: DynInstrumentation::default_instrumentation(),
        })
    }

    /// The same connection, whose statements `control` ends on the server when their time is over.
    pub(super) fn controlled_by(mut self, control: Arc<dyn EndOnServer>) -> Self {
        self.link.set_control(control);
        self
    }

    /// What the calls that come now may do.
    pub(crate) const fn set_kind(&mut self, kind: QueryKind) {
        self.link.set_kind(kind);
    }

    /// Closes it before it is dropped; nothing more can be run on it.
    pub(crate) fn disconnect(&mut self) {
        self.link.disconnect();
    }

    pub(super) const fn session(&self) -> &Session {
        self.link.session()
    }

    /// The number that the server gave the row inserted last, as it answered; or why there is none.
    pub(crate) fn last_insert_id(&self) -> Result<i64, &'static str> {
        match self.link.last_insert_id() {
            None | Some(0) => Err("its key is no AUTO_INCREMENT column, and MySQL gives a number to no other"),
            Some(id) => i64::try_from(id).map_err(|_| "it is larger than 64 bits with a sign"),
        }
    }

    /// Whether the server takes no writes of ordinary users. MariaDB has words for it since its version 12.
    pub(super) fn is_read_only(&mut self) -> QueryResult<bool> {
        let answer = diesel::select(sql::<Text>("CONCAT(@@global.read_only)")).get_result::<String>(self)?;
        Ok(!matches!(answer.as_str(), "0" | "OFF"))
    }

    /// How the server follows its sources, if it is a replica; an error where this user may not know.
    pub(super) fn replication(&mut self) -> QueryResult<Option<Replication>> {
        self.link.ask(replication::QUESTION).map(|sources| Replication::of(&sources))
    }

    /// Whether a transaction is open, as the server said with its last answer.
    pub(crate) fn has_transaction(&self) -> bool {
        self.link.has_transaction()
    }

    /// Makes the session what it was at its beginning, if it may be another, within `limit`: nothing of one caller reaches
    /// the next.
    pub(crate) fn restore(&mut self, limit: Duration) -> QueryResult<()> {
        if self.link.needs_reset() {
            self.statements = StatementCache::new();
            self.transactions = AnsiTransactionManager::default();
            deadline::until(Instant::now() + limit, || self.link.reset())?;
        }
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
        let running = statements::begin(&query, Engine::Mysql);
        let outcome = self.prepare_and_run(source, run);
        statements::end(running, &query, outcome.is_err());
        let outcome = outcome.inspect(|_| driver_error::succeeded(&query)).inspect_err(|error| self.note(error));
        let finished = InstrumentationEvent::finish_query(&query, outcome.as_ref().err());
        self.instrumentation.on_connection_event(finished);
        outcome
    }

    /// Remembers what an error means for what comes next on this connection.
    fn note(&mut self, error: &DieselError) {
        match driver_error::origin(error) {
            Some(Origin::Connection) => {
                self.link.roll_back(error, Origin::Connection);
                self.link.lose();
            }
            Some(origin @ Origin::Mysql { number, state }) if rolls_back(number, state) && self.is_in_transaction() => {
                self.link.roll_back(error, origin);
                let transactions = AnsiTransactionManager::transaction_manager_status_mut(self);
                transactions.set_requires_rollback_maybe_up_to_top_level(true); // a savepoint is gone too
            }
            _ => {}
        }
    }

    fn is_in_transaction(&mut self) -> bool {
        let status = AnsiTransactionManager::transaction_manager_status_mut(self);
        status.transaction_depth().is_ok_and(|depth| depth.is_some()) // an error: the connection is not used again
    }

    /// Why the transaction of the caller is gone already, if it is.
    pub(crate) fn rolled_back(&self) -> Option<DieselError> {
        self.link.rolled_back()
    }

    fn prepare_and_run<T>(
        &mut self,
        source: &(impl QueryFragment<Mysql> + QueryId),
        run: impl AsyncFnOnce(&mut Driver, &Statement, Params) -> mysql_async::Result<T>,
    ) -> QueryResult<T> {
        let mut binds = RawBytesBindCollector::new();
        source.collect_binds(&mut binds, &mut (), &Mysql)?;
        if let Some(comment) = self.link.comment() {
            let mut sql = MysqlQueryBuilder::new();
            source.to_sql(&mut sql, &Mysql)?;
            let prepared = self.link.prepare_with(&comment, &sql.finish())?; // the next request has another comment
            let outcome = self.link.run(&prepared, binds, run);
            let closed = self.link.close(prepared);
            return outcome.and_then(|value| closed.map(|()| value));
        }
        let (link, events) = (&mut *self.link, &mut *self.instrumentation);
        let prepared =
            self.statements.cached_statement(source, &Mysql, &binds.metadata, &mut *link, Link::prepare, events)?;
        match prepared {
            MaybeCached::CannotCache(prepared) => {
                let outcome = link.run(&prepared, binds, run);
                let closed = link.close(prepared);
                outcome.and_then(|value| closed.map(|()| value))
            }
            MaybeCached::Cached(prepared) => link.run(prepared, binds, run),
            _ => Err(DieselError::QueryBuilderError("Diesel has a third kind of prepared statement".into())),
        }
    }
}

impl ConnectionSealed for MysqlConnection {}

impl SimpleConnection for MysqlConnection {
    fn batch_execute(&mut self, query: &str) -> QueryResult<()> {
        let text = StrQueryHelper::new(query);
        self.instrumentation.on_connection_event(InstrumentationEvent::start_query(&text));
        let running = statements::begin(&text, Engine::Mysql);
        let outcome = self.link.run_text(query);
        statements::end(running, &text, outcome.is_err());
        let outcome = outcome.inspect(|()| driver_error::succeeded(&text)).inspect_err(|error| self.note(error));
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
        let mut rows: Vec<mysql_async::Row> = self.with_statement(&source, read)?;
        let mut types = Vec::new();
        <Mysql as QueryMetadata<T::SqlType>>::row_metadata(&mut (), &mut types);
        times_as_text(&mut rows, &types);
        fit(&rows, &types)?;
        misread::remember(&rows);
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
        !self.link.is_usable() || AnsiTransactionManager::is_broken_transaction_manager(self)
    }
}

impl MigrationConnection for MysqlConnection {
    fn setup(&mut self) -> QueryResult<usize> {
        self.batch_execute(CREATE_MIGRATIONS_TABLE).map(|()| 0)
    }
}
