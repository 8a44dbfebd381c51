//! Exactly one process migrates a database, and its place is taken only where it is certainly gone.

use std::time::Duration;

use super::*;

/// A connection that holds the row, and not the lock of its server, as from another server of the same database.
pub(super) fn hold(url: &str) -> Conn {
    let mut conn = connect(url);
    let claim = conn.claim_migrations(false).unwrap();
    assert!(matches!(claim, Claim::Ours(_)));
    conn
}

/// Does that on a thread, since MySQL's connection blocks.
pub(super) fn on_a_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(work).join().unwrap())
}

pub(super) async fn count(db: &Db, query: &'static str) -> i64 {
    db.read(move |conn| diesel::select(diesel::dsl::sql::<BigInt>(query)).get_result(conn)).await.unwrap()
}

pub(super) const ROWS: &str = "(SELECT COUNT(*) FROM __foobar_migration_lock)";

#[tokio::test]
async fn the_row_is_there_while_migrations_run_and_gone_after_them_whether_they_fail_or_not() {
    let db = TestDb::mysql().await;
    let up = "CREATE TABLE seen AS SELECT COUNT(*) AS id FROM __foobar_migration_lock";
    db.migrate(&sql(&[("1_seen", up)])).await.unwrap();
    assert_eq!((count(&db, "(SELECT id FROM seen)").await, count(&db, ROWS).await), (1, 0));
    db.migrate(&sql(&[("2_wrong", "SELECT no_such_column FROM seen")])).await.unwrap_err();
    assert_eq!(count(&db, ROWS).await, 0);
}

#[tokio::test]
async fn the_row_of_a_process_whose_connection_is_gone_on_that_server_is_taken_over() {
    let db = TestDb::mysql().await;
    on_a_thread(|| drop(hold(db.url())));
    let (outcome, log) = run_logged(&db, &sql(&[("1_next", "SELECT 1")]));
    assert_eq!(outcome.unwrap(), ["1_next"]);
    assert!(log.contains("taking over from a process that ran migrations and whose connection is gone"), "{log}");
    assert_eq!(count(&db, ROWS).await, 0);
}

/// As it is for a session on another server.
#[tokio::test]
async fn the_row_of_a_process_on_another_server_is_never_taken_over_but_by_unlock() {
    let db = TestDb::mysql().await;
    on_a_thread(|| drop(hold(db.url())));
    db.write(|conn| {
        conn.batch_execute("UPDATE __foobar_migration_lock SET `server` = 'another', since = '2001-01-01'")
    })
    .await
    .unwrap();
    let hasty = another(&db, Duration::from_millis(300)).await;
    let next = sql(&[("1_next", "SELECT 1")]);
    let error = hasty.migrate(&next).await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("another process still runs migrations, after all of `database.migration_timeout`"),
        "{text}"
    );
    assert!(text.contains("process ") && text.ends_with("run `migrate unlock`") && error.is_unavailable(), "{text}");
    let holder = db.migrate_unlock().await.unwrap().unwrap();
    assert!(holder.starts_with("process ") && holder.contains("since 2001-01-01 00:00:00 UTC"), "{holder}");
    assert_eq!(db.migrate_unlock().await.unwrap(), None);
    assert_eq!(hasty.migrate(&next).await.unwrap(), ["1_next"]);
}

#[tokio::test]
async fn the_row_of_a_server_that_was_started_again_since_is_taken_over() {
    let db = TestDb::mysql().await;
    on_a_thread(|| drop(hold(db.url())));
    db.write(|conn| conn.batch_execute("UPDATE __foobar_migration_lock SET started = started - 3600")).await.unwrap();
    assert_eq!(db.migrate(&sql(&[("1_next", "SELECT 1")])).await.unwrap(), ["1_next"]);
}

#[tokio::test]
async fn nothing_is_unlocked_while_the_process_certainly_runs() {
    let db = TestDb::mysql().await;
    let (release, call) = occupy(&db).await;
    on_a_thread(|| drop(hold(db.url())));
    let error = db.migrate_unlock().await.unwrap_err().to_string();
    assert!(error.starts_with("migrations run: process ") && error.contains("run KILL "), "{error}");
    drop(release);
    call.await.unwrap().unwrap();
}

#[tokio::test]
async fn the_row_names_the_process_and_the_connection_that_runs_migrations() {
    let db = TestDb::mysql().await;
    let up = "CREATE TABLE seen AS SELECT CONCAT(holder, ' ', `connection` = CONNECTION_ID()) AS id FROM __foobar_migration_lock";
    db.migrate(&sql(&[("1_seen", up)])).await.unwrap();
    let seen = diesel::dsl::sql::<diesel::sql_types::Text>("(SELECT CONVERT(id USING utf8mb4) FROM seen)");
    let seen: String = db.read(move |conn| diesel::select(seen.clone()).get_result(conn)).await.unwrap();
    assert_eq!(seen, format!("process {} as root@localhost 1", std::process::id()));
}

#[tokio::test]
async fn a_statement_that_changes_the_schema_is_tried_again_while_another_session_has_a_lock() {
    let db = TestDb::mysql().await;
    db.migrate(&sql(&[("1_notes", "CREATE TABLE notes (id INTEGER NOT NULL PRIMARY KEY)")])).await.unwrap();
    let settings = DatabaseSettings { migration_lock_timeout: Period::new(Duration::from_secs(1)), ..db.settings() };
    let migrating = Db::open(&settings).unwrap();
    migrating.tier().start().await.unwrap();
    let (release, released) = mpsc::channel::<()>();
    let (locks, locked) = tokio::sync::oneshot::channel();
    let (locks, released) = (Mutex::new(Some(locks)), Mutex::new(released));
    let reads = db.read(move |conn| {
        conn.batch_execute("BEGIN; SELECT * FROM notes")?;
        locks.lock().unwrap().take().unwrap().send(()).unwrap();
        let _disconnected = released.lock().unwrap().recv();
        conn.batch_execute("COMMIT")
    });
    let check = async {
        locked.await.unwrap();
        let add = sql(&[("2_column", "ALTER TABLE notes ADD COLUMN body TEXT")]);
        let mut runs = Box::pin(migrating.migrate(&add));
        let waited = tokio::time::timeout(Duration::from_millis(2500), &mut runs).await;
        assert!(waited.is_err(), "{waited:?}"); // it has been refused at least once
        drop(release);
        assert_eq!(runs.await.unwrap(), ["2_column"]);
    };
    tokio::join!(reads, check).0.unwrap();
}
