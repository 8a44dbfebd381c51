use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::result::DatabaseErrorKind::ReadOnlyTransaction;
use diesel::result::Error as DieselError;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::{alone, with};
use crate::testing::TestDb;
use crate::{Conn, Db, Error};

async fn one_value(db: &Db, expression: &str) -> Option<String> {
    let query = sql::<Nullable<Text>>(&format!("({expression})"));
    db.read(move |conn| diesel::select(query.clone()).get_result(conn)).await.unwrap()
}

/// What a caller leaves behind, what the next one asks, and what it must find.
const LEFT_ON_MYSQL: &[(&str, &str, Option<&str>)] = &[
    ("SET autocommit = 0", "SELECT CAST(@@autocommit + 0 AS CHAR)", Some("1")),
    ("SET sql_mode = ''", "SELECT CAST(LENGTH(@@sql_mode) > 0 AS CHAR)", Some("1")),
    ("SET time_zone = '+05:00'", "SELECT CAST(@@time_zone AS CHAR)", Some("+00:00")),
    ("SET @mine = 'secret'", "SELECT CAST(@mine AS CHAR)", None),
    ("SELECT 'secret' INTO @mine", "SELECT CAST(@mine AS CHAR)", None),
    ("SELECT GET_LOCK('mine', 0)", "SELECT CAST(IS_USED_LOCK('mine') AS CHAR)", None),
    ("SELECT GET_LOCK /* of ours */ ('mine', 0)", "SELECT CAST(IS_USED_LOCK('mine') AS CHAR)", None),
    (
        "SELECT 1 FROM (SELECT 1) AS a JOIN (SELECT 1) AS b ON GET_LOCK('mine', 0)",
        "SELECT CAST(IS_USED_LOCK('mine') AS CHAR)",
        None,
    ),
    ("DO GET_LOCK('mine', 0)", "SELECT CAST(IS_USED_LOCK('mine') AS CHAR)", None),
    ("SELECT LAST_INSERT_ID(5)", "SELECT CAST(LAST_INSERT_ID() AS CHAR)", Some("0")),
    ("USE mysql", "SELECT CAST(DATABASE() = 'mysql' AS CHAR)", Some("0")),
    ("SET NAMES latin1", "SELECT CAST(@@character_set_client AS CHAR)", Some("utf8mb4")),
    ("SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE", ISOLATION, Some("1")),
    ("BEGIN; INSERT INTO notes VALUES ('left')", "SELECT CAST(COUNT(*) AS CHAR) FROM notes", Some("0")),
    ("LOCK TABLES notes WRITE", "SELECT CAST(COUNT(*) AS CHAR) FROM mysql.user WHERE user = 'nobody'", Some("0")),
];

/// Neither server has the other's name for it.
const ISOLATION: &str =
    "SELECT CAST(/*M! @@tx_isolation */ /*!50708 @@transaction_isolation */ <> 'SERIALIZABLE' AS CHAR)";

#[tokio::test]
async fn nothing_that_a_caller_leaves_in_a_session_of_mysql_reaches_the_next() {
    let test = TestDb::mysql().await;
    test.write(|conn| conn.batch_execute("CREATE TABLE notes (body VARCHAR(10))")).await.unwrap();
    let db = with(&test, alone).await;
    for (left, asked, expected) in LEFT_ON_MYSQL {
        for by_write in [false, true] {
            let leave = move |conn: &mut Conn| conn.batch_execute(left);
            let outcome = if by_write { db.write(leave).await } else { db.read(leave).await };
            if by_write && left.starts_with("BEGIN") {
                continue; // what a write inserts is committed
            }
            let refused = left.starts_with("BEGIN") || left.starts_with("LOCK"); // a read cannot
            assert!(outcome.is_ok() || refused && !by_write, "{left}: {outcome:?}");
            assert_eq!(one_value(&db, asked).await.as_deref(), *expected, "{left}");
        }
    }
}

#[tokio::test]
async fn a_temporary_table_of_a_caller_is_gone_for_the_next() {
    let [sqlite, mysql] = super::both().await;
    for test in [&sqlite, &mysql] {
        let db = with(test, alone).await;
        for _ in 0..2 {
            let make = |conn: &mut Conn| conn.batch_execute("CREATE TEMPORARY TABLE mine (id INT)");
            db.write(make).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_role_of_a_caller_is_not_that_of_the_next() {
    let test = TestDb::mysql().await;
    test.write(|conn| conn.batch_execute("CREATE ROLE boss; GRANT boss TO root@localhost")).await.unwrap();
    let db = with(&test, alone).await;
    db.read(|conn| conn.batch_execute("SET ROLE boss")).await.unwrap();
    let is_boss = "SELECT CAST(COALESCE(CURRENT_ROLE(), 'NONE') LIKE '%boss%' AS CHAR)";
    assert_eq!(one_value(&db, is_boss).await.as_deref(), Some("0"));
}

/// How many statements the server has run for this connection.
async fn statements(db: &Db) -> i64 {
    let count = |conn: &mut Conn| {
        let status = diesel::sql_query("SHOW SESSION STATUS LIKE 'Questions'").load::<Status>(conn)?;
        Ok(status[0].value.parse().unwrap())
    };
    db.read(count).await.unwrap()
}

#[derive(QueryableByName)]
struct Status {
    #[diesel(sql_type = Text, column_name = "Value")]
    value: String,
}

#[tokio::test]
async fn a_call_costs_its_own_statements_and_a_write_begin_and_commit() {
    let test = TestDb::mysql().await;
    test.write(|conn| conn.batch_execute("CREATE TABLE notes (body VARCHAR(10))")).await.unwrap();
    let db = with(&test, alone).await;
    let before = statements(&db).await;
    for _ in 0..10 {
        db.read(|conn| diesel::sql_query("SELECT * FROM notes").execute(conn)).await.unwrap();
    }
    let between = statements(&db).await;
    for _ in 0..10 {
        db.write(|conn| diesel::sql_query("INSERT INTO notes VALUES ('x')").execute(conn)).await.unwrap();
    }
    let after = statements(&db).await;
    assert_eq!((between - before, after - between), (10 + 1, 30 + 1));
}

/// A reset makes `LAST_INSERT_ID()` 0 again.
#[tokio::test]
async fn a_session_in_which_nothing_was_set_is_not_reset() {
    let test = TestDb::mysql().await;
    let table = "CREATE TABLE notes (id INT AUTO_INCREMENT PRIMARY KEY, body VARCHAR(10)) AUTO_INCREMENT = 7";
    test.write(|conn| conn.batch_execute(table)).await.unwrap();
    let db = with(&test, alone).await;
    let last = || one_value(&db, "SELECT CAST(LAST_INSERT_ID() AS CHAR)");
    db.write(|conn| diesel::sql_query("INSERT INTO notes (body) VALUES ('x')").execute(conn)).await.unwrap();
    db.read(|conn| conn.transaction(|conn| diesel::sql_query("SELECT * FROM notes").execute(conn))).await.unwrap();
    assert_eq!(last().await.as_deref(), Some("7"));
    db.read(|conn| conn.batch_execute("SET @mine = 1")).await.unwrap();
    assert_eq!(last().await.as_deref(), Some("0"));
}

#[tokio::test]
async fn prepared_statements_work_after_a_session_has_been_restored() {
    let test = TestDb::mysql().await;
    let db = with(&test, alone).await;
    let ask = || db.read(|conn| diesel::select(sql::<BigInt>("7")).get_result::<i64>(conn));
    assert_eq!(ask().await.unwrap(), 7);
    db.read(|conn| conn.batch_execute("SET @mine = 1")).await.unwrap();
    assert_eq!(ask().await.unwrap(), 7);
}

#[tokio::test]
async fn a_read_of_mysql_cannot_write() {
    let test = TestDb::mysql().await;
    test.write(|conn| conn.batch_execute("CREATE TABLE notes (body VARCHAR(10))")).await.unwrap();
    let db = with(&test, alone).await;
    for sql in [
        "INSERT INTO notes VALUES ('x')",
        "UPDATE notes SET body = 'x'",
        "DELETE FROM notes",
        "REPLACE INTO notes VALUES ('x')",
        "CREATE TABLE more (id INT)",
        "DROP TABLE notes",
        "ALTER TABLE notes ADD COLUMN id INT",
        "TRUNCATE TABLE notes",
        "SELECT 1; INSERT INTO notes VALUES ('x')",
    ] {
        for in_transaction in [false, true] {
            let write = move |conn: &mut Conn| match in_transaction {
                false => conn.batch_execute(sql),
                true => conn.transaction(|conn| conn.batch_execute(sql)),
            };
            let outcome = db.read(write).await;
            let expected = matches!(outcome, Err(Error::Query(DieselError::DatabaseError(ReadOnlyTransaction, _))));
            assert!(expected, "{sql}: {outcome:?}");
        }
    }
    let count = one_value(&db, "SELECT CAST(COUNT(*) AS CHAR) FROM notes").await;
    assert_eq!(count.as_deref(), Some("0"));
    let written = db.write(|conn| diesel::sql_query("INSERT INTO notes VALUES ('x')").execute(conn)).await;
    assert_eq!(written.unwrap(), 1);
}

#[tokio::test]
async fn a_read_of_mysql_cannot_ask_to_write() {
    let test = TestDb::mysql().await;
    let tables = "CREATE TABLE notes (id INT); CREATE FUNCTION note() RETURNS INT BEGIN INSERT INTO notes VALUES (1); \
        RETURN 1; END";
    test.write(move |conn| conn.batch_execute(tables)).await.unwrap();
    let db = with(&test, alone).await;
    for statements in [
        ["SELECT 1 FROM (SELECT 1) AS a JOIN (SELECT 1) AS b ON note()", "COMMIT"],
        ["SELECT note /* it */ ()", "COMMIT"],
        ["COMMIT AND CHAIN", "INSERT INTO notes VALUES (1)"],
        ["START TRANSACTION READ WRITE", "INSERT INTO notes VALUES (1)"],
        ["SET SESSION TRANSACTION READ WRITE", "INSERT INTO notes VALUES (1)"],
    ] {
        let run = move |conn: &mut Conn| statements.iter().try_for_each(|statement| conn.batch_execute(statement));
        let outcome = db.read(run).await;
        let expected = matches!(outcome, Err(Error::Query(DieselError::DatabaseError(ReadOnlyTransaction, _))));
        assert!(expected, "{statements:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn nothing_that_a_caller_leaves_in_a_session_of_sqlite_reaches_the_next() {
    let test = TestDb::sqlite().await;
    test.write(|conn| conn.batch_execute("CREATE TABLE notes (body TEXT)")).await.unwrap();
    let db = with(&test, alone).await;
    for (left, asked, expected) in [
        ("PRAGMA foreign_keys = OFF", "SELECT CAST(foreign_keys AS TEXT) FROM pragma_foreign_keys", Some("1")),
        (
            "ATTACH ':memory:' AS other",
            "SELECT CAST(COUNT(*) AS TEXT) FROM pragma_database_list WHERE name = 'other'",
            Some("0"),
        ),
        ("BEGIN", "SELECT CAST(COUNT(*) AS TEXT) FROM notes", Some("0")),
    ] {
        db.read(move |conn| conn.batch_execute(left)).await.unwrap();
        assert_eq!(one_value(&db, asked).await.as_deref(), expected, "{left}");
        if left != "BEGIN" && !left.contains("foreign_keys") {
            continue;
        }
        drop(db.write(move |conn| conn.batch_execute(left)).await); // no transaction begins in another
        let insert = db.write(|conn| diesel::sql_query("DELETE FROM notes").execute(conn)).await;
        insert.unwrap();
    }
}

#[tokio::test]
async fn a_read_of_sqlite_cannot_make_its_connection_one_that_writes() {
    let test = TestDb::sqlite().await;
    test.write(|conn| conn.batch_execute("CREATE TABLE notes (body TEXT)")).await.unwrap();
    for sql in ["PRAGMA query_only = 0; DELETE FROM notes", "PRAGMA main.Query_Only(OFF); DELETE FROM notes"] {
        let outcome = test.read(move |conn| conn.batch_execute(sql)).await;
        assert!(matches!(outcome, Err(Error::Query(_))), "{sql}: {outcome:?}");
    }
    let asked = one_value(&test, "SELECT CAST(query_only AS TEXT) FROM pragma_query_only").await;
    assert_eq!(asked.as_deref(), Some("1"));
}

/// Only MariaDB has sequences.
#[tokio::test]
async fn a_read_takes_no_value_of_a_sequence() {
    let test = TestDb::mysql().await;
    if test.write(|conn| conn.batch_execute("CREATE SEQUENCE numbers")).await.is_err() {
        return;
    }
    let db = with(&test, alone).await;
    for next in ["SELECT NEXT VALUE FOR numbers", "SELECT NEXTVAL(numbers)", "SELECT SETVAL(numbers, 50)"] {
        let outcome = db.read(move |conn| conn.batch_execute(next)).await;
        assert!(matches!(outcome, Err(Error::Query(_))), "{next}: {outcome:?}");
    }
    let next = |conn: &mut Conn| diesel::select(sql::<BigInt>("NEXT VALUE FOR numbers")).get_result::<i64>(conn);
    assert!(matches!(db.read(next).await, Err(Error::Query(_))));
    assert_eq!(db.write(next).await.unwrap(), 1);
}
