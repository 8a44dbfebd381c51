use diesel::prelude::*;
#[cfg(feature = "sqlite")]
use diesel::query_builder::Query;
use diesel::query_builder::{AstPass, InsertStatement, QueryFragment, QueryId};
use diesel::result::Error as DieselError;
#[cfg(feature = "sqlite")]
use diesel::sql_types::Nullable;
use diesel::sql_types::{BigInt, Integer, SmallInt};

use super::engines::{OnMysql, OnSqlite};
use crate::{Conn, QueryResult};

/// Inserts one row and gives its id, the value of the table's primary key: by `RETURNING` on SQLite, by the server's
/// answer to the insert on MySQL and MariaDB, without another round trip.
///
/// The key is one integer column that the database gives a number by itself: `INTEGER PRIMARY KEY` on SQLite,
/// `AUTO_INCREMENT` on MySQL. A number that the row brings itself is given back too.
///
/// # Errors
///
/// [`NotFound`](diesel::NotFound) where nothing was inserted (`insert_or_ignore_into`). An error that says so where the
/// database gave the row no number: on SQLite a key of another type than `INTEGER`, such as `BIGINT PRIMARY KEY`, on
/// MySQL a column without `AUTO_INCREMENT`.
///
/// ```
/// # mod foobar { pub use foobar_db::{Error as DbError, *}; pub mod test { pub use foobar_db::testing::*; } }
/// use diesel::prelude::*;
/// use foobar::{Db, DbError, insert_returning_id};
///
/// diesel::table! { notes (id) { id -> BigInt, body -> Text } }
///
/// async fn add(db: &Db, body: &str) -> Result<i64, DbError> {
///     let body = body.to_owned();
///     db.write(move |conn| {
///         insert_returning_id(conn, diesel::insert_into(notes::table).values(notes::body.eq(&body)))
///     })
///     .await
/// }
///
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), DbError> {
/// # use diesel::connection::SimpleConnection;
/// # let db = foobar::test::TestDb::sqlite().await;
/// # db.write(|conn| conn.batch_execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT NOT NULL)")).await?;
/// # assert_eq!((add(&db, "one").await?, add(&db, "two").await?), (1, 2));
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))]
/// # fn main() {}
/// ```
pub fn insert_returning_id<T, R, Op>(conn: &mut Conn, insert: InsertStatement<T, R, Op>) -> QueryResult<i64>
where
    T: Table,
    T::PrimaryKey: Column + OnSqlite,
    <T::PrimaryKey as Expression>::SqlType: IdColumn,
    InsertStatement<T, R, Op>: OnSqlite + OnMysql,
{
    match conn {
        #[cfg(feature = "sqlite")]
        Conn::Sqlite(conn) => {
            let key = insert.target.primary_key();
            let id: Option<i64> = Returning { insert, key }.get_result(conn)?;
            id.ok_or_else(|| no_id("the key is no `INTEGER PRIMARY KEY`, and SQLite gives a number to no other"))
        }
        #[cfg(feature = "mysql")]
        Conn::Mysql(conn) => match conn.execute_returning_count(&Unnamed(insert))? {
            0 => Err(DieselError::NotFound),
            _ => conn.last_insert_id().map_err(no_id),
        },
    }
}

/// A type of a column whose number a database gives by itself.
#[diagnostic::on_unimplemented(message = "the primary key is no integer, so that no database gives it a number")]
pub trait IdColumn {}

impl IdColumn for SmallInt {}
impl IdColumn for Integer {}
impl IdColumn for BigInt {}

fn no_id(why: &'static str) -> DieselError {
    DieselError::DeserializationError(format!("the inserted row has no id: {why}").into())
}

/// An insert whose text is remembered by what it is.
#[cfg(feature = "mysql")]
struct Unnamed<I>(I);

#[cfg(feature = "mysql")]
impl<I> QueryId for Unnamed<I> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

#[cfg(feature = "mysql")]
impl<I: QueryFragment<diesel::mysql::Mysql>> QueryFragment<diesel::mysql::Mysql> for Unnamed<I> {
    fn walk_ast<'b>(&'b self, pass: AstPass<'_, 'b, diesel::mysql::Mysql>) -> QueryResult<()> {
        self.0.walk_ast(pass)
    }
}

/// An insert on SQLite, with its key.
#[cfg(feature = "sqlite")]
struct Returning<I, K> {
    insert: I,
    key: K,
}

#[cfg(feature = "sqlite")]
impl<I, K> Query for Returning<I, K> {
    type SqlType = Nullable<BigInt>;
}

#[cfg(feature = "sqlite")]
impl<I, K> RunQueryDsl<SqliteConnection> for Returning<I, K> {}

#[cfg(feature = "sqlite")]
impl<I, K> QueryId for Returning<I, K> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

#[cfg(feature = "sqlite")]
impl<I, K> QueryFragment<diesel::sqlite::Sqlite> for Returning<I, K>
where
    I: QueryFragment<diesel::sqlite::Sqlite>,
    K: QueryFragment<diesel::sqlite::Sqlite>,
{
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, diesel::sqlite::Sqlite>) -> QueryResult<()> {
        self.insert.walk_ast(pass.reborrow())?;
        pass.push_sql(" RETURNING ");
        self.key.walk_ast(pass)
    }
}
