//! What a column is that was read as something else, which Diesel's own error does not say.

mod type_name;

use std::cell::RefCell;
use std::str::Utf8Error;
use std::sync::Arc;

use diesel::result::{DeserializeFieldError, Error as DieselError};
use mysql_async::consts::ColumnType;
use mysql_async::{Column, Row};

pub(crate) use type_name::type_name;

thread_local! {
    /// The columns of the last rows that were read on this thread.
    static COLUMNS: RefCell<Arc<[Column]>> = RefCell::default();
}

/// Remembers what the columns are that a call reads now.
pub(crate) fn remember(rows: &[Row]) {
    if let Some(row) = rows.first() {
        COLUMNS.set(row.columns());
    }
}

/// Says of a number or a time that was read as a text what it is; Diesel knows only that its bytes are none. On
/// [`Conn`](crate::Conn) nobody knows before what a query reads.
pub(crate) fn explain(error: DieselError) -> DieselError {
    let DieselError::DeserializationError(cause) = &error else { return error };
    if cause.is::<Utf8Error>() {
        return explain_any(error); // of `sql_query`, whose error does not say which column it was
    }
    let Some(field) = cause.downcast_ref::<DeserializeFieldError>() else { return error };
    let Some(name) = field.field_name.as_deref().filter(|_| field.error.is::<Utf8Error>()) else { return error };
    let kind = COLUMNS.with_borrow(|columns| {
        let column = columns.iter().find(|column| column.name_ref() == name.as_bytes())?;
        is_no_text(column).then(|| type_name(column.column_type()))
    });
    let Some(kind) = kind else { return error };
    let why = format!(
        "column `{name}` is of type {kind} and is read as a text; write CAST(`{name}` AS CHAR), or, of a date or a time, use \
         `db.typed::<MysqlConnection>()`, whose `Text` takes it"
    );
    DieselError::DeserializationError(why.into())
}

/// The same where any of the columns that are no texts may be the one, or a text that is not in UTF-8. No connection knows
/// there what is read.
fn explain_any(error: DieselError) -> DieselError {
    let columns: Vec<_> = COLUMNS.with_borrow(|columns| {
        let named = |column: &Column| (column.name_str().into_owned(), type_name(column.column_type()));
        columns.iter().filter(|column| is_no_text(column)).map(named).collect()
    });
    let Some((first, _)) = columns.first() else { return error };
    let list: Vec<_> = columns.iter().map(|(name, kind)| format!("`{name}` is of type {kind}")).collect();
    let why = format!(
        "{error}: something that is no text may be read as one; column {}: where such a one is read as a text, write \
         CAST(`{first}` AS CHAR) AS `{first}`",
        list.join(", ")
    );
    DieselError::DeserializationError(why.into())
}

fn is_no_text(column: &Column) -> bool {
    let kind = column.column_type();
    kind.is_numeric_type() || is_time(kind)
}

const fn is_time(kind: ColumnType) -> bool {
    use ColumnType::{MYSQL_TYPE_DATE, MYSQL_TYPE_DATETIME, MYSQL_TYPE_TIME, MYSQL_TYPE_TIMESTAMP};
    matches!(kind, MYSQL_TYPE_DATE | MYSQL_TYPE_DATETIME | MYSQL_TYPE_TIME | MYSQL_TYPE_TIMESTAMP)
}
