//! Transactions that run at the same time.

use std::sync::Mutex;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use futures_util::future::try_join_all;

use super::{alone, both, period, with};
use crate::testing::TestDb;
use crate::{Conn, Db, Error, Isolation, QueryResult, locked};

diesel::table! { counters (id) { id -> Integer, value -> Integer } }

const COUNTER: &str = "CREATE TABLE counters (id INTEGER PRIMARY KEY, value INTEGER NOT NULL); \
    INSERT INTO counters VALUES (1, 0)";

fn count(conn: &mut Conn) -> QueryResult<usize> {
    let value: i32 = counters::table.find(1).select(counters::value).first(conn)?;
    diesel::update(counters::table.find(1)).set(counters::value.eq(value + 1)).execute(conn)
}

async fn value(db: &Db) -> i32 {
    db.read(|conn| counters::table.select(counters::value).first(conn)).await.unwrap()
}

#[tokio::test]
async fn twenty_counters_at_once_count_to_twenty_where_they_are_serializable() {
    for db in both().await {
        db.write(|conn| conn.batch_execute(COUNTER)).await.unwrap();
        try_join_all((0..20).map(|_| db.serializable(count))).await.unwrap();
        assert_eq!(value(&db).await, 20, "{}", db.describe());
    }
}

#[tokio::test]
async fn a_query_with_an_error_of_its_own_is_serializable_too() {
    for db in both().await {
        db.write(|conn| conn.batch_execute(COUNTER)).await.unwrap();
        let db = db.isolated(Isolation::Serializable);
        let count = |conn: &mut Conn| count(conn).map_err(Error::Query);
        try_join_all((0..20).map(|_| db.try_write(count))).await.unwrap();
        assert_eq!(value(&db).await, 20, "{}", db.describe());
    }
}

/// Two that each read the row that the other one writes: one after the other, one of them would see the change.
#[tokio::test]
async fn of_two_that_read_what_the_other_writes_one_runs_after_the_other() {
    for db in both().await {
        let rows = format!("{COUNTER}; INSERT INTO counters VALUES (2, 0)");
        db.write(move |conn| conn.batch_execute(&rows)).await.unwrap();
        let copy = |from: i32, to: i32| {
            db.serializable(move |conn| {
                let value: i32 = counters::table.find(from).select(counters::value).first(conn)?;
                diesel::update(counters::table.find(to)).set(counters::value.eq(value + 1)).execute(conn)
            })
        };
        tokio::try_join!(copy(1, 2), copy(2, 1)).unwrap();
        let values = db.read(|conn| counters::table.select(counters::value).order(counters::value).load::<i32>(conn));
        assert_eq!(values.await.unwrap(), [1, 2], "{}", db.describe());
    }
}

/// What a transaction of this level reads before and after another one has written, and whether that one could.
async fn beside_a_write(db: &Db, other: &Db, isolation: Isolation) -> (i64, i64, bool) {
    let (has_read, is_read) = tokio::sync::oneshot::channel();
    let (has_written, is_written) = std::sync::mpsc::channel::<()>();
    let once = Mutex::new(Some((has_read, is_written)));
    let reading = db.isolated(isolation);
    let reading = reading.write(move |conn| {
        let before: i64 = counters::table.count().get_result(conn)?;
        let (has_read, is_written) = once.lock().unwrap().take().expect("it runs once");
        has_read.send(()).expect("the other one waits for it");
        let _dropped = is_written.recv();
        Ok((before, counters::table.count().get_result::<i64>(conn)?))
    });
    let writing = async {
        is_read.await.unwrap();
        let written = other.write(|conn| {
            let ids: Vec<i32> = locked(counters::table.select(counters::id)).no_wait().load(conn)?;
            let next = ids.into_iter().max().map_or(0, |last| last + 1);
            diesel::insert_into(counters::table).values((counters::id.eq(next), counters::value.eq(0))).execute(conn)
        });
        let written = written.await.is_ok();
        drop(has_written);
        written
    };
    let (read, written) = tokio::join!(reading, writing);
    let (before, after) = read.unwrap();
    (before, after, written)
}

#[tokio::test]
async fn a_level_is_that_of_one_transaction_and_leaves_the_session_as_it_was() {
    let test = TestDb::mysql().await;
    test.write(|conn| conn.batch_execute("CREATE TABLE counters (id INTEGER PRIMARY KEY, value INTEGER NOT NULL)"))
        .await
        .unwrap();
    let db = with(&test, |settings| {
        alone(settings);
        settings.query_timeout = period(60_000);
    });
    let db = db.await;
    for (isolation, expected) in [
        (Isolation::ReadCommitted, (0, 1, true)),
        (Isolation::RepeatableRead, (1, 1, true)),
        (Isolation::Serializable, (2, 2, false)),
        (Isolation::Server, (2, 2, true)),
    ] {
        assert_eq!(beside_a_write(&db, &test, isolation).await, expected, "{isolation:?}");
    }
}
