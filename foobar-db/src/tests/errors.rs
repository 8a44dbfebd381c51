use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::result::DatabaseErrorKind::{CheckViolation, Unknown};
use diesel::result::Error as DieselError;
use diesel::sql_types::{BigInt, Integer, Text};
use foobar_core::{Chain, Metrics, Secret};

use super::{alone, both, period, with};
use crate::testing::{MysqlServer, TestDb};
use crate::{Conn, DatabaseSettings, Db, Error, QueryResult};

async fn execute(db: &Db, sql: &'static str) -> Result<(), Error> {
    db.write(move |conn| conn.batch_execute(sql)).await
}

async fn count(db: &Db, table: &str) -> i64 {
    let query = sql::<BigInt>(&format!("(SELECT COUNT(*) FROM {table})"));
    db.read(move |conn| diesel::select(query.clone()).get_result(conn)).await.unwrap()
}

/// How a write of `work` ends, and how often it ran.
async fn write_counted(
    db: &Db,
    work: impl Fn(&mut Conn) -> QueryResult<()> + Send + 'static,
) -> (Result<(), Error>, u32) {
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let outcome = db.write(move |conn| {
        counted.fetch_add(1, Relaxed);
        work(conn)
    });
    (outcome.await, runs.load(Relaxed))
}

/// What the servers say of faults, said by an application of its own.
const TEXTS: [&str; 8] = [
    "User ''bob'' is blocked",
    "Deadlock found when trying to get lock; try restarting transaction",
    "database is locked",
    "Input/output error: connection closed",
    "Too many connections",
    "Query execution was interrupted",
    "database or disk is full",
    "The MariaDB server is running with the --read-only option so it cannot execute this statement",
];

#[tokio::test]
async fn an_error_of_the_application_is_its_own_whatever_it_says() {
    let [sqlite, mysql] = both().await;
    execute(&sqlite, "CREATE TABLE raises (id INTEGER)").await.unwrap();
    for text in TEXTS {
        let signal = format!("SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{text}'");
        let trigger = format!(
            "DROP TRIGGER IF EXISTS raise; CREATE TRIGGER raise BEFORE INSERT ON raises BEGIN \
             SELECT RAISE(ABORT, '{text}'); END"
        );
        sqlite.write(move |conn| conn.batch_execute(&trigger)).await.unwrap();
        let by_mysql = write_counted(&mysql, move |conn| conn.batch_execute(&signal)).await;
        let by_sqlite = write_counted(&sqlite, |conn| conn.batch_execute("INSERT INTO raises VALUES (1)")).await;
        for (outcome, runs) in [by_mysql, by_sqlite] {
            let Err(Error::Query(error)) = outcome else { panic!("{text}: {outcome:?}") };
            assert_eq!((error.to_string(), runs), (text.replace("''", "'"), 1));
        }
    }
}

#[tokio::test]
async fn an_error_that_names_another_in_its_state_is_the_application_s_own() {
    let db = TestDb::mysql().await;
    for state in ["40001", "08S01"] {
        let signal = format!("SIGNAL SQLSTATE '{state}' SET MESSAGE_TEXT = 'mine'");
        let (outcome, runs) = write_counted(&db, move |conn| conn.batch_execute(&signal)).await;
        assert!(matches!(&outcome, Err(Error::Query(_))) && runs == 1, "{outcome:?} after {runs}");
    }
}

#[tokio::test]
async fn an_error_that_takes_the_number_of_another_is_the_application_s_own() {
    let db = TestDb::mysql().await;
    for (state, number) in [
        ("45000", 1213),
        ("45000", 1205),
        ("45000", 1053),
        ("45000", 1040),
        ("45000", 1021),
        ("45000", 1317),
        ("08S01", 30_001),
        ("40001", 30_001),
        ("UE001", 1205),
        ("UE001", 1213),
        ("22012", 1927),
        ("42000", 1114),
    ] {
        let signal = format!("SIGNAL SQLSTATE '{state}' SET MESSAGE_TEXT = 'mine', MYSQL_ERRNO = {number}");
        let (outcome, runs) = write_counted(&db, move |conn| conn.batch_execute(&signal)).await;
        assert!(matches!(&outcome, Err(Error::Query(_))) && runs == 1, "{state} {number}: {outcome:?} after {runs}");
    }
}

/// Galera and TiDB send them; here a server does that is told to.
#[tokio::test]
async fn what_only_clusters_send_is_tried_again_or_means_that_the_server_takes_no_statement_now() {
    let db = TestDb::mysql().await;
    for (state, number, expected) in [
        ("HY000", 8002, ("conflict", 5)),
        ("HY000", 8028, ("conflict", 5)),
        ("HY000", 9007, ("conflict", 5)),
        ("08S01", 1047, ("unavailable", 1)),
    ] {
        let signal = format!("SIGNAL SQLSTATE '{state}' SET MESSAGE_TEXT = 'cluster', MYSQL_ERRNO = {number}");
        let (outcome, runs) = write_counted(&db, move |conn| conn.batch_execute(&signal)).await;
        assert_eq!((outcome.as_ref().unwrap_err().kind(), runs), expected, "{number}: {outcome:?}");
    }
}

/// Two writes that take two rows in opposite orders, the second one by `second`; each runs once more after a deadlock.
async fn deadlock(db: &Db, second: fn(&mut Conn, i32) -> QueryResult<()>) -> (Result<(), Error>, Result<(), Error>) {
    let both_hold_one = Arc::new(std::sync::Barrier::new(2));
    let crosswise = |mine: i32, other: i32| {
        let barrier = Arc::clone(&both_hold_one);
        let is_first_run = Arc::new(AtomicU32::new(0));
        db.write(move |conn| {
            add(conn, mine)?;
            if is_first_run.fetch_add(1, Relaxed) == 0 {
                barrier.wait();
            }
            second(conn, other)
        })
    };
    tokio::join!(crosswise(1, 2), crosswise(2, 1))
}

fn add(conn: &mut Conn, id: i32) -> QueryResult<()> {
    diesel::sql_query(format!("UPDATE pairs SET n = n + 1 WHERE id = {id}")).execute(conn).map(drop)
}

async fn pairs() -> TestDb {
    let db = TestDb::mysql().await;
    execute(&db, "CREATE TABLE pairs (id INT PRIMARY KEY, n INT NOT NULL)").await.unwrap();
    execute(&db, "INSERT INTO pairs VALUES (1, 0), (2, 0)").await.unwrap();
    db
}

async fn least_and_most(db: &Db) -> (i32, i32) {
    let query = (sql::<Integer>("(SELECT MIN(n) FROM pairs)"), sql::<Integer>("(SELECT MAX(n) FROM pairs)"));
    db.read(move |conn| diesel::select(query.clone()).get_result(conn)).await.unwrap()
}

#[tokio::test]
async fn a_deadlock_in_a_nested_transaction_is_tried_again() {
    let db = pairs().await;
    let nested = |conn: &mut Conn, id| conn.transaction(|conn| add(conn, id));
    let (one, two) = deadlock(&db, nested).await;
    one.and(two).unwrap();
    assert_eq!(least_and_most(&db).await, (2, 2));
}

#[tokio::test]
async fn retries_are_counted_by_their_cause() {
    let db = pairs().await;
    let (one, two) = deadlock(&db, add).await;
    one.and(two).unwrap();
    let mut metrics = Metrics::default();
    db.tier().metrics(&mut metrics);
    let text = metrics.into_text();
    for (cause, count) in [("deadlock", 1), ("lock_timeout", 0), ("conflict", 0), ("lost", 0)] {
        let line = format!("foobar_database_retries_total{{pool=\"server\",cause=\"{cause}\"}} {count}\n");
        assert!(text.contains(&line), "{line} in {text}");
    }
}

#[tokio::test]
async fn a_deadlock_in_a_batch_is_tried_again() {
    let db = pairs().await;
    let batch = |conn: &mut Conn, id| conn.batch_execute(&format!("UPDATE pairs SET n = n + 1 WHERE id = {id}"));
    let (one, two) = deadlock(&db, batch).await;
    one.and(two).unwrap();
    assert_eq!(least_and_most(&db).await, (2, 2));
}

#[tokio::test]
async fn a_deadlock_that_the_closure_swallows_does_not_commit_half_of_it() {
    let db = pairs().await;
    let swallow = |conn: &mut Conn, id| {
        drop(add(conn, id));
        Ok(())
    };
    let (one, two) = deadlock(&db, swallow).await;
    one.and(two).unwrap();
    assert_eq!(least_and_most(&db).await, (2, 2));
}

#[tokio::test]
async fn what_follows_a_swallowed_deadlock_is_not_committed_by_itself() {
    let db = pairs().await;
    execute(&db, "CREATE TABLE notes (id INT)").await.unwrap();
    let swallow = |conn: &mut Conn, id| {
        drop(conn.transaction(|conn| add(conn, id)));
        drop(conn.batch_execute("INSERT INTO notes VALUES (1)"));
        (0..100).for_each(|_| drop(conn.batch_execute("nonsense"))); // not even that makes the deadlock forgotten
        Ok(())
    };
    let (one, two) = deadlock(&db, swallow).await;
    one.and(two).unwrap();
    assert_eq!((least_and_most(&db).await, count(&db, "notes").await), ((2, 2), 2));
}

#[tokio::test]
async fn a_deadlock_of_which_the_closure_makes_another_error_is_tried_again() {
    let db = pairs().await;
    let other = |conn: &mut Conn, id| add(conn, id).map_err(|_| DieselError::RollbackTransaction);
    let (one, two) = deadlock(&db, other).await;
    one.and(two).unwrap();
    assert_eq!(least_and_most(&db).await, (2, 2));
}

#[tokio::test]
async fn what_follows_a_transaction_that_sqlite_has_rolled_back_is_not_committed_by_itself() {
    let db = TestDb::sqlite().await;
    let tables = "CREATE TABLE raises (id INTEGER); CREATE TABLE notes (id INTEGER); CREATE TRIGGER raise BEFORE INSERT \
        ON raises BEGIN SELECT RAISE(ROLLBACK, 'not this one'); END";
    execute(&db, tables).await.unwrap();
    for nested in [false, true] {
        let raise = move |conn: &mut Conn| {
            let insert = |conn: &mut Conn| conn.batch_execute("INSERT INTO raises VALUES (1)");
            drop(if nested { conn.transaction(insert) } else { insert(conn) });
            drop(conn.batch_execute("INSERT INTO notes VALUES (1)"));
            Ok(())
        };
        let (outcome, runs) = write_counted(&db, raise).await;
        let Err(Error::Query(error)) = outcome else { panic!("{outcome:?}") };
        assert_eq!((error.to_string().as_str(), runs, count(&db, "notes").await), ("not this one", 1, 0));
    }
    execute(&db, "INSERT INTO notes VALUES (1)").await.unwrap();
}

#[tokio::test]
async fn a_full_disk_inside_a_nested_transaction_of_sqlite_is_told_as_such() {
    let db = TestDb::sqlite().await;
    execute(&db, "CREATE TABLE blobs (b BLOB)").await.unwrap();
    let fill = |conn: &mut Conn| {
        conn.batch_execute("PRAGMA max_page_count = 10")?;
        conn.transaction(|conn| conn.batch_execute("INSERT INTO blobs VALUES (zeroblob(1000000))"))
    };
    let (outcome, runs) = write_counted(&db, fill).await;
    assert!(matches!(outcome, Err(Error::Disk { .. })) && runs == 1, "{outcome:?} {runs}");
}

#[tokio::test]
async fn a_row_that_is_longer_than_a_packet_is_read() {
    let test = TestDb::mysql().await;
    let db = with(&test, |settings| settings.query_timeout = period(60_000)).await; // it is as long as the server allows
    let max: i64 =
        db.read(|conn| diesel::select(sql::<BigInt>("@@max_allowed_packet")).get_result(conn)).await.unwrap();
    let row = format!("SELECT REPEAT('x', {max} - 100), REPEAT('x', 200)");
    db.read(move |conn| diesel::sql_query(&row).execute(conn)).await.unwrap();
}

/// The driver looks for names of values, and takes a backslash before a quote for its escape.
#[tokio::test]
async fn a_text_that_the_driver_misreads_is_an_error_and_not_another_text() {
    let db = TestDb::mysql().await;
    let name = |sql: &'static str| db.read(move |conn| diesel::sql_query(sql).load::<Named>(conn));
    let error = name(r"SELECT CONCAT('\\', ':name') AS name").await.unwrap_err();
    assert!(Chain(&error).to_string().contains("`:name`"), "{}", Chain(&error));
    assert_eq!(name("SELECT CONCAT('it''s', ':name') AS name").await.unwrap()[0].name, "it's:name");
}

#[derive(Debug, QueryableByName)]
struct Named {
    #[diesel(sql_type = Text)]
    name: String,
}

#[tokio::test]
async fn a_connection_lost_inside_a_write_is_tried_again_even_where_the_closure_swallows_it() {
    let db = TestDb::mysql().await;
    execute(&db, "CREATE TABLE notes (id INT)").await.unwrap();
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let other = with(&db, |_| {}).await;
    let handle = tokio::runtime::Handle::current();
    let lose_once = move |conn: &mut Conn| {
        conn.batch_execute("INSERT INTO notes VALUES (1)")?;
        if counted.fetch_add(1, Relaxed) == 0 {
            let id: i64 = diesel::select(sql::<BigInt>("CONNECTION_ID()")).get_result(conn)?;
            let kill = other.read(move |conn| conn.batch_execute(&format!("KILL {id}")));
            handle.block_on(kill).unwrap();
            drop(conn.batch_execute("INSERT INTO notes VALUES (2)"));
        }
        Ok(())
    };
    tokio::task::spawn_blocking(|| ()).await.unwrap(); // the runtime has threads for it
    db.write(lose_once).await.unwrap();
    assert_eq!((runs.load(Relaxed), count(&db, "notes").await), (2, 1));
}

#[tokio::test]
async fn a_packet_that_is_too_large_is_sent_once_and_the_error_says_so() {
    let db = TestDb::mysql().await;
    execute(&db, "CREATE TABLE blobs (b LONGBLOB)").await.unwrap();
    let bytes = vec![b'x'; 70 << 20];
    let insert = move |conn: &mut Conn| {
        diesel::sql_query("INSERT INTO blobs VALUES (?)").bind::<diesel::sql_types::Binary, _>(&bytes).execute(conn)?;
        Ok(())
    };
    let (outcome, runs) = write_counted(&db, insert).await;
    let Err(Error::Query(error)) = outcome else { panic!("{outcome:?}") };
    assert!(error.to_string().contains("max_allowed_packet"), "{error}");
    assert_eq!(runs, 1);
    assert_eq!(count(&db, "blobs").await, 0);
}

#[tokio::test]
async fn a_query_that_an_operator_ends_is_not_reported_as_our_deadline() {
    let test = TestDb::mysql().await;
    let db = with(&test, alone).await;
    let id: i64 = db.read(|conn| diesel::select(sql::<BigInt>("CONNECTION_ID()")).get_result(conn)).await.unwrap();
    let running = tokio::spawn(async move { db.write(crate::testing::endless).await });
    let busy = format!("(SELECT COUNT(*) FROM information_schema.processlist WHERE id = {id} AND command <> 'Sleep')");
    let is_busy = || {
        let busy = sql::<BigInt>(&busy);
        test.read(move |conn| diesel::select(busy.clone()).get_result::<i64>(conn))
    };
    while !running.is_finished() {
        if is_busy().await.unwrap() == 1 {
            let kill = test.read(move |conn| conn.batch_execute(&format!("KILL QUERY {id}")));
            drop(kill.await); // it may have ended, and its connection with it
        }
    }
    let error = running.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Interrupted { .. }), "{error:?}");
    assert!(!Chain(&error).to_string().contains("query_timeout"), "{}", Chain(&error));
}

#[tokio::test]
async fn a_violated_check_has_its_kind() {
    for db in both().await {
        execute(&db, "CREATE TABLE ages (age INT, CHECK (age > 0))").await.unwrap();
        let outcome = execute(&db, "INSERT INTO ages VALUES (-1)").await;
        assert!(matches!(outcome, Err(Error::Query(DieselError::DatabaseError(CheckViolation, _)))), "{outcome:?}");
    }
}

#[tokio::test]
async fn an_option_of_the_server_that_forbids_a_statement_does_not_make_it_unavailable() {
    let db = TestDb::mysql().await;
    let outcome = db.read(|conn| diesel::sql_query("SELECT 1 INTO OUTFILE '/no/such/folder/file'").execute(conn)).await;
    assert!(matches!(&outcome, Err(error) if !error.is_unavailable()), "{outcome:?}");
}

#[tokio::test]
async fn a_wrong_number_of_values_is_one_error_and_the_connection_goes_on() {
    let test = TestDb::mysql().await;
    let db = with(&test, alone).await;
    let id = || db.read(|conn| diesel::select(sql::<BigInt>("CONNECTION_ID()")).get_result::<i64>(conn));
    let before = id().await.unwrap();
    let two = |conn: &mut Conn| diesel::sql_query("SELECT ?, ?").bind::<Integer, _>(1).execute(conn);
    let error = db.read(two).await.unwrap_err();
    assert!(Chain(&error).to_string().contains("takes 2 values, and 1 were given"), "{}", Chain(&error));
    assert_eq!(id().await.unwrap(), before);
}

#[tokio::test]
async fn an_error_that_a_closure_makes_itself_is_a_failed_query() {
    for db in both().await {
        let own = || DieselError::DatabaseError(Unknown, Box::new("Deadlock found when trying to get lock".to_owned()));
        let (outcome, runs) = write_counted(&db, move |_| Err(own())).await;
        assert!(matches!(&outcome, Err(Error::Query(_))) && runs == 1, "{outcome:?} after {runs}");
    }
}

#[tokio::test]
async fn text_with_the_words_of_a_fault_is_stored_as_any_other() {
    for db in both().await {
        execute(&db, "CREATE TABLE texts (t TEXT)").await.unwrap();
        let insert = |conn: &mut Conn| {
            diesel::sql_query("INSERT INTO texts VALUES (?)").bind::<Text, _>("Connection was killed").execute(conn)
        };
        assert_eq!(db.write(insert).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn a_server_that_is_read_only_refuses_writes_as_unavailable_and_answers_reads() {
    let server = MysqlServer::start().unwrap();
    let url = server.create_database().unwrap();
    let root = open(&url).await;
    let user = "CREATE USER app; GRANT ALL ON *.* TO app; REVOKE SUPER ON *.* FROM app";
    execute(&root, user).await.unwrap();
    // MySQL has a privilege of its own for it, and MariaDB from 10.11 on another one.
    for revoke in ["REVOKE CONNECTION_ADMIN ON *.* FROM app", "REVOKE READ_ONLY ADMIN ON *.* FROM app"] {
        drop(root.write(move |conn| conn.batch_execute(revoke)).await);
    }
    let db = open(&url.replace("root@", "app@")).await;
    execute(&db, "CREATE TABLE notes (id INT)").await.unwrap();
    root.read(|conn| conn.batch_execute("SET GLOBAL read_only = 1")).await.unwrap();
    let (outcome, runs) = write_counted(&db, |conn| conn.batch_execute("INSERT INTO notes VALUES (1)")).await;
    let error = outcome.unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }) && error.is_unavailable() && runs == 1, "{error:?} {runs}");
    assert!(Chain(&error).to_string().contains("read-only"), "{}", Chain(&error));
    assert_eq!(count(&db, "notes").await, 0);
    root.read(|conn| conn.batch_execute("SET GLOBAL read_only = 0")).await.unwrap();
    execute(&db, "INSERT INTO notes VALUES (1)").await.unwrap();
}

async fn open(url: &str) -> Db {
    let url = Some(Secret::new(url));
    let db = Db::open(&DatabaseSettings { url, ..DatabaseSettings::default() }).unwrap();
    db.tier().start().await.unwrap();
    db
}
