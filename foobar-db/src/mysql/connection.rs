use std::any::Any;
use std::future::Future;
use std::time::Duration;

use diesel::QueryResult;
use diesel::connection::{
    AnsiTransactionManager, CacheSize, Connection, ConnectionSealed, Instrumentation, LoadConnection,
    MultiConnectionHelper, SimpleConnection, TransactionManager,
};
use diesel::expression::QueryMetadata;
use diesel::migration::{CREATE_MIGRATIONS_TABLE, MigrationConnection};
use diesel::mysql::Mysql;
use diesel::query_builder::{Query, QueryFragment, QueryId};
use diesel::r2d2::R2D2Connection;
use diesel::result::{ConnectionError, ConnectionResult};
use diesel_async::{AsyncConnection, AsyncConnectionCore, AsyncMysqlConnection, SimpleAsyncConnection};
use foobar_core::panics;
use futures_util::TryStreamExt;
use mysql_async::prelude::Queryable;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use super::Options;
use crate::connections::ConnectError;
use crate::failure::deadline_passed;
use crate::{DatabaseSettings, deadline};

/// A Diesel connection to MySQL or MariaDB without a C library.
///
/// It drives diesel-async's connection on the thread that calls it, and gives up on the server when the thread's
/// deadline has passed. The rows of a query are collected before the first is handed out. It blocks, so that it cannot
/// be used on the threads of an async runtime: [`Db`](crate::Db) uses it on threads of its own.
pub struct MysqlConnection {
    connection: AsyncMysqlConnection,
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
    transactions: AnsiTransactionManager,
    broken: bool,
}

/// The server has the same deadline; it gets this long to say so itself.
const GRACE: Duration = Duration::from_millis(200);

impl MysqlConnection {
    /// Connects and begins a session.
    pub(crate) fn connect(options: &Options) -> Result<Self, ConnectError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| ConnectError::Unreachable(error.to_string()))?;
        let connected = async { timeout(options.connect_timeout, begin_session(options)).await };
        // rustls panics where a program holds two cryptographic providers and has chosen none.
        let connected = panics::catch(|| runtime.block_on(connected))
            .unwrap_or_else(|panic| Ok(Err(ConnectError::Unreachable(format!("the driver {panic}")))));
        let late = |_elapsed| ConnectError::Unreachable(format!("no answer within {:?}", options.connect_timeout));
        match connected.map_err(late).flatten() {
            Ok(connection) => Ok(Self {
                connection,
                runtime: Some(runtime),
                transactions: AnsiTransactionManager::default(),
                broken: false,
            }),
            Err(error) => {
                runtime.shutdown_background(); // a name lookup may still run
                Err(error)
            }
        }
    }

    /// Runs `work` on the connection until it ends or the thread's deadline has passed.
    fn drive<'a, T, F>(&'a mut self, work: impl FnOnce(&'a mut AsyncMysqlConnection) -> F) -> QueryResult<T>
    where
        F: Future<Output = QueryResult<T>> + 'a,
    {
        if self.broken {
            return Err(deadline_passed());
        }
        let runtime = self.runtime.as_ref().expect("there is one until the connection is dropped");
        let work = work(&mut self.connection);
        let Some(time) = deadline::remaining() else { return runtime.block_on(work) };
        let outcome = runtime.block_on(async { timeout(time + GRACE, work).await });
        self.broken = outcome.is_err();
        outcome.unwrap_or_else(|_elapsed| Err(deadline_passed()))
    }
}

impl Drop for MysqlConnection {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background(); // a plain drop panics on the thread of another runtime
        }
    }
}

impl ConnectionSealed for MysqlConnection {}

impl SimpleConnection for MysqlConnection {
    fn batch_execute(&mut self, query: &str) -> QueryResult<()> {
        self.drive(|connection| connection.batch_execute(query))
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
        self.drive(|connection| AsyncConnectionCore::execute_returning_count(connection, source))
    }

    fn transaction_state(&mut self) -> &mut AnsiTransactionManager {
        &mut self.transactions
    }

    fn instrumentation(&mut self) -> &mut dyn Instrumentation {
        self.connection.instrumentation()
    }

    fn set_instrumentation(&mut self, instrumentation: impl Instrumentation) {
        self.connection.set_instrumentation(instrumentation);
    }

    fn set_prepared_statement_cache_size(&mut self, size: CacheSize) {
        self.connection.set_prepared_statement_cache_size(size);
    }
}

impl LoadConnection for MysqlConnection {
    type Cursor<'conn, 'query> = std::vec::IntoIter<QueryResult<Self::Row<'conn, 'query>>>;
    type Row<'conn, 'query> = <AsyncMysqlConnection as AsyncConnectionCore>::Row<'conn, 'query>;

    fn load<'conn, 'query, T>(&'conn mut self, source: T) -> QueryResult<Self::Cursor<'conn, 'query>>
    where
        T: Query + QueryFragment<Mysql> + QueryId + 'query,
        Mysql: QueryMetadata<T::SqlType>,
    {
        let rows = self.drive(|connection| {
            let rows = AsyncConnectionCore::load(connection, source);
            async { rows.await?.map_ok(Ok).try_collect::<Vec<_>>().await }
        })?;
        Ok(rows.into_iter())
    }
}

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
        self.broken || AnsiTransactionManager::is_broken_transaction_manager(self)
    }
}

impl MigrationConnection for MysqlConnection {
    fn setup(&mut self) -> QueryResult<usize> {
        self.batch_execute(CREATE_MIGRATIONS_TABLE).map(|()| 0)
    }
}

async fn begin_session(options: &Options) -> Result<AsyncMysqlConnection, ConnectError> {
    let mut connection = mysql_async::Conn::new(options.server.clone()).await.map_err(sorted)?;
    connection.query_drop(&options.session).await.map_err(sorted)?;
    let connection = AsyncMysqlConnection::try_from(connection).await;
    connection.map_err(|error| ConnectError::Unreachable(error.to_string()))
}

/// Tells a server that refuses us from one that is not there or has no room: access denied, unknown database.
fn sorted(error: mysql_async::Error) -> ConnectError {
    match error {
        mysql_async::Error::Server(error) if [1044, 1045, 1049, 1698].contains(&error.code) => {
            ConnectError::Refused(error.message)
        }
        mysql_async::Error::Server(error) => ConnectError::Unreachable(error.message),
        mysql_async::Error::Io(error) => ConnectError::Unreachable(error.to_string()), // its own words are the same
        other => ConnectError::Unreachable(other.to_string()),
    }
}
