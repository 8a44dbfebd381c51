use std::fmt;
use std::time::{Duration, SystemTime};

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::query_builder::QueryId;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{HasSqlType, SqlOrd, SqlType};

use crate::MultiBackend;
use crate::calendar::{date_of, days_of};

/// A date and a time of day in UTC, to the microsecond: `Timestamp` on SQLite, `DATETIME` on MySQL and MariaDB.
///
/// It is the type of the column in `diesel::table!` and that of the value too, from year 1 to 9999. On MySQL declare
/// the column `DATETIME(6)`; a `DATETIME` rounds to seconds, and a `TIMESTAMP` ends in 2038. On SQLite it is kept as
/// text, `2026-01-31 12:00:00.250000`, as `CURRENT_TIMESTAMP` writes it.
///
/// With Diesel's feature `chrono` or `time` the types of those crates work for a column that is declared `Timestamp`.
///
/// ```
/// # mod foobar { pub use foobar_db::{Error as DbError, *}; pub mod test { pub use foobar_db::testing::*; } }
/// use diesel::prelude::*;
/// use foobar::{DateTime, Db, DbError};
///
/// diesel::table! {
///     use diesel::sql_types::Text;
///     use super::foobar::DateTime; // in your program: `use foobar::DateTime;`
///
///     visits (at) { at -> DateTime, page -> Text }
/// }
///
/// async fn visited_since(db: &Db, since: DateTime) -> Result<Vec<(DateTime, String)>, DbError> {
///     db.read(move |conn| visits::table.filter(visits::at.ge(since)).order(visits::at).load(conn)).await
/// }
///
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), DbError> {
/// # use diesel::connection::SimpleConnection;
/// # let db = foobar::test::TestDb::sqlite().await;
/// # db.write(|conn| conn.batch_execute("CREATE TABLE visits (at TIMESTAMP PRIMARY KEY, page TEXT NOT NULL)")).await?;
/// # let now = DateTime::now();
/// # db.write(move |conn| diesel::insert_into(visits::table).values((visits::at.eq(now), visits::page.eq("/"))).execute(conn)).await?;
/// # assert_eq!(visited_since(&db, now).await?, [(now, "/".to_owned())]);
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))]
/// # fn main() {}
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, SqlType, QueryId, AsExpression, FromSqlRow)]
#[diesel(sql_type = DateTime)]
#[cfg_attr(feature = "sqlite", diesel(sqlite_type(name = "Text")))]
#[cfg_attr(feature = "mysql", diesel(mysql_type(name = "DateTime")))]
pub struct DateTime {
    /// Microseconds since 1970, in the range of the years.
    micros: i64,
}

impl SqlOrd for DateTime {}

const SECOND: i64 = 1_000_000;
const DAY: i64 = 24 * 60 * 60;
/// The first moment of the year 1 and the last of the year 9999, in microseconds since 1970.
const RANGE: std::ops::RangeInclusive<i64> = -62_135_596_800 * SECOND..=253_402_300_800 * SECOND - 1;

impl DateTime {
    /// This moment, by the system's clock.
    pub fn now() -> Self {
        Self::from(SystemTime::now())
    }

    fn of(date: [i64; 3], clock: [i64; 3], micros: i64) -> Option<Self> {
        let ([year, month, day], [hour, minute, second]) = (date, clock);
        let days = days_of(year, month, day);
        let is_date = (1..=9999).contains(&year) && date_of(days) == date; // the 30th of February is another
        let is_clock = (0..24).contains(&hour) && (0..60).contains(&minute) && (0..60).contains(&second);
        let is_whole = is_date && is_clock && (0..SECOND).contains(&micros);
        is_whole.then(|| Self { micros: (days * DAY + (hour * 60 + minute) * 60 + second) * SECOND + micros })
    }

    /// Date, time of day and microseconds.
    const fn parts(self) -> ([i64; 3], [i64; 3], i64) {
        let seconds = self.micros.div_euclid(SECOND);
        let clock = seconds.rem_euclid(DAY);
        let date = date_of(seconds.div_euclid(DAY));
        (date, [clock / 3600, clock / 60 % 60, clock % 60], self.micros.rem_euclid(SECOND))
    }
}

/// What is beyond the years 1 to 9999 becomes their first or last moment; below a microsecond is cut off.
impl From<SystemTime> for DateTime {
    fn from(time: SystemTime) -> Self {
        let micros = |span: Duration| i64::try_from(span.as_micros()).unwrap_or(i64::MAX); // far beyond both ends
        let since = time.duration_since(SystemTime::UNIX_EPOCH);
        let since = since.map(micros).unwrap_or_else(|before| -micros(before.duration() + Duration::from_nanos(999)));
        Self { micros: since.clamp(*RANGE.start(), *RANGE.end()) }
    }
}

impl From<DateTime> for SystemTime {
    fn from(time: DateTime) -> Self {
        let span = Duration::from_micros(time.micros.unsigned_abs());
        if time.micros < 0 { Self::UNIX_EPOCH - span } else { Self::UNIX_EPOCH + span }
    }
}

/// `2026-01-31 12:00:00`, with six digits of the second's fraction where it has one.
impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ([year, month, day], [hour, minute, second], micros) = self.parts();
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")?;
        if micros == 0 { Ok(()) } else { write!(f, ".{micros:06}") }
    }
}

impl HasSqlType<DateTime> for MultiBackend {
    fn metadata(lookup: &mut Self::MetadataLookup) -> Self::TypeMetadata {
        Self::lookup_sql_type::<DateTime>(lookup)
    }
}

impl FromSql<Self, MultiBackend> for DateTime {
    fn from_sql(value: <MultiBackend as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        value.from_sql::<Self, Self>()
    }
}

impl ToSql<Self, MultiBackend> for DateTime {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, MultiBackend>) -> serialize::Result {
        out.set_value((*self, self));
        Ok(IsNull::No)
    }
}

#[cfg(any(feature = "sqlite", test))]
mod of_text {
    use super::DateTime;

    impl DateTime {
        /// As SQLite writes it, with `T` or a space between date and time, and with or without a fraction of the second.
        pub(super) fn parse(text: &str) -> Option<Self> {
            let text = text.strip_suffix('Z').unwrap_or(text); // UTC in any case
            let (date, clock) = text.split_once([' ', 'T'])?;
            let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0")); // none is none of a second
            Self::of(numbers(date, '-')?, numbers(clock, ':')?, fraction_of(fraction)?)
        }
    }

    /// Three numbers of digits alone.
    fn numbers(text: &str, separator: char) -> Option<[i64; 3]> {
        let mut parts = text.split(separator);
        let mut next = || parts.next().filter(|part| is_digits(part))?.parse().ok();
        let numbers = [next()?, next()?, next()?];
        parts.next().is_none().then_some(numbers)
    }

    fn is_digits(text: &str) -> bool {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
    }

    /// Microseconds; further digits are cut off.
    fn fraction_of(digits: &str) -> Option<i64> {
        is_digits(digits).then(|| format!("{digits:0<6}")[..6].parse().ok())?
    }
}

#[cfg(feature = "sqlite")]
mod on_sqlite {
    use diesel::sql_types::Text;
    use diesel::sqlite::Sqlite;

    use super::*;

    impl FromSql<Self, Sqlite> for DateTime {
        fn from_sql(value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
            let text = <String as FromSql<Text, Sqlite>>::from_sql(value)?;
            Self::parse(&text).ok_or_else(|| format!("`{text}` is no date and time").into())
        }
    }

    impl ToSql<Self, Sqlite> for DateTime {
        fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
            out.set_value(self.to_string());
            Ok(IsNull::No)
        }
    }
}

#[cfg(feature = "mysql")]
mod on_mysql {
    use diesel::mysql::Mysql;
    use diesel::mysql::data_types::{MysqlTime, MysqlTimestampType};
    use diesel::sql_types::Datetime;

    use super::*;

    impl FromSql<Self, Mysql> for DateTime {
        fn from_sql(value: <Mysql as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
            let time = <MysqlTime as FromSql<Datetime, Mysql>>::from_sql(value)?;
            let date = [time.year, time.month, time.day].map(i64::from);
            let clock = [time.hour, time.minute, time.second].map(i64::from);
            let read = Self::of(date, clock, i64::try_from(time.second_part)?);
            read.ok_or_else(|| format!("{date:?} {clock:?} is no date and time").into())
        }
    }

    impl ToSql<Self, Mysql> for DateTime {
        fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Mysql>) -> serialize::Result {
            let (date, clock, micros) = self.parts();
            let [year, month, day] = date.map(i64::cast_unsigned).map(|part| part as u32);
            let [hour, minute, second] = clock.map(i64::cast_unsigned).map(|part| part as u32);
            let kind = MysqlTimestampType::MYSQL_TIMESTAMP_DATETIME;
            let time = MysqlTime::new(year, month, day, hour, minute, second, micros as _, false, kind, 0);
            <MysqlTime as ToSql<Datetime, Mysql>>::to_sql(&time, &mut out.reborrow())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_and_read_again_on_both_sides_of_1970() {
        for text in [
            "1970-01-01 00:00:00",
            "1969-12-31 23:59:59.999999",
            "2026-01-31 12:00:00.250000",
            "2024-02-29 00:00:00",
            "0001-01-01 00:00:00",
            "9999-12-31 23:59:59.999999",
        ] {
            let time = DateTime::parse(text).unwrap();
            assert_eq!(time.to_string(), text);
            assert_eq!(DateTime::from(SystemTime::from(time)), time, "{text}");
        }
    }

    #[test]
    fn what_sqlite_and_others_write_is_read() {
        for (text, same) in [
            ("2026-01-31T12:00:00Z", "2026-01-31 12:00:00"),
            ("2026-01-31 12:00:00.5", "2026-01-31 12:00:00.500000"),
            ("2026-01-31 12:00:00.123456789", "2026-01-31 12:00:00.123456"),
        ] {
            assert_eq!(DateTime::parse(text).map(|time| time.to_string()).as_deref(), Some(same));
        }
    }

    #[test]
    fn what_is_no_moment_is_not_read() {
        for text in [
            "",
            "2026-01-31",
            "12:00:00",
            "2026-02-30 12:00:00",
            "2025-02-29 12:00:00",
            "2026-13-01 12:00:00",
            "2026-01-31 24:00:00",
            "2026-01-31 12:60:00",
            "2026-01-31 12:00",
            "0000-00-00 00:00:00",
            "-2026-01-31 12:00:00",
            "2026-01-31 12:00:00.",
            "2026-01-31 12:00:00.x",
            "99999999999999999999-01-31 12:00:00",
        ] {
            assert_eq!(DateTime::parse(text), None, "{text}");
        }
    }

    #[test]
    fn below_a_microsecond_is_cut_off_towards_the_past() {
        let time = |nanos: i64| {
            let span = Duration::from_nanos(nanos.unsigned_abs());
            DateTime::from(if nanos < 0 { SystemTime::UNIX_EPOCH - span } else { SystemTime::UNIX_EPOCH + span })
        };
        assert_eq!((time(1999).micros, time(-1).micros, time(-1000).micros, time(-1001).micros), (1, -1, -1, -2));
    }
}
