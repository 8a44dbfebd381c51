mod fit;
mod times;

use std::mem::size_of;

use diesel::backend::Backend;
use diesel::mysql::data_types::{MysqlTime, MysqlTimestampType};
use diesel::mysql::{Mysql, MysqlType, MysqlValue};
use diesel::row::{Field, PartialRow, Row, RowIndex, RowSealed};
use mysql_async::consts::{ColumnFlags, ColumnType};
use mysql_async::{Column, Value};

pub(super) use fit::fit;
pub(super) use times::times_as_text;

/// A row that has been read whole.
pub struct MysqlRow(mysql_async::Row);

impl MysqlRow {
    pub(super) const fn new(row: mysql_async::Row) -> Self {
        Self(row)
    }
}

impl RowSealed for MysqlRow {}

impl RowIndex<usize> for MysqlRow {
    fn idx(&self, position: usize) -> Option<usize> {
        (position < self.0.len()).then_some(position)
    }
}

impl<'a> RowIndex<&'a str> for MysqlRow {
    fn idx(&self, name: &'a str) -> Option<usize> {
        self.0.columns_ref().iter().position(|column| column.name_ref() == name.as_bytes())
    }
}

impl<'row> Row<'row, Mysql> for MysqlRow {
    type Field<'a>
        = MysqlField<'a>
    where
        Self: 'a,
        'row: 'a;
    type InnerPartialRow = Self;

    fn field_count(&self) -> usize {
        self.0.len()
    }

    fn get<'a, I>(&'a self, index: I) -> Option<Self::Field<'a>>
    where
        'row: 'a,
        Self: RowIndex<I>,
    {
        let position = self.idx(index)?;
        let column = &self.0.columns_ref()[position];
        Some(MysqlField { column, bytes: bytes(self.0.as_ref(position)?) })
    }

    fn partial_row(&self, range: std::ops::Range<usize>) -> PartialRow<'_, Self> {
        PartialRow::new(self, range)
    }
}

/// One value of a row, in the form that Diesel reads.
pub struct MysqlField<'a> {
    column: &'a Column,
    bytes: Option<Bytes<'a>>,
}

impl Field<'_, Mysql> for MysqlField<'_> {
    fn field_name(&self) -> Option<&str> {
        std::str::from_utf8(self.column.name_ref()).ok() // then it can only be asked for by its position
    }

    fn value(&self) -> Option<<Mysql as Backend>::RawValue<'_>> {
        let kind = kind(self.column.column_type(), self.column.flags());
        self.bytes.as_ref().map(|bytes| MysqlValue::new(bytes.as_slice(), kind))
    }
}

/// Bytes of the row itself, or those of a number or a time.
enum Bytes<'a> {
    Borrowed(&'a [u8]),
    Own([u8; LONGEST], usize),
}

/// Behind a number or a time stands a byte that is in no text. Diesel takes as many bytes as it needs, but any bytes
/// for a text: so a column that its schema calls a text, and that is none, is an error. Only 0 must stay all zeros, as
/// `false`.
const NO_TEXT: u8 = 0xff;
const LONGEST: usize = size_of::<MysqlTime>() + 1;

impl Bytes<'_> {
    fn own(bytes: &[u8]) -> Self {
        let mut own = [NO_TEXT; LONGEST];
        own[..bytes.len()].copy_from_slice(bytes);
        let is_zero = bytes.iter().all(|byte| *byte == 0);
        Self::Own(own, if is_zero { bytes.len() } else { bytes.len() + 1 })
    }

    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Own(bytes, length) => &bytes[..*length],
        }
    }
}

fn bytes(value: &Value) -> Option<Bytes<'_>> {
    Some(match *value {
        Value::NULL => return None,
        Value::Bytes(ref bytes) => Bytes::Borrowed(bytes),
        Value::Int(number) => Bytes::own(&number.to_ne_bytes()),
        Value::UInt(number) => Bytes::own(&number.to_ne_bytes()),
        Value::Float(number) => Bytes::own(&number.to_ne_bytes()),
        Value::Double(number) => Bytes::own(&number.to_ne_bytes()),
        Value::Date(year, month, day, hour, minute, second, micros) => {
            let date = [u32::from(year), month.into(), day.into()];
            Bytes::own(&time(date, [hour.into(), minute.into(), second.into()], micros, false).serialize())
        }
        // The C client too counts the days as hours: a time of day has 24 of them, and a longer one does not fit it.
        Value::Time(negative, days, hours, minute, second, micros) => {
            let clock = [days * 24 + u32::from(hours), minute.into(), second.into()];
            let mut time = time([0; 3], clock, micros, negative);
            time.time_type = MysqlTimestampType::MYSQL_TIMESTAMP_TIME;
            Bytes::own(&time.serialize())
        }
    })
}

const fn time(
    [year, month, day]: [u32; 3],
    [hour, minute, second]: [u32; 3],
    micros: u32,
    negative: bool,
) -> MysqlTime {
    let kind = MysqlTimestampType::MYSQL_TIMESTAMP_DATETIME;
    MysqlTime::new(year, month, day, hour, minute, second, micros as _, negative, kind, 0)
}

/// The type of a column's values. Those that Diesel does not know are bytes.
fn kind(column: ColumnType, flags: ColumnFlags) -> MysqlType {
    let unsigned = flags.contains(ColumnFlags::UNSIGNED_FLAG);
    let signed_or = |signed, without_sign| if unsigned { without_sign } else { signed };
    match column {
        ColumnType::MYSQL_TYPE_DECIMAL | ColumnType::MYSQL_TYPE_NEWDECIMAL => MysqlType::Numeric,
        // The driver widens the integers of a row to 64 bits.
        ColumnType::MYSQL_TYPE_TINY
        | ColumnType::MYSQL_TYPE_SHORT
        | ColumnType::MYSQL_TYPE_YEAR
        | ColumnType::MYSQL_TYPE_INT24
        | ColumnType::MYSQL_TYPE_LONG
        | ColumnType::MYSQL_TYPE_LONGLONG => signed_or(MysqlType::LongLong, MysqlType::UnsignedLongLong),
        ColumnType::MYSQL_TYPE_FLOAT => MysqlType::Float,
        ColumnType::MYSQL_TYPE_DOUBLE => MysqlType::Double,
        ColumnType::MYSQL_TYPE_TIMESTAMP => MysqlType::Timestamp,
        ColumnType::MYSQL_TYPE_DATE => MysqlType::Date,
        ColumnType::MYSQL_TYPE_TIME => MysqlType::Time,
        ColumnType::MYSQL_TYPE_DATETIME => MysqlType::DateTime,
        ColumnType::MYSQL_TYPE_BIT => MysqlType::Bit,
        ColumnType::MYSQL_TYPE_JSON => MysqlType::String,
        _ if flags.contains(ColumnFlags::ENUM_FLAG) => MysqlType::Enum,
        _ if flags.contains(ColumnFlags::SET_FLAG) => MysqlType::Set,
        ColumnType::MYSQL_TYPE_GEOMETRY | ColumnType::MYSQL_TYPE_VECTOR => MysqlType::Blob,
        _ if flags.contains(ColumnFlags::BINARY_FLAG) => MysqlType::Blob,
        _ => MysqlType::String,
    }
}
