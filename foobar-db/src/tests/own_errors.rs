//! Queries with errors of their own.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, mpsc};

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::result::DatabaseErrorKind::{SerializationFailure, UniqueViolation};
use diesel::result::Error as DieselError;
use diesel::sql_types::BigInt;

use super::{both, period, with};
use crate::testing::{TestDb, endless};
use crate::{Conn, Db, Error};

/// What the queries fail with.
#[derive(Debug, thiserror::Error)]
enum Own {
    #[error("sold out")]
    SoldOut,
    #[error("it exists")]
    Exists,
    #[error(transparent)]
    Query(#[from] DieselError),
    #[error(transparent)]
    Database(#[from] Error),
}

async fn execute(db: &Db, sql: &'static str) {
    db.write(move |conn| conn.batch_execute(sql)).await.unwrap();
}

async fn notes(db: &Db) -> i64 {
    db.read(|conn| diesel::select(sql::<BigInt>("(SELECT COUNT(*) FROM notes)")).get_result(conn)).await.unwrap()
}

fn note(conn: &mut Conn) -> QueryResult<()> {
    conn.batch_execute("INSERT INTO notes VALUES (1)")
}

/// A database of each engine with an empty table.
async fn both_with_notes() -> [TestDb; 2] {
    let both = both().await;
    for db in &both {
        execute(db, "CREATE TABLE notes (id INT PRIMARY KEY)").await;
    }
    both
}

/// How a write of `work` ends, and how often it ran.
async fn write_counted(
    db: &Db,
    work: impl Fn(&mut Conn) -> Result<(), Own> + Send + 'static,
) -> (Result<(), Own>, u32) {
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let outcome = db.try_write(move |conn| {
        counted.fetch_add(1, Relaxed);
        work(conn)
    });
    (outcome.await, runs.load(Relaxed))
}

#[tokio::test]
async fn an_error_of_ones_own_takes_back_what_was_written_and_is_returned() {
    for db in both_with_notes().await {
        let (outcome, runs) = write_counted(&db, |conn| {
            note(conn)?;
            Err(Own::SoldOut)
        })
        .await;
        assert!(matches!(outcome, Err(Own::SoldOut)) && runs == 1, "{outcome:?} {runs}");
        assert_eq!(notes(&db).await, 0);
    }
}

#[tokio::test]
async fn what_succeeds_is_committed() {
    for db in both_with_notes().await {
        let (outcome, runs) = write_counted(&db, |conn| Ok(note(conn)?)).await;
        assert!(outcome.is_ok() && runs == 1, "{outcome:?} {runs}");
        assert_eq!(notes(&db).await, 1);
    }
}

#[tokio::test]
async fn a_read_has_errors_of_its_own_too() {
    for db in both_with_notes().await {
        let outcome = db.try_read(|conn| if note(conn).is_err() { Err(Own::SoldOut) } else { Ok(()) }).await;
        assert!(matches!(outcome, Err(Own::SoldOut)), "{outcome:?}");
        let outcome: Result<i64, Own> =
            db.try_read(|conn| Ok(diesel::select(sql::<BigInt>("7")).get_result(conn)?)).await;
        assert!(matches!(outcome, Ok(7)), "{outcome:?}");
    }
}

#[tokio::test]
async fn an_error_that_the_query_makes_of_a_violated_constraint_is_its_own() {
    for db in both_with_notes().await {
        let (outcome, runs) = write_counted(&db, |conn| {
            note(conn)?;
            match note(conn) {
                Err(DieselError::DatabaseError(UniqueViolation, _)) => Err(Own::Exists),
                other => Ok(other?),
            }
        })
        .await;
        assert!(matches!(outcome, Err(Own::Exists)) && runs == 1, "{outcome:?} {runs}");
        assert_eq!(notes(&db).await, 0);
    }
}

#[tokio::test]
async fn an_error_of_ones_own_leaves_a_nested_transaction() {
    for db in both_with_notes().await {
        let (outcome, _) = write_counted(&db, |conn| {
            note(conn)?;
            let nested = conn.transaction(|conn| {
                conn.batch_execute("INSERT INTO notes VALUES (2)")?;
                Err::<(), _>(Own::SoldOut)
            });
            assert!(matches!(nested, Err(Own::SoldOut)), "{nested:?}");
            Ok(())
        })
        .await;
        outcome.unwrap();
        assert_eq!(notes(&db).await, 1);
    }
}

#[tokio::test]
async fn an_error_that_only_reads_like_a_deadlock_is_not_tried_again() {
    let text = || Box::new("Deadlock found when trying to get lock; try restarting transaction".to_owned());
    for db in both_with_notes().await {
        let made = move |_: &mut Conn| Err(Own::Query(DieselError::DatabaseError(SerializationFailure, text())));
        let (outcome, runs) = write_counted(&db, made).await;
        assert!(matches!(outcome, Err(Own::Query(_))) && runs == 1, "{outcome:?} {runs}");
    }
}

#[tokio::test]
async fn a_query_past_its_deadline_is_told_as_such_whatever_the_query_makes_of_it() {
    for test in both_with_notes().await {
        let db = with(&test, |settings| settings.query_timeout = period(200)).await;
        let late = |conn: &mut Conn| endless(conn).map(drop).map_err(|_| Own::SoldOut);
        let (outcome, runs) = write_counted(&db, late).await;
        assert!(matches!(outcome, Err(Own::Database(Error::Deadline { .. }))) && runs == 1, "{outcome:?} {runs}");
        let outcome = db.try_read(late).await;
        assert!(matches!(outcome, Err(Own::Database(Error::Deadline { .. }))), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_full_disk_is_told_as_such_whatever_the_query_makes_of_it() {
    let db = TestDb::sqlite().await;
    execute(&db, "CREATE TABLE blobs (b BLOB)").await;
    for nested in [false, true] {
        let fill = |conn: &mut Conn| conn.batch_execute("INSERT INTO blobs VALUES (zeroblob(1000000))");
        let (outcome, runs) = write_counted(&db, move |conn| {
            conn.batch_execute("PRAGMA max_page_count = 10")?;
            let filled = if nested { conn.transaction(fill) } else { fill(conn) };
            filled.map_err(|_| Own::SoldOut)
        })
        .await;
        assert!(matches!(outcome, Err(Own::Database(Error::Disk { .. }))) && runs == 1, "{outcome:?} {runs}");
    }
}

#[tokio::test]
async fn a_panic_is_told_as_the_databases_error() {
    for db in both_with_notes().await {
        let (outcome, _) = write_counted(&db, |_| panic!("a bug")).await;
        assert!(matches!(outcome, Err(Own::Database(Error::Panicked(_)))), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_connection_lost_is_tried_again_whatever_the_query_makes_of_it() {
    let db = TestDb::mysql().await;
    execute(&db, "CREATE TABLE notes (id INT PRIMARY KEY)").await;
    let lost = AtomicU32::new(0);
    let (outcome, runs) = write_counted(&db, move |conn| {
        note(conn)?;
        if lost.fetch_add(1, Relaxed) == 0 {
            drop(conn.batch_execute("KILL CONNECTION_ID()")); // it ends the connection that it comes over
            return note(conn).map_err(|_| Own::SoldOut);
        }
        Ok(())
    })
    .await;
    assert!(outcome.is_ok() && runs == 2, "{outcome:?} {runs}");
    assert_eq!(notes(&db).await, 1);
}

/// A database in which another transaction holds a row until it is told to end.
async fn held() -> (TestDb, Db, mpsc::Sender<()>, tokio::task::JoinHandle<()>) {
    let test = TestDb::mysql().await;
    execute(&test, "CREATE TABLE notes (id INT PRIMARY KEY)").await;
    execute(&test, "INSERT INTO notes VALUES (1)").await;
    let (holds, held) = tokio::sync::oneshot::channel();
    let (release, released) = mpsc::channel::<()>();
    let (holds, holder) = (Mutex::new(Some(holds)), with(&test, |_| {}).await);
    let holder = tokio::spawn(async move {
        let hold = holder.write(move |conn| {
            lock(conn)?;
            let _told = holds.lock().unwrap().take().map(|holds| holds.send(()));
            let _released_or_over = released.recv();
            Ok(())
        });
        hold.await.unwrap();
    });
    held.await.unwrap();
    let db = with(&test, |settings| settings.lock_timeout = period(1000)).await;
    (test, db, release, holder)
}

fn lock(conn: &mut Conn) -> QueryResult<()> {
    diesel::sql_query("SELECT id FROM notes WHERE id = 1 FOR UPDATE").execute(conn).map(drop)
}

#[tokio::test]
async fn a_lock_held_too_long_is_tried_again_whatever_the_query_makes_of_it() {
    let (_test, db, release, holder) = held().await;
    let (outcome, runs) = write_counted(&db, move |conn| {
        conn.transaction(lock).map_err(|_| {
            let _ends_or_has_ended = release.send(());
            Own::SoldOut
        })
    })
    .await;
    assert!(outcome.is_ok() && runs == 2, "{outcome:?} {runs}");
    holder.await.unwrap();
}

#[tokio::test]
async fn an_error_that_comes_after_the_query_has_gone_on_is_its_own() {
    let (_test, db, release, holder) = held().await;
    let (outcome, runs) = write_counted(&db, move |conn| {
        drop(lock(conn));
        conn.batch_execute("SELECT 1")?;
        Err(Own::SoldOut)
    })
    .await;
    assert!(matches!(outcome, Err(Own::SoldOut)) && runs == 1, "{outcome:?} {runs}");
    drop(release);
    holder.await.unwrap();
}

#[tokio::test]
async fn a_deadlock_is_tried_again_whatever_the_query_makes_of_it() {
    let db = TestDb::mysql().await;
    execute(&db, "CREATE TABLE pairs (id INT PRIMARY KEY, n INT NOT NULL)").await;
    execute(&db, "INSERT INTO pairs VALUES (1, 0), (2, 0)").await;
    let both_hold_one = Arc::new(std::sync::Barrier::new(2));
    let crosswise = |mine: i32, other: i32| {
        let barrier = Arc::clone(&both_hold_one);
        let runs = AtomicU32::new(0);
        db.try_write(move |conn| {
            let mut add = |id| diesel::sql_query(format!("UPDATE pairs SET n = n + 1 WHERE id = {id}")).execute(conn);
            add(mine)?;
            if runs.fetch_add(1, Relaxed) == 0 {
                barrier.wait();
            }
            add(other).map(drop).map_err(|_| Own::SoldOut)
        })
    };
    let (one, two) = tokio::join!(crosswise(1, 2), crosswise(2, 1));
    one.and(two).unwrap();
}
