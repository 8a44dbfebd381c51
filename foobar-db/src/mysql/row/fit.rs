use diesel::QueryResult;
use diesel::mysql::MysqlType;
use diesel::result::Error as DieselError;
use mysql_async::consts::ColumnType;
use mysql_async::{Column, Row, Value};

use crate::misread::type_name;

/// Refuses what Diesel would change without a word: a fraction or a large number that the query reads as an integer, and
/// a number that it reads as a text. What a query reads is not known of one on [`Conn`](crate::Conn), nor of one of
/// `sql_query`.
pub(in crate::mysql) fn fit(rows: &[Row], types: &[Option<MysqlType>]) -> QueryResult<()> {
    let Some(first) = rows.first().filter(|row| row.len() == types.len()) else { return Ok(()) };
    let columns = first.columns_ref();
    let looked_at = types.iter().zip(columns).enumerate();
    let looked_at = looked_at.filter_map(|(position, (wanted, column))| {
        Some((position, column, Wanted::of(wanted.as_ref()?, column.column_type())?))
    });
    for (position, column, wanted) in looked_at.collect::<Vec<_>>() {
        if rows.iter().filter_map(|row| row.as_ref(position)).any(|value| !wanted.takes(value)) {
            return Err(refused(column, wanted));
        }
    }
    Ok(())
}

/// What a query reads, where the column is something else.
#[derive(Clone, Copy)]
enum Wanted {
    Integer,
    Text,
}

impl Wanted {
    /// `None` where nothing can be changed.
    const fn of(wanted: &MysqlType, column: ColumnType) -> Option<Self> {
        use ColumnType::{
            MYSQL_TYPE_DECIMAL, MYSQL_TYPE_DOUBLE, MYSQL_TYPE_FLOAT, MYSQL_TYPE_INT24, MYSQL_TYPE_LONG,
            MYSQL_TYPE_LONGLONG, MYSQL_TYPE_NEWDECIMAL, MYSQL_TYPE_SHORT, MYSQL_TYPE_TINY, MYSQL_TYPE_YEAR,
        };
        match wanted {
            MysqlType::Tiny
            | MysqlType::UnsignedTiny
            | MysqlType::Short
            | MysqlType::UnsignedShort
            | MysqlType::Long
            | MysqlType::UnsignedLong
            | MysqlType::LongLong
            | MysqlType::UnsignedLongLong => match column {
                MYSQL_TYPE_DECIMAL | MYSQL_TYPE_NEWDECIMAL | MYSQL_TYPE_FLOAT | MYSQL_TYPE_DOUBLE => {
                    Some(Self::Integer)
                }
                _ => None,
            },
            MysqlType::String => match column {
                MYSQL_TYPE_TINY | MYSQL_TYPE_SHORT | MYSQL_TYPE_INT24 | MYSQL_TYPE_LONG | MYSQL_TYPE_LONGLONG
                | MYSQL_TYPE_YEAR | MYSQL_TYPE_FLOAT | MYSQL_TYPE_DOUBLE => Some(Self::Text),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether nothing of the value is lost; a sum of integers is a decimal of the server's.
    fn takes(self, value: &Value) -> bool {
        match (self, value) {
            (_, Value::NULL) => true,
            (Self::Integer, Value::Float(number)) => is_integer(f64::from(*number)),
            (Self::Integer, Value::Double(number)) => is_integer(*number),
            (Self::Integer, Value::Bytes(text)) => text
                .split(|sign| *sign == b'.')
                .nth(1)
                .is_none_or(|fraction| fraction.iter().all(|digit| *digit == b'0')),
            (Self::Integer, _) => true,
            (Self::Text, value) => matches!(value, Value::Bytes(_)),
        }
    }
}

/// Beyond 53 bits a float does not say which integer it was.
fn is_integer(number: f64) -> bool {
    number.fract() == 0.0 && number.abs() <= (1_u64 << 53) as f64
}

fn refused(column: &Column, wanted: Wanted) -> DieselError {
    let (name, kind) = (column.name_str(), type_name(column.column_type()));
    let why = match wanted {
        Wanted::Integer => format!(
            "column `{name}` is of type {kind}, has a number that is no integer, and is read as one; declare it as it is, or round \
             it in the query, such as by CAST(ROUND(`{name}`) AS SIGNED)"
        ),
        Wanted::Text => format!(
            "column `{name}` is of type {kind} and is read as a text; declare it as it is, or write CAST(`{name}` AS CHAR)"
        ),
    };
    DieselError::DeserializationError(why.into())
}
