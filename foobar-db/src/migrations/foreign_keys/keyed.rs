//! The rows of tables without rowids, of which SQLite's own check says how many refer to nothing, and not which.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel::{QueryResult, sql_query};

use super::known::{Id, Known, Row, quoted};
use crate::{Conn, deadline};

/// An expression for the condition of a foreign key `k` under which a row `t` refers to nothing. Of the parent's columns,
/// which stand first and bare, comparisons take the collation and the affinity, as SQLite's foreign keys do.
pub(super) const DANGLES: &str = "group_concat(printf('t.\"%w\" IS NOT NULL', k.\"from\"), ' AND ' ORDER BY k.seq) || \
    CASE WHEN EXISTS (SELECT 1 FROM pragma_table_list(k.\"table\") l WHERE l.schema = 'main') \
    THEN printf(' AND NOT EXISTS (SELECT 1 FROM main.\"%w\" p WHERE ', k.\"table\") || \
    group_concat(printf('p.\"%w\" = +t.\"%w\"', coalesce(k.\"to\", (SELECT c.name FROM \
    pragma_table_xinfo(k.\"table\", 'main') c WHERE c.pk = k.seq + 1)), k.\"from\"), ' AND ' ORDER BY k.seq) || ')' \
    ELSE '' END";

#[derive(QueryableByName)]
struct Keyed {
    #[diesel(sql_type = Text)]
    key: String,
    #[diesel(sql_type = Text)]
    reference: String,
}

/// The `count` rows of a foreign key that refer to nothing, by their primary key. Where they cannot be told, they have no
/// name: SQLite has found as many.
pub(super) fn rows(conn: &mut Conn, table: &str, known: &Known, count: usize) -> QueryResult<Vec<Row>> {
    let named = match named(conn, table, known) {
        Err(error) if deadline::has_passed() => return Err(error),
        named => named.ok().filter(|rows| rows.len() == count), // a name fails no migration
    };
    Ok(named.unwrap_or_else(|| vec![Row { id: None, reference: None }; count]))
}

fn named(conn: &mut Conn, table: &str, known: &Known) -> QueryResult<Vec<Row>> {
    let Known { reference, dangles, .. } = known;
    let key = primary_key(conn, table)?;
    let rows = format!("SELECT {key} AS key, {reference} AS reference FROM main.{} t WHERE {dangles}", quoted(table));
    let row = |Keyed { key, reference }| Row { id: Some(Id::Key(key)), reference: Some(reference) };
    Ok(sql_query(rows).load(conn)?.into_iter().map(row).collect())
}

#[derive(QueryableByName)]
struct PrimaryKey {
    #[diesel(sql_type = Text)]
    values: String,
    #[diesel(sql_type = BigInt)]
    columns: i64,
}

/// An expression of SQL for the values of a table's primary key, as SQL writes them.
fn primary_key(conn: &mut Conn, table: &str) -> QueryResult<String> {
    let read = "SELECT group_concat(printf('quote(t.\"%w\")', name), ' || '', '' || ' ORDER BY pk) AS \"values\", \
                count(*) AS columns FROM pragma_table_xinfo(?, 'main') WHERE pk > 0";
    let PrimaryKey { values, columns } = sql_query(read).bind::<Text, _>(table).get_result(conn)?;
    Ok(if columns == 1 { values } else { format!("'(' || {values} || ')'") })
}
