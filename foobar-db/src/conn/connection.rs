use diesel::connection::{
    AnsiTransactionManager, CacheSize, Connection, ConnectionSealed, Instrumentation, LoadConnection, SimpleConnection,
    TransactionManager, TransactionManagerStatus,
};
use diesel::expression::QueryMetadata;
use diesel::migration::MigrationConnection;
use diesel::query_builder::{Query, QueryFragment, QueryId};
use diesel::r2d2::R2D2Connection;
#[cfg(feature = "sqlite")]
use diesel::sqlite::SqliteConnection;
use diesel::{ConnectionResult, QueryResult};

use super::Conn;
use super::backend::{MultiBackend, MultiRow};
use super::statement::Statement;
#[cfg(feature = "mysql")]
use crate::MysqlConnection;

/// The same of whichever connection it is.
macro_rules! on_either {
    ($conn:expr, $inner:ident => $value:expr) => {
        match $conn {
            #[cfg(feature = "sqlite")]
            Conn::Sqlite($inner) => $value,
            #[cfg(feature = "mysql")]
            Conn::Mysql($inner) => $value,
        }
    };
}

impl ConnectionSealed for Conn {}

impl SimpleConnection for Conn {
    fn batch_execute(&mut self, query: &str) -> QueryResult<()> {
        on_either!(self, conn => conn.batch_execute(query))
    }
}

impl Connection for Conn {
    type Backend = MultiBackend;
    type TransactionManager = Self;

    /// A file of SQLite where there is one, or may be, and a server of MySQL otherwise.
    fn establish(url: &str) -> ConnectionResult<Self> {
        #[cfg(feature = "sqlite")]
        let file = SqliteConnection::establish(url).map(Self::Sqlite);
        #[cfg(all(feature = "sqlite", feature = "mysql"))]
        return file.or_else(|_no_file| MysqlConnection::establish(url).map(Self::Mysql));
        #[cfg(not(feature = "mysql"))]
        return file;
        #[cfg(not(feature = "sqlite"))]
        return MysqlConnection::establish(url).map(Self::Mysql);
    }

    fn execute_returning_count<T>(&mut self, source: &T) -> QueryResult<usize>
    where
        T: QueryFragment<MultiBackend> + QueryId,
    {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(conn) => conn.execute_returning_count(&Statement::of_sqlite(source)),
            #[cfg(feature = "mysql")]
            Self::Mysql(conn) => conn.execute_returning_count(&Statement::of_mysql(source)),
        }
    }

    fn transaction_state(&mut self) -> &mut Self {
        self
    }

    fn instrumentation(&mut self) -> &mut dyn Instrumentation {
        on_either!(self, conn => conn.instrumentation())
    }

    fn set_instrumentation(&mut self, instrumentation: impl Instrumentation) {
        on_either!(self, conn => conn.set_instrumentation(instrumentation));
    }

    fn set_prepared_statement_cache_size(&mut self, size: CacheSize) {
        on_either!(self, conn => conn.set_prepared_statement_cache_size(size));
    }
}

impl LoadConnection for Conn {
    type Cursor<'conn, 'query> = Rows<'conn, 'query>;
    type Row<'conn, 'query> = MultiRow<'conn, 'query>;

    fn load<'conn, 'query, T>(&'conn mut self, source: T) -> QueryResult<Rows<'conn, 'query>>
    where
        T: Query + QueryFragment<MultiBackend> + QueryId + 'query,
        MultiBackend: QueryMetadata<T::SqlType>,
    {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(conn) => LoadConnection::load(conn, Statement::of_sqlite(source)).map(Rows::Sqlite),
            #[cfg(feature = "mysql")]
            Self::Mysql(conn) => LoadConnection::load(conn, Statement::of_mysql(source)).map(Rows::Mysql),
        }
    }
}

/// The rows of a query on a [`Conn`], as they come.
pub enum Rows<'conn, 'query> {
    #[cfg(feature = "sqlite")]
    Sqlite(<SqliteConnection as LoadConnection>::Cursor<'conn, 'query>),
    #[cfg(feature = "mysql")]
    Mysql(<MysqlConnection as LoadConnection>::Cursor<'conn, 'query>),
}

impl<'conn, 'query> Iterator for Rows<'conn, 'query> {
    type Item = QueryResult<MultiRow<'conn, 'query>>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(rows) => Some(rows.next()?.map(MultiRow::Sqlite)),
            #[cfg(feature = "mysql")]
            Self::Mysql(rows) => Some(rows.next()?.map(MultiRow::Mysql)),
        }
    }
}

impl TransactionManager<Self> for Conn {
    type TransactionStateData = Self;

    fn begin_transaction(conn: &mut Self) -> QueryResult<()> {
        on_either!(conn, conn => AnsiTransactionManager::begin_transaction(conn))
    }

    fn rollback_transaction(conn: &mut Self) -> QueryResult<()> {
        on_either!(conn, conn => AnsiTransactionManager::rollback_transaction(conn))
    }

    fn commit_transaction(conn: &mut Self) -> QueryResult<()> {
        on_either!(conn, conn => AnsiTransactionManager::commit_transaction(conn))
    }

    fn transaction_manager_status_mut(conn: &mut Self) -> &mut TransactionManagerStatus {
        on_either!(conn, conn => AnsiTransactionManager::transaction_manager_status_mut(conn))
    }

    fn is_broken_transaction_manager(conn: &mut Self) -> bool {
        on_either!(conn, conn => AnsiTransactionManager::is_broken_transaction_manager(conn))
    }
}

impl R2D2Connection for Conn {
    fn ping(&mut self) -> QueryResult<()> {
        on_either!(self, conn => conn.ping())
    }

    fn is_broken(&mut self) -> bool {
        on_either!(self, conn => conn.is_broken())
    }
}

impl MigrationConnection for Conn {
    fn setup(&mut self) -> QueryResult<usize> {
        on_either!(self, conn => conn.setup())
    }
}
