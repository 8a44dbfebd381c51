use diesel::prelude::*;
use diesel::query_builder::{AstPass, BatchInsert, InsertStatement, QueryFragment, QueryId, ValuesClause};
use diesel::query_dsl::methods::ExecuteDsl;
use diesel::result::Error as DieselError;

use crate::sql::engines::{OnMysql, OnSqlite};
use crate::{Conn, MultiBackend, QueryResult};

/// A whole [`upsert`](super::upsert); `execute` runs it.
#[must_use = "it does nothing until it is run by `execute`"]
pub struct UpsertSet<T: QuerySource, R, Op, C, S> {
    pub(super) insert: InsertStatement<T, R, Op>,
    pub(super) columns: C,
    pub(super) changes: S,
}

impl<T: QuerySource, R, Op, C, S> RunQueryDsl<Conn> for UpsertSet<T, R, Op, C, S> {}

/// One row: one statement on both engines.
impl<T, V, Op, C, S> ExecuteDsl<Conn, MultiBackend> for UpsertSet<T, ValuesClause<V, T>, Op, C, S>
where
    T: QuerySource,
    InsertStatement<T, ValuesClause<V, T>, Op>: OnSqlite + OnMysql,
    C: OnSqlite,
    S: OnSqlite + OnMysql,
{
    fn execute(query: Self, conn: &mut Conn) -> QueryResult<usize> {
        let statement = Statement { insert: &query.insert, columns: &query.columns, changes: &query.changes };
        match conn {
            #[cfg(feature = "sqlite")]
            Conn::Sqlite(conn) => conn.execute_returning_count(&statement)?,
            #[cfg(feature = "mysql")]
            Conn::Mysql(conn) => conn.execute_returning_count(&statement)?, // 2 for a row that was changed
        };
        Ok(1)
    }
}

/// Several rows: one statement on MySQL; on SQLite, which has no `DEFAULT` for one of them, one after the other.
impl<T, V, QId, Op, C, S, const STATIC: bool> ExecuteDsl<Conn, MultiBackend>
    for UpsertSet<T, BatchInsert<Vec<ValuesClause<V, T>>, T, QId, STATIC>, Op, C, S>
where
    T: QuerySource + Copy,
    Op: Copy,
    for<'r> InsertStatement<T, &'r ValuesClause<V, T>, Op>: OnSqlite,
    InsertStatement<T, BatchInsert<Vec<ValuesClause<V, T>>, T, QId, STATIC>, Op>: OnMysql,
    C: OnSqlite,
    S: OnSqlite + OnMysql,
{
    fn execute(query: Self, conn: &mut Conn) -> QueryResult<usize> {
        let Self { insert, columns, changes } = &query;
        let rows = &insert.records.values;
        match conn {
            _ if rows.is_empty() => {}
            #[cfg(feature = "sqlite")]
            Conn::Sqlite(conn) => conn.transaction(|conn| {
                rows.iter().try_for_each(|row| {
                    let insert = &InsertStatement::new(insert.target, row, insert.operator, insert.returning);
                    conn.execute_returning_count(&Statement { insert, columns, changes }).map(drop)
                })
            })?,
            #[cfg(feature = "mysql")]
            Conn::Mysql(conn) => conn.execute_returning_count(&Statement { insert, columns, changes }).map(drop)?,
        }
        Ok(rows.len())
    }
}

/// What is sent to an engine.
struct Statement<'a, I, C, S> {
    insert: &'a I,
    #[cfg_attr(not(feature = "sqlite"), expect(dead_code, reason = "MySQL takes any unique key"))]
    columns: &'a C,
    changes: &'a S,
}

impl<I, C, S> QueryId for Statement<'_, I, C, S> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

#[cfg(feature = "sqlite")]
impl<I, C, S> QueryFragment<diesel::sqlite::Sqlite> for Statement<'_, I, C, S>
where
    I: QueryFragment<diesel::sqlite::Sqlite>,
    C: QueryFragment<diesel::sqlite::Sqlite>,
    S: QueryFragment<diesel::sqlite::Sqlite>,
{
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, diesel::sqlite::Sqlite>) -> QueryResult<()> {
        let is_empty = self.changes.is_noop(&diesel::sqlite::Sqlite)?;
        self.insert.walk_ast(pass.reborrow())?;
        pass.push_sql(" ON CONFLICT (");
        let mut names = pass.reborrow();
        names.skip_from(true);
        self.columns.walk_ast(names)?;
        pass.push_sql(") DO UPDATE SET ");
        changes(is_empty, self.changes, pass)
    }
}

#[cfg(feature = "mysql")]
impl<I, C, S> QueryFragment<diesel::mysql::Mysql> for Statement<'_, I, C, S>
where
    I: QueryFragment<diesel::mysql::Mysql>,
    S: QueryFragment<diesel::mysql::Mysql>,
{
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, diesel::mysql::Mysql>) -> QueryResult<()> {
        let is_empty = self.changes.is_noop(&diesel::mysql::Mysql)?;
        self.insert.walk_ast(pass.reborrow())?;
        pass.push_sql(" ON DUPLICATE KEY UPDATE ");
        changes(is_empty, self.changes, pass)
    }
}

fn changes<'b, DB: diesel::backend::Backend>(
    is_empty: bool,
    changes: &'b impl QueryFragment<DB>,
    pass: AstPass<'_, 'b, DB>,
) -> QueryResult<()> {
    if is_empty {
        return Err(DieselError::QueryBuilderError("an upsert has no changes: `set` says what is changed".into()));
    }
    changes.walk_ast(pass)
}
