use diesel::query_builder::{AsQuery, AstPass, Query, QueryFragment, QueryId};
use diesel::query_dsl::RunQueryDsl;
use diesel::query_dsl::methods::LimitDsl;

use crate::{Conn, MultiBackend, QueryResult};

/// Locks the rows that `query` finds until the transaction ends: `SELECT … FOR UPDATE`.
///
/// In a [`write`](crate::Db::write) nobody else can change them between the query and what is made of it. Where another
/// transaction has locked one of them, the query waits, for `database.lock_timeout` at most, and gives what that
/// transaction has committed.
///
/// On MySQL and MariaDB a lock is taken on every row that is read on the way, so let an index find them. SQLite has one
/// writer at a time, whose transaction has begun before the query: there it adds nothing. In a
/// [`read`](crate::Db::read), which is in no transaction, the locks are gone with the statement.
///
/// ```
/// # mod foobar { pub use foobar_db::{Error as DbError, *}; pub mod test { pub use foobar_db::testing::*; } }
/// use diesel::prelude::*;
/// use foobar::{Db, DbError, locked};
///
/// diesel::table! { counters (name) { name -> Text, value -> BigInt } }
///
/// async fn next(db: &Db) -> Result<i64, DbError> {
///     db.write(|conn| {
///         let counter = counters::table.find("order");
///         let value: i64 = locked(counter.select(counters::value)).first(conn)?;
///         diesel::update(counter).set(counters::value.eq(value + 1)).execute(conn)?;
///         Ok(value + 1)
///     })
///     .await
/// }
///
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), DbError> {
/// # use diesel::connection::SimpleConnection;
/// # let db = foobar::test::TestDb::sqlite().await;
/// # let table = "CREATE TABLE counters (name TEXT PRIMARY KEY, value BIGINT NOT NULL); INSERT INTO counters VALUES ('order', 0)";
/// # db.write(move |conn| conn.batch_execute(table)).await?;
/// # assert_eq!((next(&db).await?, next(&db).await?), (1, 2));
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))]
/// # fn main() {}
/// ```
pub fn locked<Q: AsQuery>(query: Q) -> Locked<Q::Query> {
    Locked { query: query.as_query(), wait: Wait::UntilFree }
}

/// A query that locks the rows that it finds; see [`locked`].
#[derive(Clone, Copy, Debug)]
#[must_use = "a query does nothing until it is run, for example by `load`"]
pub struct Locked<Q> {
    query: Q,
    wait: Wait,
}

/// What is done about a row that another transaction has locked.
#[derive(Clone, Copy, Debug)]
enum Wait {
    UntilFree,
    Skip,
    Fail,
}

impl<Q> Locked<Q> {
    /// Leaves out the rows that another transaction has locked: workers that take jobs from one table do not wait for
    /// each other. MySQL from 8.0 and MariaDB from 10.6 have it; an older server answers with an error of syntax. On
    /// SQLite, with its one writer, no row is ever locked.
    pub fn skip_locked(self) -> Self {
        Self { query: self.query, wait: Wait::Skip }
    }

    /// Fails at once where another transaction has locked a row, instead of waiting for it. A `write` that fails with it
    /// is tried again like one after a deadlock, and is [`Error::Conflict`](crate::Error::Conflict) at last. MySQL from
    /// 8.0 and MariaDB have it. On SQLite, with its one writer, no row is ever locked.
    pub fn no_wait(self) -> Self {
        Self { query: self.query, wait: Wait::Fail }
    }
}

impl<Q: Query> Query for Locked<Q> {
    type SqlType = Q::SqlType;
}

impl<Q> RunQueryDsl<Conn> for Locked<Q> {}

impl<Q: LimitDsl> LimitDsl for Locked<Q> {
    type Output = Locked<Q::Output>;

    fn limit(self, limit: i64) -> Self::Output {
        Locked { query: self.query.limit(limit), wait: self.wait }
    }
}

impl<Q> QueryId for Locked<Q> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false; // its text has more than its type
}

impl<Q: QueryFragment<MultiBackend>> QueryFragment<MultiBackend> for Locked<Q> {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, MultiBackend>) -> QueryResult<()> {
        self.query.walk_ast(pass.reborrow())?;
        match pass.backend() {
            #[cfg(feature = "sqlite")]
            MultiBackend::Sqlite(_) => {}
            #[cfg(feature = "mysql")]
            MultiBackend::Mysql(_) => pass.push_sql(match self.wait {
                Wait::UntilFree => " FOR UPDATE",
                Wait::Skip => " FOR UPDATE SKIP LOCKED",
                Wait::Fail => " FOR UPDATE NOWAIT",
            }),
        }
        Ok(())
    }
}
