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
    rows: BTreeMap<ForeignKey, Vec<RowId>>,
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

/// `None` in a table without rowids.
type RowId = Option<i64>;

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
        self.rows.extend(keys.values().map(|key| (key.clone(), Vec::new())));
        match violations(conn, &table) {
            Ok(found) => {
                for row in found {
                    self.rows.entry(keys[&row.number].clone()).or_default().push(row.id);
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
type Numbered = BTreeMap<i64, ForeignKey>;

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
}

/// The tables that have foreign keys.
fn foreign_keys(conn: &mut Conn) -> QueryResult<BTreeMap<String, Numbered>> {
    let list = "SELECT t.name, k.id AS number, k.\"table\" AS parent, \
                group_concat(k.\"from\", ', ' ORDER BY k.seq) AS columns, \
                group_concat(k.\"to\", ', ' ORDER BY k.seq) AS parent_columns \
                FROM sqlite_schema t, pragma_foreign_key_list(t.name, 'main') k WHERE t.type = 'table' \
                GROUP BY t.name, k.id";
    let mut tables = BTreeMap::<_, Numbered>::new();
    for Listed { name, number, columns, parent, parent_columns } in sql_query(list).load(conn)? {
        let key = ForeignKey { table: name.clone(), columns, parent, parent_columns };
        tables.entry(name).or_default().insert(number, key);
    }
    Ok(tables)
}

#[derive(QueryableByName)]
struct Violation {
    #[diesel(sql_type = Nullable<BigInt>, column_name = row_id)]
    id: RowId,
    #[diesel(sql_type = BigInt)]
    number: i64,
}

fn violations(conn: &mut Conn, table: &str) -> QueryResult<Vec<Violation>> {
    let check = "SELECT \"rowid\" AS row_id, fkid AS number FROM pragma_foreign_key_check(?, 'main')";
    sql_query(check).bind::<Text, _>(table).load(conn)
}

fn has_rows(conn: &mut Conn, table: &str) -> QueryResult<bool> {
    let exists = format!("EXISTS (SELECT 1 FROM main.\"{}\")", table.replace('"', "\"\""));
    diesel::select(diesel::dsl::sql::<Bool>(&exists)).get_result(conn)
}
