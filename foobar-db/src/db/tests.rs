mod migrator;
mod plain_thread;
mod upkeep;
mod urls;

use std::sync::mpsc;
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_types::{BigInt, Integer};
use foobar_core::{Chain, Metrics, Period, Secret};
use futures_util::FutureExt;

use super::*;
use crate::testing::{TestDb, endless};
use crate::{Engine, MysqlConnection};

diesel::table! {
    things (id) {
        id -> Integer,
        name -> Text,
        big -> BigInt,
        price -> Double,
        sold -> Bool,
        picture -> Nullable<Binary>,
    }
}

#[derive(Clone, Debug, PartialEq, Insertable, Queryable, Selectable)]
#[diesel(table_name = things)]
struct Thing {
    id: i32,
    name: String,
    big: i64,
    price: f64,
    sold: bool,
    picture: Option<Vec<u8>>,
}

fn thing(id: i32) -> Thing {
    Thing { id, name: format!("Ding {id} ☂"), big: i64::MAX, price: 0.25, sold: true, picture: Some(vec![0, 255]) }
}

const TABLE: &str = "CREATE TABLE things (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(100) NOT NULL, \
                     big BIGINT NOT NULL, price DOUBLE NOT NULL, sold BOOLEAN NOT NULL, picture BLOB)";

/// A database of each engine, with a table in it.
async fn both() -> [TestDb; 2] {
    let both = [TestDb::sqlite().await, TestDb::mysql().await];
    for db in &both {
        db.write(|conn| diesel::sql_query(TABLE).execute(conn)).await.unwrap();
    }
    both
}

/// The same databases through handles with other settings.
async fn both_with(change: impl Fn(&mut DatabaseSettings)) -> [(Db, TestDb); 2] {
    let mut handles = Vec::new();
    for test in both().await {
        let mut settings = test.settings();
        change(&mut settings);
        let db = Db::open(&settings).unwrap();
        db.tier().start().await.unwrap();
        handles.push((db, test));
    }
    handles.try_into().ok().unwrap()
}

fn insert(conn: &mut Conn, id: i32) -> QueryResult<usize> {
    diesel::insert_into(things::table).values(thing(id)).execute(conn)
}

/// Asks again where the machine was too slow for the deadline.
async fn in_time<T>(mut ask: impl AsyncFnMut() -> Result<T, Error>) -> T {
    for _ in 0..100 {
        match ask().await {
            Err(Error::Deadline { .. }) => {}
            outcome => return outcome.unwrap(),
        }
    }
    panic!("it is never in time")
}

async fn count(db: &Db) -> i64 {
    in_time(async || db.read(|conn| things::table.count().get_result(conn)).await).await
}

fn short(milliseconds: u64) -> Period {
    Period::new(Duration::from_millis(milliseconds))
}

#[tokio::test]
async fn every_shared_type_survives_the_way_there_and_back() {
    for db in both().await {
        db.write(|conn| insert(conn, 1)).await.unwrap();
        let found = db.read(|conn| things::table.select(Thing::as_select()).find(1).first(conn)).await.unwrap();
        assert_eq!(found, thing(1), "{db:?}", db = *db);
    }
}

#[tokio::test]
async fn an_error_rolls_the_whole_write_back() {
    for db in both().await {
        let outcome =
            db.write(|conn| insert(conn, 1).and_then(|_| insert(conn, 2)).and_then(|_| insert(conn, 1))).await;
        let Err(Error::Query(diesel::result::Error::DatabaseError(kind, _))) = outcome else { panic!("{outcome:?}") };
        assert!(matches!(kind, diesel::result::DatabaseErrorKind::UniqueViolation), "{kind:?}");
        assert_eq!(count(&db).await, 0);
    }
}

#[tokio::test]
async fn a_panic_is_an_error_that_rolls_back_and_the_threads_go_on() {
    for (db, _test) in both_with(|settings| settings.connections = 1.try_into().unwrap()).await {
        for _ in 0..3 {
            let outcome: Result<(), _> = db.write(|conn| panic!("{} row", insert(conn, 1)?)).await;
            assert_eq!(outcome.unwrap_err().to_string(), "the query panicked: 1 row");
        }
        assert_eq!(count(&db).await, 0);
        db.write(|conn| insert(conn, 1)).await.unwrap();
    }
}

/// Its destructor panics.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("in a destructor");
    }
}

#[tokio::test]
async fn what_a_query_has_captured_may_panic_when_it_is_dropped_and_the_threads_go_on() {
    for (db, _test) in both_with(|settings| settings.connections = 1.try_into().unwrap()).await {
        let bomb = Bomb;
        let write = db.write(move |conn| {
            let _captured = &bomb;
            insert(conn, 1)
        });
        assert_eq!(write.await.unwrap(), 1);
        assert_eq!(db.write(|conn| insert(conn, 2)).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn a_statement_past_its_deadline_is_interrupted_and_the_connection_works_on() {
    let shorter = |settings: &mut DatabaseSettings| {
        settings.query_timeout = short(300);
        settings.connections = 1.try_into().unwrap();
        settings.readers = 1.try_into().unwrap();
    };
    for (db, _test) in both_with(shorter).await {
        for kind in [QueryKind::Read, QueryKind::Write(Isolation::Server)] {
            let start = Instant::now();
            let outcome = match kind {
                QueryKind::Write(_) => db.write(|conn| insert(conn, 1).and_then(|_| endless(conn))).await,
                _ => db.read(endless).await,
            };
            assert!(matches!(outcome, Err(Error::Deadline { .. })), "{db:?} {kind:?} {outcome:?}");
            assert_eq!(count(&db).await, 0, "{db:?}"); // the only connection is free again, long before a minute is over
            assert!(start.elapsed() >= Duration::from_millis(300), "{db:?}");
        }
        in_time(async || db.write(|conn| insert(conn, 1)).await).await;
    }
}

#[tokio::test]
async fn a_write_is_not_committed_after_its_deadline_however_fast_its_statements_were() {
    for (db, _test) in both_with(|settings| settings.query_timeout = short(100)).await {
        let outcome = db.write(|conn| {
            let inserted = insert(conn, 1);
            while !crate::deadline::has_passed() {
                std::thread::yield_now();
            }
            inserted
        });
        let outcome = outcome.await;
        assert!(matches!(outcome, Err(Error::Deadline { .. })), "{outcome:?}");
        assert_eq!(count(&db).await, 0);
    }
}

#[tokio::test]
async fn a_call_that_never_ends_does_not_hold_its_caller() {
    for (db, _test) in both_with(|settings| settings.query_timeout = short(100)).await {
        let (release, released) = mpsc::channel::<()>();
        let released = Mutex::new(released);
        let outcome = db.read(move |_| Ok(released.lock().unwrap().recv().is_ok())).await;
        assert!(matches!(outcome, Err(Error::Deadline { .. })), "{outcome:?}");
        drop(release);
    }
}

/// Occupies the only connection for writes until the sender is dropped; returns once it does.
async fn occupy(db: &Db) -> (mpsc::Sender<()>, tokio::task::JoinHandle<Result<bool, Error>>) {
    let (begun, began) = tokio::sync::oneshot::channel();
    let begun = Mutex::new(Some(begun));
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let db = db.clone();
    let call = tokio::spawn(async move {
        let hold = move |conn: &mut Conn| {
            insert(conn, 1)?;
            if let Some(begun) = begun.lock().unwrap().take() {
                begun.send(()).unwrap();
            }
            Ok(released.lock().unwrap().recv().is_err())
        };
        db.write(hold).await
    });
    began.await.unwrap();
    (release, call)
}

fn one_at_a_time(settings: &mut DatabaseSettings) {
    settings.connections = 1.try_into().unwrap();
    settings.queue = 1;
    settings.acquire_timeout = short(500);
}

#[tokio::test]
async fn a_call_that_finds_no_connection_is_refused_in_time_and_a_full_queue_at_once() {
    for (db, _test) in both_with(one_at_a_time).await {
        let (release, call) = occupy(&db).await;
        let start = Instant::now();
        let mut waits = Box::pin(db.write(|conn| insert(conn, 2)));
        assert!((&mut waits).now_or_never().is_none());
        assert!(matches!(db.write(|conn| insert(conn, 3)).now_or_never(), Some(Err(Error::QueueFull { most: 1, .. }))));
        let refused = waits.await.unwrap_err();
        assert!(matches!(refused, Error::Busy { .. }) && refused.is_unavailable(), "{refused:?}");
        assert!(start.elapsed() >= Duration::from_millis(500));
        drop(release);
        assert!(call.await.unwrap().unwrap());
        assert_eq!(count(&db).await, 1);
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_takes_its_waiting_call_along_but_not_a_running_one() {
    for (db, _test) in both_with(one_at_a_time).await {
        let (release, running) = occupy(&db).await;
        let mut waits = Box::pin(db.write(|conn| insert(conn, 2)));
        assert!((&mut waits).now_or_never().is_none());
        drop(waits);
        running.abort();
        drop(release);
        let ids = db.write(|conn| things::table.select(things::id).load::<i32>(conn)).await.unwrap();
        assert_eq!(ids, [1]);
    }
}

#[tokio::test]
async fn nothing_runs_before_the_start_or_after_the_drain() {
    for test in both().await {
        let db = Db::open(&test.settings()).unwrap();
        assert!(!db.tier().readiness().is_ready());
        assert!(matches!(db.write(|conn| insert(conn, 1)).await, Err(Error::Closed)));
        db.tier().start().await.unwrap();
        assert!(db.tier().readiness().is_ready());
        db.tier().drain(Instant::now() + Duration::from_secs(5)).await;
        assert!(!db.tier().readiness().is_ready());
        assert!(matches!(db.write(|conn| insert(conn, 1)).await, Err(Error::Closed)));
    }
}

#[tokio::test]
async fn a_drain_lets_running_calls_end_and_refuses_new_ones() {
    for (db, test) in both_with(|_| {}).await {
        let (release, call) = occupy(&db).await;
        let tier = db.tier();
        let mut drain = Box::pin(tier.drain(Instant::now() + Duration::from_secs(5)));
        assert!((&mut drain).now_or_never().is_none());
        assert!(matches!(db.write(|conn| insert(conn, 2)).await, Err(Error::Closed)));
        drop(release);
        drain.await;
        assert!(call.await.unwrap().unwrap());
        assert_eq!(count(&test).await, 1);
    }
}

#[tokio::test]
async fn a_drain_gives_up_on_what_does_not_end() {
    for (db, _test) in both_with(|_| {}).await {
        let (_release, _call) = occupy(&db).await;
        let start = Instant::now();
        db.tier().drain(start + Duration::from_millis(100)).await;
        assert!(start.elapsed() >= Duration::from_millis(100));
    }
}

#[tokio::test]
async fn a_typed_handle_has_the_types_of_its_engine_and_no_other_engine() {
    let [sqlite, mysql] = both().await;
    let refused = sqlite.typed::<MysqlConnection>().map(drop).unwrap_err();
    assert_eq!(refused.to_string(), "this is a SQLite database, where MySQL is wanted");
    let mysql: Db<MysqlConnection> = mysql.typed().unwrap();
    let query = diesel::dsl::sql::<diesel::sql_types::Unsigned<BigInt>>("CAST(18446744073709551615 AS UNSIGNED)");
    let largest: u64 = mysql.read(move |conn| diesel::select(query.clone()).get_result(conn)).await.unwrap();
    assert_eq!(largest, u64::MAX);
    let query = diesel::dsl::sql::<diesel::sql_types::Datetime>("CAST('2026-11-20 12:30:00' AS DATETIME)");
    let time =
        mysql.read(move |conn| diesel::select(query.clone()).get_result::<diesel::mysql::data_types::MysqlTime>(conn));
    let time = time.await.unwrap();
    assert_eq!((time.year, time.month, time.day, time.hour, time.minute), (2026, 11, 20, 12, 30));
    let typed = sqlite.typed::<SqliteConnection>().unwrap();
    let one = typed.read(|conn| diesel::select(diesel::dsl::sql::<Integer>("1")).get_result::<i32>(conn));
    assert_eq!(one.await.unwrap(), 1);
}

#[tokio::test]
async fn the_figures_of_the_pools_are_in_the_metrics() {
    for db in both().await {
        let _failed = db.write(|conn| insert(conn, 1).and_then(|_| insert(conn, 1))).await;
        let missing = db.write(|conn| things::table.find(7).select(things::id).first::<i32>(conn)).await;
        assert!(matches!(missing, Err(Error::Query(DieselError::NotFound))), "{missing:?}");
        let taken_back = db.write(|_| Err::<(), _>(DieselError::RollbackTransaction)).await;
        assert!(matches!(taken_back, Err(Error::Query(DieselError::RollbackTransaction))), "{taken_back:?}");
        let mut metrics = Metrics::default();
        db.tier().metrics(&mut metrics);
        let text = metrics.into_text();
        let pool = if db.database().engine() == Engine::Sqlite { "writer" } else { "server" };
        let max = if db.database().engine() == Engine::Sqlite { 1 } else { 7 };
        let (engine, endpoint) = (db.engine().feature(), db.describe());
        for expected in [
            format!("foobar_database_connections_max{{pool=\"{pool}\"}} {max}\n"),
            format!("foobar_database_waiting{{pool=\"{pool}\"}} 0\n"),
            format!("foobar_database_waiting_max{{pool=\"{pool}\"}} 1024\n"),
            format!("foobar_database_query_duration_seconds_count{{pool=\"{pool}\"}} 4\n"),
            format!("foobar_database_acquire_duration_seconds_count{{pool=\"{pool}\"}} 4\n"),
            format!("foobar_database_queue_duration_seconds_bucket{{pool=\"{pool}\",le=\"+Inf\"}} 4\n"),
            format!("foobar_database_connections{{pool=\"{pool}\",state=\"active\"}} 0\n"),
            format!("foobar_database_errors_total{{pool=\"{pool}\",kind=\"query\"}} 1\n"),
            format!("foobar_database_retries_total{{pool=\"{pool}\",cause=\"deadlock\"}} 0\n"),
            format!(
                "foobar_database_info{{pool=\"{pool}\",engine=\"{engine}\",role=\"primary\",endpoint=\"{endpoint}\"}} 1\n"
            ),
        ] {
            assert!(text.contains(&expected), "{expected} in {text}");
        }
    }
}

#[test]
fn a_handle_works_on_any_runtime_and_outlives_the_one_it_began_on() {
    let block_on = |builder: &mut tokio::runtime::Builder| builder.enable_time().build().unwrap();
    let db = block_on(&mut tokio::runtime::Builder::new_current_thread()).block_on(both());
    for db in &db {
        let other = block_on(&mut tokio::runtime::Builder::new_current_thread());
        other.block_on(db.write(|conn| insert(conn, 1))).unwrap();
        assert_eq!(other.block_on(count(db)), 1);
    }
}

#[test]
fn more_connections_than_a_process_can_have_threads_are_refused_by_their_key() {
    for (url, expected) in [
        ("sqlite:foobar.db", "`database.readers` is 1025; 1024 is the most"),
        ("mysql://u@h/d", "`database.connections` is 1025; 1024 is the most"),
    ] {
        let with = |count: u32| {
            let count = count.try_into().unwrap();
            let url = Some(Secret::new(url));
            Db::open(&DatabaseSettings { url, readers: count, connections: count, ..DatabaseSettings::default() })
        };
        assert_eq!(with(1025).unwrap_err().to_string(), expected);
        with(1024).unwrap();
    }
}
