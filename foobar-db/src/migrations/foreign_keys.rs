//! SQLite's foreign keys while a migration runs.
//!
//! A table is altered by making it anew and dropping the old one, which deletes every row that refers to it where
//! foreign keys are enforced. So they are not, and what refers to nothing before and after is compared.

mod dangling;

use std::collections::BTreeMap;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use diesel::{QueryResult, sql_query};

use crate::{Conn, Engine, deadline};

pub(super) use dangling::Dangling;

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

/// What a foreign key says; its number would change where its table is made anew.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ForeignKey {
    table: String,
    columns: String,
    parent: String,
    /// `None` for the primary key.
    parent_columns: Option<String>,
}

/// A row that refers to nothing.
#[derive(Clone, Debug)]
struct Row {
    /// `None` in a table without rowids.
    id: Option<i64>,
    /// What its foreign key holds, by which it is known where a migration has changed rowids; `None` in a table without
    /// rowids, of which SQLite does not say which row it is.
    reference: Option<String>,
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
                for Violation { id, number, reference } in found {
                    self.rows.entry(keys[&number].key.clone()).or_default().push(Row { id, reference });
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

struct Known {
    key: ForeignKey,
    /// An expression of SQL for what its columns hold.
    reference: String,
    /// The name by which SQL asks for the rowids of its table; columns may have any of the three.
    rowid: Option<String>,
}

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
    #[diesel(sql_type = Nullable<Text>)]
    rowid_name: Option<String>,
}

/// The tables that have foreign keys.
fn foreign_keys(conn: &mut Conn) -> QueryResult<BTreeMap<String, Numbered>> {
    let list = "SELECT t.name, k.id AS number, k.\"table\" AS parent, \
                group_concat(k.\"from\", ', ' ORDER BY k.seq) AS columns, \
                group_concat(k.\"to\", ', ' ORDER BY k.seq) AS parent_columns, \
                group_concat(printf('quote(t.\"%w\")', k.\"from\"), ' || '','' || ' ORDER BY k.seq) AS reference, \
                (SELECT n.column1 FROM (VALUES ('rowid'), ('_rowid_'), ('oid')) n, pragma_table_list(t.name) l \
                WHERE l.schema = 'main' AND l.wr = 0 AND NOT EXISTS (SELECT 1 FROM pragma_table_xinfo(t.name, 'main') c \
                WHERE c.name = n.column1 COLLATE NOCASE) LIMIT 1) AS rowid_name \
                FROM sqlite_schema t, pragma_foreign_key_list(t.name, 'main') k WHERE t.type = 'table' \
                GROUP BY t.name, k.id";
    let mut tables = BTreeMap::<_, Numbered>::new();
    for Listed { name, number, columns, parent, parent_columns, reference, rowid_name } in sql_query(list).load(conn)? {
        let key = ForeignKey { table: name.clone(), columns, parent, parent_columns };
        tables.entry(name).or_default().insert(number, Known { key, reference, rowid: rowid_name });
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

fn violations(conn: &mut Conn, table: &str, keys: &Numbered) -> QueryResult<Vec<Violation>> {
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
    sql_query(check).bind::<Text, _>(table).load(conn)
}

fn has_rows(conn: &mut Conn, table: &str) -> QueryResult<bool> {
    let exists = format!("EXISTS (SELECT 1 FROM main.{})", quoted(table));
    diesel::select(diesel::dsl::sql::<Bool>(&exists)).get_result(conn)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
