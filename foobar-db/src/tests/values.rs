//! Every type with the values at its edges, on each engine: what does not fit is an error, and nothing is changed
//! without a word.

use std::num::NonZeroU32;

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::mysql::data_types::MysqlTime;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Bool, Datetime, Double, Integer, SmallInt, Text, Time, TinyInt, Unsigned};

use crate::testing::TestDb;
use crate::{Conn, DatabaseSettings, Db, MysqlConnection};

/// What the server gives for `expression`, as it is printed, or that it is an error.
macro_rules! read {
    ($db:expr, $sql_type:ty => $rust_type:ty, $expression:expr) => {{
        let query: SqlLiteral<$sql_type> = sql(&format!("({})", $expression));
        let value = $db.read(move |conn| diesel::select(query.clone()).get_result::<$rust_type>(conn)).await;
        value.map_or_else(|_| "error".to_owned(), |value| format!("{value:?}"))
    }};
}

async fn mysql() -> (TestDb, Db<MysqlConnection>) {
    let test = TestDb::mysql().await;
    let db = test.typed().unwrap();
    (test, db)
}

#[tokio::test]
async fn an_integer_of_mysql_that_does_not_fit_is_an_error() {
    let (_test, db) = mysql().await;
    for (value, tiny, small, integer, big) in [
        ("127", "127", "127", "127", "127"),
        ("128", "error", "128", "128", "128"),
        ("-129", "error", "-129", "-129", "-129"),
        ("32768", "error", "error", "32768", "32768"),
        ("2147483648", "error", "error", "error", "2147483648"),
        ("-2147483649", "error", "error", "error", "-2147483649"),
        ("9223372036854775807", "error", "error", "error", "9223372036854775807"),
        ("9223372036854775808", "error", "error", "error", "error"),
    ] {
        let read = [
            read!(db, TinyInt => i8, value),
            read!(db, SmallInt => i16, value),
            read!(db, Integer => i32, value),
            read!(db, BigInt => i64, value),
        ];
        assert_eq!(read, [tiny, small, integer, big], "{value}");
    }
    for (value, expected) in [("CAST(18446744073709551615 AS UNSIGNED)", "18446744073709551615"), ("-1", "error")] {
        assert_eq!(read!(db, Unsigned<BigInt> => u64, value), expected);
    }
}

#[tokio::test]
async fn a_time_of_mysql_is_read_whole_and_a_negative_one_is_an_error() {
    let (_test, db) = mysql().await;
    let time = |value: &'static str| {
        let query: SqlLiteral<Time> = sql(&format!("CAST('{value}' AS TIME(6))"));
        let read = db.read(move |conn| diesel::select(query.clone()).get_result::<MysqlTime>(conn));
        async move { read.await.map(|time| (time.day, time.hour, time.minute, time.second, time.second_part)).ok() }
    };
    assert_eq!(time("02:30:00").await, Some((0, 2, 30, 0, 0)));
    assert_eq!(time("26:30:00").await, Some((0, 26, 30, 0, 0)));
    assert_eq!(time("838:59:58.999999").await, Some((0, 838, 59, 58, 999_999)));
    assert_eq!(time("-01:00:00").await, None);
}

#[tokio::test]
async fn a_date_or_a_time_of_mysql_that_is_read_as_a_text_is_one() {
    let (_test, db) = mysql().await;
    for (value, expected) in [
        ("CAST('2026-02-28' AS DATE)", "2026-02-28"),
        ("CAST('2026-02-28 01:02:03' AS DATETIME)", "2026-02-28 01:02:03"),
        ("CAST('2026-02-28 01:02:03.05' AS DATETIME(3))", "2026-02-28 01:02:03.050"),
        ("CAST('02:30:00' AS TIME)", "02:30:00"),
        ("CAST('-838:59:58.999999' AS TIME(6))", "-838:59:58.999999"),
    ] {
        assert_eq!(read!(db, Text => String, value), format!("{expected:?}"), "{value}");
        let cast = format!("CAST({value} AS CHAR)");
        assert_eq!(read!(db, Text => String, cast), format!("{expected:?}"), "{value}");
    }
}

/// What it is read as is not known there.
#[tokio::test]
async fn what_is_no_text_is_an_error_where_it_is_read_as_text() {
    let (test, db) = mysql().await;
    assert_eq!(read!(db, Text => String, "65"), "error");
    for (value, kind) in [
        ("CAST('2026-02-28' AS DATE)", "DATE"),
        ("CAST('2026-02-28 01:02:03' AS DATETIME)", "DATETIME"),
        ("CAST('01:02:03' AS TIME)", "TIME"),
        ("CAST(9000000000 AS SIGNED)", "BIGINT"),
    ] {
        let query: SqlLiteral<Text> = sql(&format!("{value} AS at"));
        let error = test.read(move |conn| diesel::select(query.clone()).get_result::<String>(conn)).await.unwrap_err();
        let expected = format!("column `at` is of type {kind} and is read as a text; write CAST(`at` AS CHAR), or");
        assert!(foobar_core::Chain(&error).to_string().contains(&expected), "{}", foobar_core::Chain(&error));
        let cast = format!("CAST({value} AS CHAR)");
        assert_ne!(read!(test, Text => String, cast), "error", "{value}");
    }
}

#[derive(QueryableByName, Debug)]
struct Misread {
    #[diesel(sql_type = Text)]
    #[expect(dead_code, reason = "it cannot be read")]
    at: String,
}

#[tokio::test]
async fn what_is_no_text_and_read_as_one_by_sql_query_is_told_with_its_column() {
    let (test, db) = mysql().await;
    for (value, kind) in
        [("CAST('2026-02-28 01:02:03' AS DATETIME)", "DATETIME"), ("CAST(9000000000 AS SIGNED)", "BIGINT")]
    {
        let sql = format!("SELECT 'a text' AS word, {value} AS at");
        let query = sql.clone();
        let by_conn = test.read(move |conn| diesel::sql_query(&query).get_result::<Misread>(conn)).await;
        let by_mysql = db.read(move |conn| diesel::sql_query(&sql).get_result::<Misread>(conn)).await;
        for outcome in [by_conn, by_mysql] {
            let text = foobar_core::Chain(&outcome.unwrap_err()).to_string();
            let expected = format!(
                "column `at` is of type {kind}: where such a one is read as a text, write CAST(`at` AS CHAR) AS `at`"
            );
            assert!(text.contains(&expected) && !text.contains("word"), "{text}");
        }
    }
    let outcome = test.read(|conn| diesel::sql_query("SELECT 1 AS id, x'ff' AS at").get_result::<Misread>(conn)).await;
    let text = foobar_core::Chain(&outcome.unwrap_err()).to_string();
    assert!(text.contains("invalid utf-8") && text.contains("may be read as one; column `id` is of type"), "{text}");
    let outcome = test.read(|conn| diesel::sql_query("SELECT x'ff' AS at").get_result::<Misread>(conn)).await;
    assert!(foobar_core::Chain(&outcome.unwrap_err()).to_string().contains("utf-8"));
}

#[tokio::test]
async fn a_number_of_mysql_that_would_be_changed_is_an_error() {
    let (_test, db) = mysql().await;
    for (value, expected) in [
        ("3.7", "error"),
        ("CAST(-0.5 AS DOUBLE)", "error"),
        ("CAST(3.7 AS FLOAT)", "error"),
        ("1e300", "error"),
        ("9007199254740994e0", "error"),
        ("3.0", "3"),
        ("CAST(3 AS DOUBLE)", "3"),
        ("SELECT SUM(n) FROM (SELECT 1 AS n UNION ALL SELECT 2) AS t", "3"),
    ] {
        assert_eq!(read!(db, BigInt => i64, value), expected, "{value}");
        assert_eq!(read!(db, Integer => i32, value), expected, "{value}");
    }
    for value in ["0", "65", "CAST(0 AS DOUBLE)", "1.5e0"] {
        assert_eq!(read!(db, Text => String, value), "error", "{value}");
    }
    assert_eq!(read!(db, Text => String, "3.70"), "\"3.70\"");
    assert_eq!(read!(db, Double => f64, "3.7e0"), "3.7");
}

#[tokio::test]
async fn a_number_of_mysql_that_would_be_changed_is_told_with_its_column_and_what_to_do() {
    let (_test, db) = mysql().await;
    let query: SqlLiteral<Integer> = sql("3.7 AS price");
    let error = db.read(move |conn| diesel::select(query.clone()).get_result::<i32>(conn)).await.unwrap_err();
    let text = foobar_core::Chain(&error).to_string();
    assert!(
        text.contains("column `price` is of type DECIMAL, has a number that is no integer, and is read as one"),
        "{text}"
    );
    let query: SqlLiteral<Text> = sql("65 AS age");
    let error = db.read(move |conn| diesel::select(query.clone()).get_result::<String>(conn)).await.unwrap_err();
    let text = foobar_core::Chain(&error).to_string();
    let is_told = |kind| text.contains(&format!("column `age` is of type {kind} and is read as a text"));
    assert!(["INT", "BIGINT"].into_iter().any(is_told), "{text}"); // MySQL counts in the larger one
}

/// A handle whose queries all run on one connection, where none takes it.
async fn on_one_connection() -> (TestDb, Db<MysqlConnection>) {
    let test = TestDb::mysql().await;
    let settings = DatabaseSettings { connections: NonZeroU32::MIN, ..test.settings() };
    let db = Db::open(&settings).unwrap();
    db.tier().start().await.unwrap();
    (test, db.typed().unwrap())
}

async fn connection_id(db: &Db<MysqlConnection>) -> String {
    read!(db, BigInt => i64, "CONNECTION_ID()")
}

#[tokio::test]
async fn a_geometry_of_mysql_is_bytes_and_its_connection_goes_on() {
    let (_test, db) = on_one_connection().await;
    let before = connection_id(&db).await;
    let point = read!(db, Binary => Vec<u8>, "ST_GeomFromText('POINT(1 2)')");
    assert!(point.starts_with("[0, 0, 0, 0, 1, 1, 0, 0, 0"), "{point}");
    assert_eq!(read!(db, Text => String, "ST_GeomFromText('POINT(1 2)')"), "error");
    assert_eq!(connection_id(&db).await, before);
}

/// Of servers that have them: MySQL from 9.0 on, MariaDB from 11.7 on.
#[tokio::test]
async fn a_vector_of_mysql_is_bytes_and_its_connection_goes_on() {
    let (_test, db) = on_one_connection().await;
    let before = connection_id(&db).await;
    let mut read = Vec::new();
    for vector in ["STRING_TO_VECTOR('[1,2]')", "VEC_FromText('[1,2]')"] {
        read.push(read!(db, Binary => Vec<u8>, vector));
    }
    let is_vector = |read: &String| read == "[0, 0, 128, 63, 0, 0, 0, 64]";
    assert!(read.iter().all(|read| is_vector(read) || read == "error"), "{read:?}");
    assert_eq!(connection_id(&db).await, before);
}

#[tokio::test]
async fn a_wrong_number_of_values_is_an_error_and_the_connection_goes_on() {
    let (_test, db) = mysql().await;
    let ask = |values: usize| {
        db.read(move |conn| {
            let id = || diesel::select(sql::<BigInt>("CONNECTION_ID()"));
            let before = id().get_result::<i64>(conn)?;
            let query = diesel::sql_query("DO ? + ?").into_boxed::<diesel::mysql::Mysql>();
            let outcome = (0..values).fold(query, |query, _| query.bind::<Integer, _>(1)).execute(conn);
            assert_eq!(id().get_result::<i64>(conn)?, before);
            Ok(outcome.map_err(|error| error.to_string()))
        })
    };
    assert_eq!(ask(1).await.unwrap().unwrap_err(), "the statement takes 2 values, and 1 were given");
    assert_eq!(ask(3).await.unwrap().unwrap_err(), "the statement takes 2 values, and 3 were given");
    ask(2).await.unwrap().unwrap();
}

/// A time as a handler writes it, and as it comes back.
#[tokio::test]
async fn times_of_mysql_survive_the_way_there_and_back_and_those_that_it_has_not_are_errors() {
    let (_test, db) = mysql().await;
    let create = |conn: &mut MysqlConnection| conn.batch_execute("CREATE TABLE times (t TIME(6), d DATETIME(6))");
    db.write(create).await.unwrap();
    for (hour, micros, fits) in
        [(0, 0, true), (26, 999_999, true), (838, 0, true), (839, 0, false), (1, 1_999_999, false)]
    {
        let mut time = MysqlTime::new(0, 0, 0, hour, 30, 0, micros, false, TIME_OF_DAY, 0);
        time.second_part = micros;
        let written = db.write(move |conn| {
            conn.batch_execute("DELETE FROM times")?;
            diesel::sql_query("INSERT INTO times (t) VALUES (?)").bind::<Time, _>(time).execute(conn)
        });
        assert_eq!(written.await.is_ok(), fits, "{hour} {micros}");
        if fits {
            let query: SqlLiteral<Time> = sql("(SELECT t FROM times)");
            let back = db.read(move |conn| diesel::select(query.clone()).get_result::<MysqlTime>(conn)).await.unwrap();
            assert_eq!((back.hour, back.minute, back.second_part), (hour, 30, micros));
        }
    }
}

#[tokio::test]
async fn a_date_that_is_none_is_not_stored_as_another() {
    let (_test, db) = mysql().await;
    let create = |conn: &mut MysqlConnection| conn.batch_execute("CREATE TABLE dates (d DATETIME(6))");
    db.write(create).await.unwrap();
    for (year, month, day, hour) in
        [(2026, 13, 1, 0), (2026, 2, 30, 0), (10_000, 1, 1, 0), (2026, 1, 1, 25), (0, 0, 0, 0)]
    {
        let time = MysqlTime::new(year, month, day, hour, 0, 0, 0, false, TIME_OF_DAY, 0);
        let insert = move |conn: &mut MysqlConnection| {
            diesel::sql_query("INSERT INTO dates VALUES (?)").bind::<Datetime, _>(time).execute(conn)
        };
        assert!(db.write(insert).await.is_err(), "{time:?}");
    }
}

const TIME_OF_DAY: diesel::mysql::data_types::MysqlTimestampType =
    diesel::mysql::data_types::MysqlTimestampType::MYSQL_TIMESTAMP_TIME;

/// Columns, and values that do not fit them.
#[tokio::test]
async fn what_does_not_fit_a_column_of_mysql_is_not_stored_as_something_else() {
    let test = TestDb::mysql().await;
    for (number, (column, value)) in [
        ("TINYINT", "128"),
        ("TINYINT UNSIGNED", "-1"),
        ("INT", "2147483648"),
        ("BIGINT", "9223372036854775808"),
        ("DECIMAL(5, 2)", "1000"),
        ("FLOAT", "1e300"),
        ("VARCHAR(3)", "'four'"),
        ("VARBINARY(3)", "'four'"),
        ("ENUM('a')", "'b'"),
        ("SET('a')", "'b'"),
        ("DATE", "'2026-02-30'"),
        ("DATE", "'0000-00-00'"),
        ("DATETIME", "'2026-01-01 25:00:00'"),
        ("TIMESTAMP", "'1969-01-01 00:00:00'"),
        ("TIME", "'839:00:00'"),
        ("YEAR", "2200"),
        ("INT", "'abc'"),
        ("INT NOT NULL", "NULL"),
    ]
    .into_iter()
    .enumerate()
    {
        for engine in ["InnoDB", "MyISAM"] {
            let create = format!("CREATE TABLE t_{engine}_{number} (c {column}) ENGINE = {engine}");
            test.write(move |conn| conn.batch_execute(&create)).await.unwrap();
            // The first row fits, so that an engine without transactions might go on after it.
            let insert = format!("INSERT INTO t_{engine}_{number} VALUES (DEFAULT), ({value})");
            let insert = if column.ends_with("NOT NULL") { insert.replace("DEFAULT", "1") } else { insert };
            let outcome = test.write(move |conn| conn.batch_execute(&insert)).await;
            assert!(outcome.is_err(), "{value} in {column} of {engine}");
        }
    }
}

#[tokio::test]
async fn a_number_that_mysql_has_not_is_not_stored_as_another() {
    let test = TestDb::mysql().await;
    test.write(|conn| conn.batch_execute("CREATE TABLE numbers (d DOUBLE)")).await.unwrap();
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let insert = move |conn: &mut Conn| {
            diesel::sql_query("INSERT INTO numbers VALUES (?)").bind::<Double, _>(number).execute(conn)
        };
        assert!(test.write(insert).await.is_err(), "{number}");
    }
}

#[tokio::test]
async fn a_strict_table_of_sqlite_refuses_what_does_not_fit() {
    let db = TestDb::sqlite().await;
    let table = "CREATE TABLE stock (
            product INTEGER PRIMARY KEY,
            pieces INTEGER NOT NULL CHECK (pieces BETWEEN -2147483648 AND 2147483647),
            price REAL NOT NULL
        ) STRICT";
    db.write(move |conn| conn.batch_execute(table)).await.unwrap();
    let insert = |pieces: &str, price: f64| {
        let insert = format!("INSERT INTO stock (pieces, price) VALUES ({pieces}, ?)");
        db.write(move |conn| diesel::sql_query(&insert).bind::<Double, _>(price).execute(conn))
    };
    insert("2147483647", 0.5).await.unwrap();
    for (pieces, price) in [("2147483648", 0.5), ("'text'", 0.5), ("3.7", 0.5), ("1", f64::NAN)] {
        assert!(insert(pieces, price).await.is_err(), "{pieces} {price}");
    }
}

#[tokio::test]
async fn what_is_no_number_is_stored_as_null_on_sqlite() {
    let test = TestDb::sqlite().await;
    let is_null = |conn: &mut Conn| {
        diesel::select(sql::<Bool>("").bind::<Double, _>(f64::NAN).sql(" IS NULL")).get_result::<bool>(conn)
    };
    assert!(test.read(is_null).await.unwrap());
}

#[tokio::test]
async fn text_that_is_no_utf_8_is_an_error_on_sqlite() {
    let db = TestDb::sqlite().await;
    for value in ["CAST(x'ff' AS TEXT)", "CAST(x'61c3' AS TEXT)", "x'ff'"] {
        assert_eq!(read!(db, Text => String, value), "error", "{value}");
    }
    assert_eq!(read!(db, Binary => Vec<u8>, "CAST(x'ff' AS TEXT)"), "[255]");
}

#[tokio::test]
async fn text_that_is_no_utf_8_is_an_error_on_mysql() {
    let (_test, db) = mysql().await;
    assert_eq!(read!(db, Text => String, "x'ff'"), "error");
    assert_eq!(read!(db, Binary => Vec<u8>, "x'ff'"), "[255]");
}

#[tokio::test]
async fn integers_of_all_64_bits_and_booleans_are_the_same_on_both() {
    for db in super::both().await {
        for (value, expected) in [("9223372036854775807", i64::MAX), ("-9223372036854775808", i64::MIN), ("0", 0)] {
            assert_eq!(read!(db, BigInt => i64, value), expected.to_string());
        }
        for (value, expected) in [("0", "false"), ("1", "true"), ("2", "true"), ("-1", "true"), ("256", "true")] {
            assert_eq!(read!(db, Bool => bool, value), expected, "{value}");
        }
    }
}

/// Diesel itself converts these, and asks nobody. When it no longer does, this fails, and the promise can be kept.
#[tokio::test]
async fn what_diesel_itself_changes_is_known() {
    let sqlite = TestDb::sqlite().await;
    assert_eq!(read!(sqlite, Integer => i32, "2147483648"), "-2147483648");
    assert_eq!(read!(sqlite, SmallInt => i16, "32768"), "-32768");
    assert_eq!(read!(sqlite, Integer => i32, "'text'"), "0");
    assert_eq!(read!(sqlite, Integer => i32, "3.7"), "3");
    let mysql = TestDb::mysql().await;
    assert_eq!(read!(mysql, Integer => i32, "3.7"), "3");
    assert_eq!(read!(mysql, Integer => i32, "CAST(3.7 AS DOUBLE)"), "3");
    assert_eq!(read!(mysql, Text => String, "0"), "\"\\0\\0\\0\\0\\0\\0\\0\\0\"");
}
