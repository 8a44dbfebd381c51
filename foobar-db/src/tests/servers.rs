//! What servers refuse for reasons of their own, each provoked on a real one.

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use foobar_core::{Chain, Secret};

use super::{alone, both, period, with};
use crate::testing::{MysqlServer, TestDb};
use crate::{Conn, DatabaseSettings, Db, Error, QueryResult};

async fn run(db: &Db, sql: &'static str) -> Result<(), Error> {
    db.write(move |conn| conn.batch_execute(sql)).await
}

async fn is_mariadb(db: &Db) -> bool {
    let version = db.read(|conn| diesel::select(sql::<Text>("VERSION()")).get_result::<String>(conn));
    version.await.unwrap().contains("MariaDB")
}

#[tokio::test]
async fn a_row_that_another_holds_for_too_long_is_a_conflict_after_several_attempts() {
    let test = TestDb::mysql().await;
    run(&test, "CREATE TABLE rows_held (id INT PRIMARY KEY)").await.unwrap();
    run(&test, "INSERT INTO rows_held VALUES (1)").await.unwrap();
    let patient = with(&test, |settings| settings.query_timeout = period(60_000)).await;
    let (held, holds) = tokio::sync::oneshot::channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let ends = std::sync::Mutex::new((Some(held), released));
    let holder = tokio::spawn(async move {
        let hold = move |conn: &mut Conn| {
            conn.batch_execute("UPDATE rows_held SET id = 1")?;
            let mut ends = ends.lock().unwrap();
            ends.0.take().unwrap().send(()).unwrap();
            Ok(ends.1.recv().is_err())
        };
        patient.write(hold).await
    });
    holds.await.unwrap();
    let hasty = |settings: &mut DatabaseSettings| {
        settings.lock_timeout = period(1000);
        settings.query_timeout = period(60_000);
    };
    let outcome = run(&with(&test, hasty).await, "UPDATE rows_held SET id = 1").await;
    assert!(matches!(outcome, Err(Error::Conflict { attempts: 5, .. })), "{outcome:?}");
    drop(release);
    assert!(holder.await.unwrap().unwrap());
}

#[tokio::test]
async fn a_record_that_has_changed_since_a_snapshot_is_tried_again() {
    let test = TestDb::mysql().await;
    if !is_mariadb(&test).await {
        return; // MySQL has no such isolation
    }
    run(&test, "CREATE TABLE counters (n INT)").await.unwrap();
    run(&test, "INSERT INTO counters VALUES (0)").await.unwrap();
    let other = with(&test, |_| {}).await;
    let handle = tokio::runtime::Handle::current();
    let runs = std::sync::atomic::AtomicU32::new(0);
    let work = move |conn: &mut Conn| {
        conn.batch_execute("SET SESSION innodb_snapshot_isolation = ON; SELECT n FROM counters")?;
        if runs.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0 {
            handle.block_on(run(&other, "UPDATE counters SET n = n + 1")).unwrap();
        }
        conn.batch_execute("UPDATE counters SET n = n + 1")
    };
    test.write(work).await.unwrap();
    let n = test.read(|conn| diesel::select(sql::<BigInt>("(SELECT n FROM counters)")).get_result::<i64>(conn)).await;
    assert_eq!(n.unwrap(), 2);
}

#[tokio::test]
async fn a_table_that_is_full_is_unavailable_and_nothing_of_the_write_stays() {
    let db = TestDb::mysql().await;
    let fill = "SET SESSION max_heap_table_size = 16384; CREATE TEMPORARY TABLE t (b CHAR(255)) ENGINE = MEMORY; \
                INSERT INTO t SELECT REPEAT('x', 255) FROM information_schema.columns";
    let outcome = run(&db, fill).await;
    assert!(matches!(&outcome, Err(error @ Error::Disk { .. }) if error.is_unavailable()), "{outcome:?}");
}

#[tokio::test]
async fn a_connection_that_the_server_has_closed_for_idleness_is_replaced_before_anybody_notices() {
    let test = TestDb::mysql().await;
    let db = with(&test, alone).await;
    let id = |conn: &mut Conn| diesel::select(sql::<BigInt>("CONNECTION_ID()")).get_result::<i64>(conn);
    let first = db.read(id).await.unwrap();
    let handle = tokio::runtime::Handle::current();
    let is_open = sql::<BigInt>(&format!("(SELECT COUNT(*) FROM information_schema.processlist WHERE id = {first})"));
    // The setting would be taken back after the call, so the connection is idle inside of it.
    let idle = move |conn: &mut Conn| -> QueryResult<i64> {
        if diesel::select(sql::<BigInt>("CONNECTION_ID()")).get_result::<i64>(conn)? == first {
            conn.batch_execute("SET SESSION wait_timeout = 1")?;
            let is_open = || {
                let is_open = is_open.clone();
                test.read(move |conn| diesel::select(is_open.clone()).get_result::<i64>(conn))
            };
            while handle.block_on(is_open()).unwrap() == 1 {}
        }
        id(conn)
    };
    assert_ne!(db.read(idle).await.unwrap(), first);
}

#[tokio::test]
async fn a_server_without_room_for_a_connection_is_unavailable() {
    let server = MysqlServer::start().unwrap();
    let url = server.create_database().unwrap();
    let open = || Db::open(&DatabaseSettings { url: Some(Secret::new(&url)), ..DatabaseSettings::default() }).unwrap();
    let first = open();
    first.tier().start().await.unwrap();
    run(&first, "CREATE USER app WITH MAX_USER_CONNECTIONS 1; GRANT ALL ON *.* TO app").await.unwrap();
    let app = url.replace("root@", "app@");
    let db = Db::open(&DatabaseSettings { url: Some(Secret::new(app)), ..DatabaseSettings::default() }).unwrap();
    db.tier().start().await.unwrap(); // its control connection takes the only place
    let error = db.read(|_| Ok(())).await.unwrap_err();
    assert!(matches!(&error, Error::Unavailable { .. }) && error.is_unavailable(), "{error:?}");
    assert!(Chain(&error).to_string().contains("max_user_connections"), "{}", Chain(&error));
}

#[tokio::test]
async fn a_hint_that_ends_a_statement_early_is_not_our_deadline() {
    let db = TestDb::mysql().await;
    let limit = if is_mariadb(&db).await {
        "SET SESSION max_statement_time = 0.1"
    } else {
        "SET SESSION max_execution_time = 100"
    };
    let work = move |conn: &mut Conn| {
        conn.batch_execute(limit)?;
        crate::testing::endless(conn)
    };
    let outcome = db.read(work).await;
    assert!(matches!(outcome, Err(Error::Interrupted { .. })), "{outcome:?}");
}

#[tokio::test]
async fn text_that_only_looks_like_a_number_of_an_error_changes_nothing() {
    for db in both().await {
        let missing = db.read(|conn| conn.batch_execute("SELECT '1213' FROM no_such_table_1213")).await;
        assert!(matches!(missing, Err(Error::Query(_))), "{missing:?}");
    }
}

#[tokio::test]
async fn a_server_without_room_for_a_prepared_statement_is_unavailable() {
    let server = MysqlServer::start().unwrap();
    let url = Some(Secret::new(server.create_database().unwrap()));
    let db = Db::open(&DatabaseSettings { url, ..DatabaseSettings::default() }).unwrap();
    db.tier().start().await.unwrap();
    run(&db, "SET GLOBAL max_prepared_stmt_count = 0").await.unwrap();
    let error = db.write(|conn| diesel::sql_query("DO 1").execute(conn)).await.unwrap_err();
    assert!(matches!(&error, Error::Unavailable { .. }) && error.is_unavailable(), "{error:?}");
    assert!(Chain(&error).to_string().contains("max_prepared_stmt_count"), "{}", Chain(&error));
}

#[tokio::test]
async fn a_table_that_was_altered_since_a_snapshot_is_tried_again() {
    let test = TestDb::mysql().await;
    run(&test, "CREATE TABLE altered (n INT); CREATE TABLE others (n INT)").await.unwrap();
    let other = with(&test, |_| {}).await;
    let handle = tokio::runtime::Handle::current();
    let runs = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let counted = std::sync::Arc::clone(&runs);
    let work = move |conn: &mut Conn| {
        conn.batch_execute("SELECT n FROM others")?; // the snapshot begins
        if counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0 {
            let alter = "ALTER TABLE altered ADD COLUMN m INT, ALGORITHM = COPY";
            handle.block_on(run(&other, alter)).unwrap();
        }
        conn.batch_execute("SELECT n FROM altered")
    };
    test.write(work).await.unwrap();
    assert_eq!(runs.load(std::sync::atomic::Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_user_who_has_used_up_what_a_server_gives_in_an_hour_finds_it_unavailable() {
    let server = MysqlServer::start().unwrap();
    let url = server.create_database().unwrap();
    let open =
        |url: &str| Db::open(&DatabaseSettings { url: Some(Secret::new(url)), ..DatabaseSettings::default() }).unwrap();
    let root = open(&url);
    root.tier().start().await.unwrap();
    let user = "CREATE TABLE notes (id INT); CREATE USER app WITH MAX_UPDATES_PER_HOUR 1; GRANT ALL ON *.* TO app";
    run(&root, user).await.unwrap();
    let db = open(&url.replace("root@", "app@"));
    db.tier().start().await.unwrap();
    run(&db, "INSERT INTO notes VALUES (1)").await.unwrap();
    let error = run(&db, "INSERT INTO notes VALUES (2)").await.unwrap_err();
    assert!(matches!(&error, Error::Unavailable { .. }) && error.is_unavailable(), "{error:?}");
    assert!(Chain(&error).to_string().contains("max_updates"), "{}", Chain(&error));
}

/// A statement over more tables than the server remembers is forgotten by it as soon as it is prepared.
#[tokio::test]
async fn a_statement_that_the_server_prepares_again_and_again_in_vain_is_a_conflict_after_several_attempts() {
    let test = TestDb::mysql().await;
    if is_mariadb(&test).await {
        return; // it runs such a statement
    }
    let server = MysqlServer::start_with(&["--table-definition-cache=400"]).unwrap(); // the least
    let test = server.create_database().unwrap();
    let mut settings = DatabaseSettings { url: Some(Secret::new(test)), ..DatabaseSettings::default() };
    settings.query_timeout = period(60_000);
    let db = Db::open(&settings).unwrap();
    db.tier().start().await.unwrap();
    let create = (0..500).map(|n| format!("CREATE TABLE t{n} (n INT) ENGINE = MEMORY; ")).collect::<String>();
    db.write(move |conn| conn.batch_execute(&create)).await.unwrap();
    let all = (0..500).map(|n| format!("SELECT n FROM t{n}")).collect::<Vec<_>>().join(" UNION ALL ");
    let outcome = db.read(move |conn| diesel::sql_query(&all).execute(conn)).await;
    let Err(Error::Conflict { attempts: 5, source, .. }) = outcome else { panic!("{outcome:?}") };
    assert!(source.to_string().contains("needs to be re-prepared"), "{source}");
}

#[tokio::test]
async fn a_server_on_a_disk_that_it_may_only_read_is_unavailable_for_writes_and_answers_reads() {
    let test = TestDb::mysql().await;
    if is_mariadb(&test).await {
        return; // which has other errors for it
    }
    let server = MysqlServer::start_with(&["--innodb-read-only=1"]).unwrap();
    let url = Some(Secret::new(server.url("mysql")));
    let db = Db::open(&DatabaseSettings { url, ..DatabaseSettings::default() }).unwrap();
    db.tier().start().await.unwrap();
    for (write, expected) in
        [("CREATE TABLE notes (id INT)", "read-only mode"), ("DELETE FROM help_topic", "Table is read only")]
    {
        let error = run(&db, write).await.unwrap_err();
        assert!(matches!(&error, Error::Unavailable { .. }) && error.is_unavailable(), "{error:?}");
        assert!(Chain(&error).to_string().contains(expected), "{}", Chain(&error));
    }
    assert_eq!(db.read(|conn| diesel::select(sql::<BigInt>("1")).get_result::<i64>(conn)).await.unwrap(), 1);
}
