//! SQLite's foreign keys while a migration runs.
//!
//! A table is altered by making it anew and dropping the old one, which deletes every row that refers to it where
//! foreign keys are enforced. So they are not, and what refers to nothing before and after is compared.

mod dangling;
mod keyed;
mod known;

use std::collections::BTreeMap;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use diesel::{QueryResult, sql_query};

use crate::{Conn, Engine, deadline};

pub(super) use dangling::Dangling;
use known::{ForeignKey, Id, Known, Row, quoted};

/// Enforces them for the statements that follow, or not. In a transaction SQLite takes no notice.
pub(super) fn enforce(conn: &mut Conn, enforced: bool) -> QueryResult<()> {
    match conn.engine() {
        Engine::Sqlite if enforced => conn.batch_execute("PRAGMA foreign_keys = ON"),
        Engine::Sqlite => conn.batch_execute("PRAGMA foreign_keys = OFF"),
        Engine::Mysql => Ok(()),
    }
}

/// The rows of a SQLite database that refer to nothing.
#[derive(Default)]
pub(super) struct Violations {
    /// Of each foreign key, also where there are none.
    rows: BTreeMap<ForeignKey, Vec<Row>>,
    /// Tables that have rows and cannot be checked, and why.
    unchecked: BTreeMap<String, String>,
}

impl Violations {
    /// All of them; none on MySQL, which enforces foreign keys as the migration says.
    pub(super) fn read(conn: &mut Conn) -> QueryResult<Self> {
        let mut found = Self::default();
        if conn.engine() == Engine::Sqlite {
            for (table, keys) in foreign_keys(conn)? {
                found.check(conn, table, &keys)?;
            }
        }
        Ok(found)
    }

    fn check(&mut self, conn: &mut Conn, table: String, keys: &Numbered) -> QueryResult<()> {
        self.rows.extend(keys.values().map(|known| (known.key.clone(), Vec::new())));
        match violations(conn, &table, keys) {
            Ok(found) => {
                for (number, row) in found {
                    self.rows.entry(keys[&number].key.clone()).or_default().push(row);
                }
            }
            Err(error) if deadline::has_passed() => return Err(error),
            // It refers to what is not unique, or needs a collation that only another program has.
            Err(error) if has_rows(conn, &table)? => drop(self.unchecked.insert(table, error.to_string())),
            Err(_no_matter) => {}
        }
        Ok(())
    }
}

/// The foreign keys of one table by SQLite's numbers.
type Numbered = BTreeMap<i64, Known>;

#[derive(QueryableByName)]
struct Listed {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    number: i64,
    #[diesel(sql_type = Text)]
    columns: String,
    #[diesel(sql_type = Text)]
    parent: String,
    #[diesel(sql_type = Nullable<Text>)]
    parent_columns: Option<String>,
    #[diesel(sql_type = Text)]
    reference: String,
    #[diesel(sql_type = Text)]
    dangles: String,
    #[diesel(sql_type = Nullable<Text>)]
    rowid_name: Option<String>,
}

/// The tables that have foreign keys.
fn foreign_keys(conn: &mut Conn) -> QueryResult<BTreeMap<String, Numbered>> {
    let list = format!(
        "SELECT t.name, k.id AS number, k.\"table\" AS parent, \
         group_concat(k.\"from\", ', ' ORDER BY k.seq) AS columns, \
         group_concat(k.\"to\", ', ' ORDER BY k.seq) AS parent_columns, \
         group_concat(printf('quote(t.\"%w\")', k.\"from\"), ' || '','' || ' ORDER BY k.seq) AS reference, \
         {} AS dangles, \
         (SELECT n.column1 FROM (VALUES ('rowid'), ('_rowid_'), ('oid')) n, pragma_table_list(t.name) l \
         WHERE l.schema = 'main' AND l.wr = 0 AND NOT EXISTS (SELECT 1 FROM pragma_table_xinfo(t.name, 'main') c \
         WHERE c.name = n.column1 COLLATE NOCASE) LIMIT 1) AS rowid_name \
         FROM sqlite_schema t, pragma_foreign_key_list(t.name, 'main') k WHERE t.type = 'table' \
         GROUP BY t.name, k.id",
        keyed::DANGLES
    );
    let mut tables = BTreeMap::<_, Numbered>::new();
    for Listed { name, number, columns, parent, parent_columns, reference, dangles, rowid_name } in
        sql_query(list).load(conn)?
    {
        let key = ForeignKey { table: name.clone(), columns, parent, parent_columns };
        tables.entry(name).or_default().insert(number, Known { key, reference, dangles, rowid: rowid_name });
    }
    Ok(tables)
}

#[derive(QueryableByName)]
struct Violation {
    #[diesel(sql_type = Nullable<BigInt>, column_name = row_id)]
    id: Option<i64>,
    #[diesel(sql_type = BigInt)]
    number: i64,
    #[diesel(sql_type = Nullable<Text>)]
    reference: Option<String>,
}

/// The rows of a table that refer to nothing, each with the number of its foreign key.
fn violations(conn: &mut Conn, table: &str, keys: &Numbered) -> QueryResult<Vec<(i64, Row)>> {
    let rowid = keys.values().find_map(|known| known.rowid.as_deref()); // one table, so one name
    let (reference, rows) = match rowid {
        Some(rowid) => {
            let of_key = |(number, known): (&i64, &Known)| format!("WHEN {number} THEN {} ", known.reference);
            let cases: String = keys.iter().map(of_key).collect();
            let rows = format!("LEFT JOIN main.{} t ON t.{rowid} = f.\"rowid\"", quoted(table));
            (format!("CASE f.fkid {cases}END"), rows)
        }
        None => ("NULL".to_owned(), String::new()),
    };
    let check = format!(
        "SELECT f.\"rowid\" AS row_id, f.fkid AS number, {reference} AS reference \
         FROM pragma_foreign_key_check(?, 'main') f {rows}"
    );
    let mut rows = Vec::new();
    let mut without_rowid = BTreeMap::<i64, usize>::new();
    for Violation { id, number, reference } in sql_query(check).bind::<Text, _>(table).load(conn)? {
        match id {
            Some(id) => rows.push((number, Row { id: Some(Id::Rowid(id)), reference })),
            None => *without_rowid.entry(number).or_default() += 1,
        }
    }
    for (number, count) in without_rowid {
        let named = keyed::rows(conn, table, &keys[&number], count)?;
        rows.extend(named.into_iter().map(|row| (number, row)));
    }
    Ok(rows)
}

fn has_rows(conn: &mut Conn, table: &str) -> QueryResult<bool> {
    let exists = format!("EXISTS (SELECT 1 FROM main.{})", quoted(table));
    diesel::select(diesel::dsl::sql::<Bool>(&exists)).get_result(conn)
}
