mod statement;

use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::prelude::*;
use diesel::query_builder::{AsChangeset, AstPass, InsertStatement, QueryFragment, QueryId};

use crate::QueryResult;

pub use statement::UpsertSet;

/// Inserts rows, and changes those that are there already: `ON CONFLICT … DO UPDATE` of SQLite, `ON DUPLICATE KEY
/// UPDATE` of MySQL and MariaDB.
///
/// [`on`](Upsert::on) names the columns of the unique key, [`set`](UpsertOn::set) says what is changed;
/// [`incoming`] is the value that would have been inserted. `execute` gives the number of rows that were given, each of
/// which was inserted or changed.
///
/// **MySQL takes any unique key**, not only the one that is named: a row that collides with another of its keys is
/// changed too, where SQLite says [`UniqueViolation`](diesel::result::DatabaseErrorKind). MySQL also carries out the
/// assignments from left to right, each with what the one before it has set; and `updated_at` columns with `ON UPDATE`
/// change with them. SQLite takes several rows one by one, in one transaction, and needs a unique key of exactly the
/// columns that are named. Rows of a `select` are not taken.
///
/// ```
/// # mod foobar { pub use foobar_db::{Error as DbError, *}; pub mod test { pub use foobar_db::testing::*; } }
/// use diesel::prelude::*;
/// use foobar::{Db, DbError, incoming, upsert};
///
/// diesel::table! { tags (word) { word -> Text, uses -> Integer, color -> Text } }
///
/// /// Adds a tag, or counts one that is there and gives it the new color.
/// async fn count_tag(db: &Db, word: &str, color: &str) -> Result<usize, DbError> {
///     let (word, color) = (word.to_owned(), color.to_owned());
///     db.write(move |conn| {
///         let new = (tags::word.eq(&word), tags::uses.eq(1), tags::color.eq(&color));
///         upsert(diesel::insert_into(tags::table).values(new))
///             .on(tags::word)
///             .set((tags::uses.eq(tags::uses + 1), tags::color.eq(incoming(tags::color))))
///             .execute(conn)
///     })
///     .await
/// }
///
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), DbError> {
/// # use diesel::connection::SimpleConnection;
/// # let db = foobar::test::TestDb::sqlite().await;
/// # let table = "CREATE TABLE tags (word TEXT PRIMARY KEY, uses INTEGER NOT NULL, color TEXT NOT NULL)";
/// # db.write(move |conn| conn.batch_execute(table)).await?;
/// # assert_eq!((count_tag(&db, "a", "red").await?, count_tag(&db, "a", "blue").await?), (1, 1));
/// # let found = db.read(|conn| tags::table.first::<(String, i32, String)>(conn)).await?;
/// # assert_eq!(found, ("a".to_owned(), 2, "blue".to_owned()));
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))]
/// # fn main() {}
/// ```
pub const fn upsert<T: QuerySource, R, Op>(insert: InsertStatement<T, R, Op>) -> Upsert<T, R, Op> {
    Upsert { insert }
}

/// An insert that is to become an [`upsert`]: [`on`](Self::on) comes next.
#[must_use = "it says neither which key nor what is changed"]
pub struct Upsert<T: QuerySource, R, Op> {
    insert: InsertStatement<T, R, Op>,
}

impl<T: QuerySource, R, Op> Upsert<T, R, Op> {
    /// Names the unique key: a column, or several in a tuple, in the order of the key. MySQL takes any unique key.
    pub fn on<C: AppearsOnTable<T>>(self, columns: C) -> UpsertOn<T, R, Op, C> {
        UpsertOn { insert: self.insert, columns }
    }
}

/// An [`upsert`] with its key: [`set`](Self::set) comes next.
#[must_use = "it does not say what is changed"]
pub struct UpsertOn<T: QuerySource, R, Op, C> {
    insert: InsertStatement<T, R, Op>,
    columns: C,
}

impl<T: QuerySource, R, Op, C> UpsertOn<T, R, Op, C> {
    /// Says what is changed in a row that is there, as `set` of an `update` does.
    pub fn set<S: AsChangeset<Target = T>>(self, changes: S) -> UpsertSet<T, R, Op, C, S::Changeset> {
        UpsertSet { insert: self.insert, columns: self.columns, changes: changes.as_changeset() }
    }
}

/// In the changes of an [`upsert`]: the value of `column` that would have been inserted.
pub const fn incoming<C: Column>(column: C) -> Incoming<C> {
    Incoming { _column: column }
}

/// The value that would have been inserted; see [`incoming`].
#[derive(Clone, Copy, Debug, QueryId)]
pub struct Incoming<C> {
    _column: C,
}

impl<C: Expression> Expression for Incoming<C> {
    type SqlType = C::SqlType;
}

impl<C: Column> AppearsOnTable<C::Table> for Incoming<C> where Self: Expression {}
impl<C: Column> SelectableExpression<C::Table> for Incoming<C> where Self: AppearsOnTable<C::Table> {}

impl<C> ValidGrouping<()> for Incoming<C> {
    type IsAggregate = is_aggregate::No;
}

#[cfg(feature = "sqlite")]
impl<C: Column> QueryFragment<diesel::sqlite::Sqlite> for Incoming<C> {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, diesel::sqlite::Sqlite>) -> QueryResult<()> {
        pass.push_sql("excluded.");
        pass.push_identifier(C::NAME)
    }
}

/// MySQL would have another name for it since 8.0.19, which MariaDB does not know.
#[cfg(feature = "mysql")]
impl<C: Column> QueryFragment<diesel::mysql::Mysql> for Incoming<C> {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, diesel::mysql::Mysql>) -> QueryResult<()> {
        pass.push_sql("VALUES(");
        pass.push_identifier(C::NAME)?;
        pass.push_sql(")");
        Ok(())
    }
}
