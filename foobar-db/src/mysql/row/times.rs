use diesel::mysql::MysqlType;
use mysql_async::consts::ColumnType;
use mysql_async::{Row, Value};

/// Writes dates and times as the server does, where the query reads them as texts. What a query reads is not known of
/// one on [`Conn`](crate::Conn), nor of one of `sql_query`.
pub(in crate::mysql) fn times_as_text(rows: &mut [Row], types: &[Option<MysqlType>]) {
    let is_text = |kind: &Option<MysqlType>| matches!(kind, Some(MysqlType::String));
    let texts: Vec<usize> = (0..).zip(types).filter(|(_, kind)| is_text(kind)).map(|(position, _)| position).collect();
    for row in rows.iter_mut().filter(|row| row.len() == types.len()) {
        for position in &texts {
            let column = &row.columns_ref()[*position];
            let (kind, decimals) = (column.column_type(), column.decimals());
            if let Some(text) = row.as_ref(*position).and_then(|value| text(value, kind, decimals)) {
                row.place(*position, Value::Bytes(text.into_bytes()));
            }
        }
    }
}

/// A date or a time; `None` of anything else.
fn text(value: &Value, kind: ColumnType, decimals: u8) -> Option<String> {
    match *value {
        Value::Date(year, month, day, ..) if kind == ColumnType::MYSQL_TYPE_DATE => {
            Some(format!("{year:04}-{month:02}-{day:02}"))
        }
        Value::Date(year, month, day, hour, minute, second, micros) => {
            let fraction = fraction(micros, decimals);
            Some(format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}{fraction}"))
        }
        Value::Time(negative, days, hours, minute, second, micros) => {
            let (sign, hours) = (if negative { "-" } else { "" }, days * 24 + u32::from(hours));
            Some(format!("{sign}{hours:02}:{minute:02}:{second:02}{}", fraction(micros, decimals)))
        }
        _ => None,
    }
}

/// As many digits as the column has; six of an expression that does not say.
fn fraction(micros: u32, decimals: u8) -> String {
    let digits = format!("{micros:06}");
    match usize::from(decimals) {
        0 => String::new(),
        count => format!(".{}", &digits[..count.min(digits.len())]),
    }
}
