use diesel::QueryResult;
use diesel::deserialize::FromSql;
use diesel::mysql::data_types::MysqlTime;
use diesel::mysql::{Mysql, MysqlType, MysqlValue};
use diesel::query_builder::bind_collector::RawBytesBindCollector;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::sql_types::Timestamp;
use foobar_core::BoxError;
use mysql_async::consts::MAX_PAYLOAD_LEN;
use mysql_async::{Params, Value};
use mysql_common::named_params::{MixedParamsError, ParsedNamedParams};

/// The values of a statement with `places` for them, as the driver takes them. What the driver or the server would end
/// the connection for is refused before: a wrong number, and more bytes than a packet may have.
pub(super) fn params(binds: RawBytesBindCollector<Mysql>, places: u16, max_packet: usize) -> QueryResult<Params> {
    let pairs = binds.metadata.into_iter().zip(binds.binds);
    let values = pairs.map(|(kind, bytes)| bytes.map_or(Ok(Value::NULL), |bytes| value(kind, bytes)));
    let values = values.collect::<Result<Vec<_>, _>>().map_err(DieselError::SerializationError)?;
    if values.len() != usize::from(places) {
        return Err(refused(format!("the statement takes {places} values, and {} were given", values.len())));
    }
    let bytes = values.iter().map(|value| usize::try_from(value.bin_len()).unwrap_or(usize::MAX)); // of 32 bits
    let (largest, sum) = bytes.fold((0, 0), |(largest, sum), bytes| (bytes.max(largest), bytes.saturating_add(sum)));
    // From there on the driver sends each value in a packet of its own.
    fits(if sum < MAX_PAYLOAD_LEN { sum } else { largest }, max_packet)?;
    Ok(Params::Positional(values))
}

/// An error where the driver would take a part of `sql` for the name of a value and send another text. It looks for
/// names outside of literals, and takes the backslash of `'\\\\'` for one that escapes the quote.
pub(super) fn has_no_names(sql: &str) -> QueryResult<()> {
    let name = match ParsedNamedParams::parse(sql.as_bytes()) {
        Ok(parsed) => parsed.params().first().map(|name| String::from_utf8_lossy(name).into_owned()),
        Err(MixedParamsError) => Some("name".to_owned()),
    };
    name.map_or(Ok(()), |name| {
        let advice = "bind the text that it is in, or the one before it that ends with a backslash, as a value";
        Err(refused(format!("the driver takes `:{name}` for the name of a value: {advice}")))
    })
}

/// An error where so many bytes are more than the server takes at once.
pub(super) fn fits(bytes: usize, max_packet: usize) -> QueryResult<()> {
    if bytes.saturating_add(OVERHEAD) <= max_packet {
        return Ok(());
    }
    Err(refused(format!("{bytes} bytes are more than the server takes at once (max_allowed_packet = {max_packet})")))
}

/// What a packet has beside its values; more is taken than there is.
const OVERHEAD: usize = 64;

/// What has not been sent, and would not be another time either.
pub(super) fn refused(message: String) -> DieselError {
    DieselError::DatabaseError(DatabaseErrorKind::UnableToSendCommand, Box::new(message))
}

fn value(kind: MysqlType, bytes: Vec<u8>) -> Result<Value, BoxError> {
    Ok(match kind {
        MysqlType::Tiny if bytes.len() == 4 => Value::Int(i32::from_ne_bytes(fixed(&bytes)?).into()), // a bool
        MysqlType::Tiny => Value::Int(i8::from_ne_bytes(fixed(&bytes)?).into()),
        MysqlType::Short => Value::Int(i16::from_ne_bytes(fixed(&bytes)?).into()),
        MysqlType::Long => Value::Int(i32::from_ne_bytes(fixed(&bytes)?).into()),
        MysqlType::LongLong => Value::Int(i64::from_ne_bytes(fixed(&bytes)?)),
        MysqlType::UnsignedTiny => Value::UInt(u8::from_ne_bytes(fixed(&bytes)?).into()),
        MysqlType::UnsignedShort => Value::UInt(u16::from_ne_bytes(fixed(&bytes)?).into()),
        MysqlType::UnsignedLong => Value::UInt(u32::from_ne_bytes(fixed(&bytes)?).into()),
        MysqlType::UnsignedLongLong => Value::UInt(u64::from_ne_bytes(fixed(&bytes)?)),
        MysqlType::Float => Value::Float(finite(f32::from_ne_bytes(fixed(&bytes)?), f32::is_finite)?),
        MysqlType::Double => Value::Double(finite(f64::from_ne_bytes(fixed(&bytes)?), f64::is_finite)?),
        MysqlType::Time => time(&date_time(&bytes, kind)?)?,
        MysqlType::Date | MysqlType::DateTime | MysqlType::Timestamp => date(&date_time(&bytes, kind)?)?,
        _ => Value::Bytes(bytes),
    })
}

fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N], BoxError> {
    bytes.try_into().map_err(|_| format!("a value of {} bytes where {N} are wanted", bytes.len()).into())
}

/// The server has no column for infinity or what is no number: it would take another value, or none.
fn finite<T: std::fmt::Display + Copy>(number: T, is_finite: fn(T) -> bool) -> Result<T, BoxError> {
    if is_finite(number) { Ok(number) } else { Err(format!("MySQL has no number {number}").into()) }
}

fn date_time(bytes: &[u8], kind: MysqlType) -> Result<MysqlTime, BoxError> {
    let time: MysqlTime = FromSql::<Timestamp, Mysql>::from_sql(MysqlValue::new(bytes, kind))?;
    // A leap second has more; the server would take it for the second after.
    if time.second_part < 1_000_000 { Ok(time) } else { Err("MySQL has no leap seconds".into()) }
}

/// The longest time is 838:59:59; the server would take a longer one for that.
fn time(time: &MysqlTime) -> Result<Value, BoxError> {
    let days = time.day + time.hour / 24;
    if days * 24 + time.hour % 24 > 838 {
        return Err(format!("MySQL has no time of {days} days and {} hours", time.hour % 24).into());
    }
    let (hours, micros) = ((time.hour % 24).try_into()?, time.second_part.try_into()?);
    Ok(Value::Time(time.neg, days, hours, time.minute.try_into()?, time.second.try_into()?, micros))
}

fn date(time: &MysqlTime) -> Result<Value, BoxError> {
    let (year, month, day) = (time.year.try_into()?, time.month.try_into()?, time.day.try_into()?);
    let (hour, minute, second) = (time.hour.try_into()?, time.minute.try_into()?, time.second.try_into()?);
    Ok(Value::Date(year, month, day, hour, minute, second, time.second_part.try_into()?))
}
