use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use futures_util::FutureExt;

use super::{alone, both, period, with};
use crate::testing::{TestDb, endless};
use crate::{Conn, Db, Error};

/// Waits until `test`'s server runs no statement of connection `id`, for ten seconds at most.
async fn until_ended(test: &TestDb, id: i64) {
    let busy = format!("(SELECT COUNT(*) FROM information_schema.processlist WHERE id = {id} AND command <> 'Sleep')");
    let patience = Instant::now() + Duration::from_secs(10);
    loop {
        let busy = sql::<BigInt>(&busy);
        let count: i64 = test.read(move |conn| diesel::select(busy.clone()).get_result(conn)).await.unwrap();
        if count == 0 {
            return;
        }
        assert!(Instant::now() < patience, "the statement runs on");
    }
}

/// Waits until connection `id` has come to the long statement of [`unlimited`].
async fn until_running(test: &TestDb, id: i64) {
    let busy = format!("(SELECT COUNT(*) FROM information_schema.processlist WHERE id = {id} AND info LIKE 'INSERT%')");
    let patience = Instant::now() + Duration::from_secs(10);
    loop {
        let busy = sql::<BigInt>(&busy);
        if test.read(move |conn| diesel::select(busy.clone()).get_result::<i64>(conn)).await.unwrap() == 1 {
            return;
        }
        assert!(Instant::now() < patience, "it does not run");
    }
}

async fn connection_id(db: &Db) -> i64 {
    db.read(|conn| diesel::select(sql::<BigInt>("CONNECTION_ID()")).get_result(conn)).await.unwrap()
}

/// A write that neither server ends by itself: MySQL has no limit for it, and the session's is lifted.
fn unlimited(conn: &mut Conn) -> QueryResult<usize> {
    conn.batch_execute("CREATE TEMPORARY TABLE numbers (n BIGINT)")?;
    conn.batch_execute(crate::mysql::UNLIMITED)?;
    conn.batch_execute(
        "INSERT INTO numbers SELECT a.ordinal_position FROM information_schema.columns a, information_schema.columns b, \
         information_schema.columns c",
    )?;
    Ok(0)
}

#[tokio::test]
async fn a_write_past_its_deadline_is_ended_on_the_server() {
    let test = TestDb::mysql().await;
    let short = |settings: &mut crate::DatabaseSettings| {
        alone(settings);
        settings.query_timeout = period(500);
    };
    let db = with(&test, short).await;
    let id = connection_id(&db).await;
    let outcome = db.write(unlimited).await;
    assert!(matches!(outcome, Err(Error::Deadline { .. })), "{outcome:?}");
    until_ended(&test, id).await;
}

/// A request to end a statement that is only now on its way to the server may come before it.
#[tokio::test]
async fn what_a_closure_begins_after_its_deadline_does_not_reach_the_server() {
    let test = TestDb::mysql().await;
    let short = |settings: &mut crate::DatabaseSettings| {
        alone(settings);
        settings.query_timeout = period(200);
    };
    let db = with(&test, short).await;
    let id = connection_id(&db).await;
    let late = |conn: &mut Conn| {
        let end = Instant::now() + Duration::from_millis(500); // longer than the deadline and the server's grace
        while Instant::now() < end {
            std::thread::yield_now();
        }
        unlimited(conn)
    };
    for _ in 0..3 {
        let outcome = db.write(late).await;
        assert!(matches!(outcome, Err(Error::Deadline { .. })), "{outcome:?}");
    }
    assert_eq!(connection_id(&db).await, id); // it has not even been told to end anything
}

#[tokio::test]
async fn a_batch_past_its_deadline_is_ended_with_all_its_statements() {
    let test = TestDb::mysql().await;
    let short = |settings: &mut crate::DatabaseSettings| {
        alone(settings);
        settings.query_timeout = period(200);
    };
    let db = with(&test, short).await;
    let id = connection_id(&db).await;
    let sleeps = |conn: &mut Conn| {
        conn.batch_execute(crate::mysql::UNLIMITED)?;
        conn.batch_execute("DO SLEEP(60); DO SLEEP(60); DO SLEEP(60)")
    };
    for by_write in [true, false] {
        let outcome = if by_write { db.write(sleeps).await } else { db.read(sleeps).await };
        assert!(matches!(outcome, Err(Error::Deadline { .. })), "{outcome:?}");
        until_ended(&test, id).await;
    }
}

#[tokio::test]
async fn a_drain_leaves_no_statement_running_on_the_server() {
    let test = TestDb::mysql().await;
    let long = |settings: &mut crate::DatabaseSettings| {
        alone(settings);
        settings.query_timeout = period(600_000);
    };
    let db = with(&test, long).await;
    let id = connection_id(&db).await;
    let tier = db.tier();
    let running = tokio::spawn(async move { db.write(unlimited).await });
    until_running(&test, id).await;
    tier.drain(Instant::now() + Duration::from_secs(3)).await;
    until_ended(&test, id).await;
    let outcome = running.await.unwrap();
    assert!(matches!(outcome, Err(Error::Closed)), "{outcome:?}");
}

#[tokio::test]
async fn a_process_that_ends_at_once_ends_its_statements_before_also_in_the_middle_of_a_drain() {
    let test = TestDb::mysql().await;
    let long = |settings: &mut crate::DatabaseSettings| {
        alone(settings);
        settings.query_timeout = period(600_000);
    };
    let db = with(&test, long).await;
    let id = connection_id(&db).await;
    let tier = db.tier();
    let running = tokio::spawn(async move { db.write(unlimited).await });
    until_running(&test, id).await;
    let mut drain = Box::pin(tier.drain(Instant::now() + Duration::from_secs(600)));
    assert!((&mut drain).now_or_never().is_none());
    drop(drain);
    tier.cut_off().await;
    until_ended(&test, id).await;
    assert!(running.await.unwrap().is_err());
}

#[tokio::test]
async fn a_drain_ends_a_statement_of_sqlite_too() {
    let test = TestDb::sqlite().await;
    let db = with(&test, |settings| settings.query_timeout = period(600_000)).await;
    let tier = db.tier();
    let (begun, begins) = tokio::sync::oneshot::channel();
    let begun = std::sync::Mutex::new(Some(begun));
    let running = tokio::spawn(async move {
        let run = move |conn: &mut Conn| {
            begun.lock().unwrap().take().unwrap().send(()).unwrap();
            endless(conn)
        };
        db.read(run).await
    });
    begins.await.unwrap();
    tier.drain(Instant::now()).await;
    assert!(matches!(running.await.unwrap(), Err(Error::Closed)));
}

#[tokio::test]
async fn a_timeout_of_zero_is_none() {
    for test in both().await {
        let db = with(&test, |settings| {
            alone(settings);
            let all = [
                &mut settings.acquire_timeout,
                &mut settings.query_timeout,
                &mut settings.lock_timeout,
                &mut settings.connect_timeout,
                &mut settings.migration_timeout,
            ];
            all.into_iter().for_each(|timeout| *timeout = period(0));
        });
        let db = db.await;
        db.write(|conn| {
            conn.batch_execute("CREATE TABLE counters (n INTEGER NOT NULL); INSERT INTO counters VALUES (0)")
        })
        .await
        .unwrap();
        let count = || db.write(|conn| conn.batch_execute("UPDATE counters SET n = n + 1"));
        futures_util::future::try_join_all((0..20).map(|_| count())).await.unwrap();
    }
}
