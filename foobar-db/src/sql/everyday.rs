//! Diesel's own words: several rows in one insert, `insert_or_ignore_into`, `replace_into`, `union`, `save_changes`,
//! JSON.

use diesel::associations::HasTable;
use diesel::deserialize::{self, FromSql};
use diesel::dsl::{Find, Update};
use diesel::expression::{MixedAggregates, ValidGrouping, is_aggregate};
use diesel::prelude::*;
use diesel::query_builder::{
    All, AsChangeset, AstPass, BatchInsert, Distinct, InsertOrIgnore, InsertStatement, IntoUpdateTarget,
    ParenthesisWrapper, QueryFragment, Replace, SupportsCombinationClause, Union, ValuesClause,
};
use diesel::query_dsl::methods::{ExecuteDsl, FindDsl};
use diesel::query_dsl::{LoadQuery, UpdateAndFetchResults};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{HasSqlType, Json};
use diesel::{QuerySource, backend::Backend};

use super::engines::{ExecuteOnMysql, ExecuteOnSqlite, OnMysql, OnSqlite, execute};
use crate::{Conn, MultiBackend, QueryResult};

impl QueryFragment<MultiBackend> for InsertOrIgnore {
    fn walk_ast<'b>(&'b self, pass: AstPass<'_, 'b, MultiBackend>) -> QueryResult<()> {
        MultiBackend::walk_variant_ast(self, pass)
    }
}

impl QueryFragment<MultiBackend> for Replace {
    fn walk_ast<'b>(&'b self, pass: AstPass<'_, 'b, MultiBackend>) -> QueryResult<()> {
        MultiBackend::walk_variant_ast(self, pass)
    }
}

impl<T> QueryFragment<MultiBackend> for ParenthesisWrapper<T>
where
    Self: OnSqlite + OnMysql,
{
    fn walk_ast<'b>(&'b self, pass: AstPass<'_, 'b, MultiBackend>) -> QueryResult<()> {
        MultiBackend::walk_variant_ast(self, pass)
    }
}

impl SupportsCombinationClause<Union, Distinct> for MultiBackend {}
impl SupportsCombinationClause<Union, All> for MultiBackend {}

/// On SQLite rows that leave out a value are inserted one by one, since it has no `DEFAULT` for one of them.
impl<T, V, QId, Op, const STATIC: bool> ExecuteDsl<Conn, MultiBackend>
    for InsertStatement<T, BatchInsert<Vec<ValuesClause<V, T>>, T, QId, STATIC>, Op>
where
    T: QuerySource,
    Self: ExecuteOnSqlite + ExecuteOnMysql,
{
    fn execute(query: Self, conn: &mut Conn) -> QueryResult<usize> {
        // Diesel writes a SELECT for no row, and SQLite counts the rows of the statement before it.
        if query.records.values.is_empty() { Ok(0) } else { execute(query, conn) }
    }
}

impl<'b, Changes, Output> UpdateAndFetchResults<Changes, Output> for Conn
where
    Changes: Copy + Identifiable + AsChangeset<Target = <Changes as HasTable>::Table> + IntoUpdateTarget,
    Changes::Table: FindDsl<Changes::Id>,
    Update<Changes, Changes>: ExecuteDsl<Self>,
    Find<Changes::Table, Changes::Id>: LoadQuery<'b, Self, Output>,
    <Changes::Table as Table>::AllColumns: ValidGrouping<()>,
    <<Changes::Table as Table>::AllColumns as ValidGrouping<()>>::IsAggregate:
        MixedAggregates<is_aggregate::No, Output = is_aggregate::No>,
{
    fn update_and_fetch(&mut self, changes: Changes) -> QueryResult<Output> {
        diesel::update(changes).set(changes).execute(self)?;
        FindDsl::find(Changes::table(), changes.id()).get_result(self)
    }
}

impl HasSqlType<Json> for MultiBackend {
    fn metadata(lookup: &mut Self::MetadataLookup) -> Self::TypeMetadata {
        Self::lookup_sql_type::<Json>(lookup)
    }
}

impl FromSql<Json, MultiBackend> for serde_json::Value {
    fn from_sql(value: <MultiBackend as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        value.from_sql::<Self, Json>()
    }
}

impl ToSql<Json, MultiBackend> for serde_json::Value {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, MultiBackend>) -> serialize::Result {
        out.set_value((Json, self));
        Ok(IsNull::No)
    }
}
