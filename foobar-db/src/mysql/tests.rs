mod client_certificates;
mod network;
mod passwords;
mod proof;
mod replication;
mod roles;
mod thrift;
mod tls;

use std::io::Write;
use std::net::TcpListener;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Text, Unsigned};
use foobar_core::{Chain, Period, Secret};
use tokio::time::timeout;

use super::*;
use crate::testing::{MysqlServer, TestDb, endless};
use crate::{Db, QueryResult};

fn open(url: &str) -> Db {
    let settings = DatabaseSettings { url: Some(Secret::new(url)), ..DatabaseSettings::default() };
    Db::open(&settings).unwrap()
}

async fn one(db: &Db) -> Result<i32, Error> {
    db.read(|conn| diesel::select(sql::<Integer>("1")).get_result(conn)).await
}

/// Ends a test that hangs; nothing else depends on it.
const PATIENCE: Duration = Duration::from_secs(60);
/// A time that is never over.
const FOREVER: Period = Period::new(Duration::from_secs(60 * 60));

/// A row of `SHOW STATUS`.
#[derive(QueryableByName)]
struct Status {
    #[diesel(sql_type = Text, column_name = "Value")]
    value: String,
}

/// Polls until `what` is true.
async fn eventually(what: impl Fn() -> bool) {
    let patience = Instant::now() + PATIENCE;
    while !what() {
        assert!(Instant::now() < patience, "it did not happen");
        tokio::task::yield_now().await;
    }
}

fn connection_id(conn: &mut Conn) -> QueryResult<u64> {
    diesel::select(sql::<Unsigned<BigInt>>("CONNECTION_ID()")).get_result(mysql(conn))
}

fn mysql(conn: &mut Conn) -> &mut MysqlConnection {
    crate::EngineConnection::of(conn).unwrap()
}

/// A started handle with settings of its own to the same database.
async fn with(test: &TestDb, change: impl FnOnce(&mut DatabaseSettings)) -> Db {
    let mut settings = test.settings();
    change(&mut settings);
    let db = Db::open(&settings).unwrap();
    db.tier().start().await.unwrap();
    db
}

#[tokio::test]
async fn a_session_waits_for_a_lock_as_long_as_it_is_told() {
    let test = TestDb::mysql().await;
    let db = with(&test, |settings| settings.lock_timeout = Period::new(Duration::from_secs(7))).await;
    let wait = sql::<Integer>("CAST(@@SESSION.innodb_lock_wait_timeout AS SIGNED)");
    assert_eq!(db.read(move |conn| diesel::select(wait.clone()).get_result::<i32>(conn)).await.unwrap(), 7);
}

#[test]
fn a_wait_for_locks_of_zero_is_none_at_all() {
    let mut settings = DatabaseSettings { url: Some(Secret::new("mysql://u@h/d")), ..DatabaseSettings::default() };
    (settings.lock_timeout, settings.migration_lock_timeout) = ("0".parse().unwrap(), "0".parse().unwrap());
    let options = Options::new(&settings).unwrap();
    let week = 7 * 24 * 60 * 60;
    assert!(options.session.contains(&format!("innodb_lock_wait_timeout = {week}")), "{}", options.session);
    let limits = &options.limits_of_migrations;
    assert!(
        limits.ends_with(&format!("SET SESSION lock_wait_timeout = {week}, SESSION innodb_lock_wait_timeout = {week}")),
        "{limits}"
    );
}

#[tokio::test]
async fn a_connection_beyond_its_lifetime_is_replaced() {
    let test = TestDb::mysql().await;
    let change = |settings: &mut DatabaseSettings| {
        settings.connections = 1.try_into().unwrap();
        settings.max_lifetime = Period::new(Duration::from_millis(100));
    };
    let db = with(&test, change).await;
    let first = db.read(connection_id).await.unwrap();
    let patience = Instant::now() + PATIENCE;
    while db.read(connection_id).await.unwrap() == first {
        assert!(Instant::now() < patience, "it lives on");
    }
}

/// r2d2 looks for idle connections every 30 seconds only, so this asks the pool what it has been told.
#[test]
fn an_idle_connection_is_kept_as_long_as_the_pool_is_told() {
    let idle = |period: &str| {
        let mut settings = DatabaseSettings { url: Some(Secret::new("mysql://u@h/d")), ..DatabaseSettings::default() };
        settings.idle_timeout = period.parse().unwrap();
        Mysql::new(&settings).unwrap().limits.idle
    };
    assert_eq!((idle("7s"), idle("0")), (Some(Duration::from_secs(7)), None));
}

#[tokio::test]
async fn a_session_has_our_rules() {
    let test = TestDb::mysql().await;
    test.write(|conn| conn.batch_execute("SET GLOBAL autocommit = 0")).await.unwrap();
    let db = open(test.url());
    db.tier().start().await.unwrap();
    let session = |name: &str, expected: &str| {
        let (value, expected) = (sql::<Text>(&format!("CAST(@@SESSION.{name} AS CHAR)")), expected.to_owned());
        let value = db.read(move |conn| diesel::select(value.clone()).get_result::<String>(conn));
        async move { assert_eq!(value.await.unwrap(), expected) }
    };
    session("autocommit + 0", "1").await;
    session("time_zone", "+00:00").await;
    session("lc_messages", "en_US").await;
    session("character_set_connection", "utf8mb4").await;
    session("innodb_lock_wait_timeout", "2").await;
    session("lock_wait_timeout", "2").await;
    let mode = "ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,\
                ERROR_FOR_DIVISION_BY_ZERO,\
                NO_ENGINE_SUBSTITUTION";
    session("sql_mode", mode).await;
}

#[tokio::test]
async fn the_server_itself_ends_a_long_statement_so_that_the_connection_is_kept() {
    let test = TestDb::mysql().await;
    let mut settings = test.settings();
    settings.connections = 1.try_into().unwrap();
    settings.query_timeout = Period::new(Duration::from_millis(300));
    let db = Db::open(&settings).unwrap();
    db.tier().start().await.unwrap();
    let is_kept = async || {
        let before = db.read(connection_id).await?;
        let outcome = db.read(endless).await;
        assert!(matches!(outcome, Err(Error::Deadline { .. })), "{outcome:?}");
        Ok::<_, Error>(db.read(connection_id).await? == before)
    };
    let patience = Instant::now() + PATIENCE;
    while !is_kept().await.is_ok_and(|kept| kept) {
        assert!(Instant::now() < patience, "it is closed"); // so it is where the server is too slow to do it in time
    }
}

#[tokio::test]
async fn a_deadlock_is_tried_again_and_both_writes_succeed() {
    let db = TestDb::mysql().await;
    db.write(|conn| diesel::sql_query("CREATE TABLE pairs (id INT PRIMARY KEY, n INT NOT NULL)").execute(conn))
        .await
        .unwrap();
    db.write(|conn| diesel::sql_query("INSERT INTO pairs VALUES (1, 0), (2, 0)").execute(conn)).await.unwrap();
    let both_hold_one = Arc::new(std::sync::Barrier::new(2));
    let first_runs = Arc::new(Mutex::new(2));
    let crosswise = |first: i32, second: i32| {
        let (barrier, first_runs) = (Arc::clone(&both_hold_one), Arc::clone(&first_runs));
        db.write(move |conn| {
            let add = |id: i32| diesel::sql_query(format!("UPDATE pairs SET n = n + 1 WHERE id = {id}"));
            add(first).execute(conn)?;
            let is_first_run = {
                let mut left = first_runs.lock().unwrap();
                *left -= 1;
                *left >= 0
            };
            if is_first_run {
                barrier.wait();
            }
            add(second).execute(conn)
        })
    };
    let (one, two) = tokio::join!(crosswise(1, 2), crosswise(2, 1));
    assert_eq!((one.unwrap(), two.unwrap()), (1, 1));
    assert_eq!(*first_runs.lock().unwrap(), -1, "one of them ran twice");
    let sums = db.read(|conn| diesel::select(sql::<BigInt>("(SELECT MIN(n) FROM pairs)")).get_result::<i64>(conn));
    assert_eq!(sums.await.unwrap(), 2);
}

#[tokio::test]
async fn a_connection_that_the_server_has_closed_is_not_handed_out_again() {
    let test = TestDb::mysql().await;
    let mut settings = test.settings();
    settings.connections = 1.try_into().unwrap();
    let db = Db::open(&settings).unwrap();
    db.tier().start().await.unwrap();
    let victim = db.read(connection_id).await.unwrap();
    test.read(move |conn| conn.batch_execute(&format!("KILL {victim}"))).await.unwrap();
    assert_ne!(db.read(connection_id).await.unwrap(), victim);
    assert_eq!(one(&db).await.unwrap(), 1);
}

#[tokio::test]
async fn a_connection_lost_at_commit_leaves_the_outcome_unknown_and_is_not_tried_again() {
    let db = TestDb::mysql().await;
    let runs = Arc::new(Mutex::new(0));
    let (counted, url) = (Arc::clone(&runs), db.url().to_owned());
    let lose = move |conn: &mut Conn| {
        *counted.lock().unwrap() += 1;
        let id = connection_id(conn)?;
        MysqlConnection::establish(&url).unwrap().batch_execute(&format!("KILL {id}"))
    };
    let error = db.write(lose).await.unwrap_err();
    assert!(matches!(error, Error::OutcomeUnknown { .. }), "{error:?}");
    assert_eq!(*runs.lock().unwrap(), 1);
    assert_eq!(one(&db).await.unwrap(), 1);
}

#[tokio::test]
async fn a_server_that_goes_and_comes_back_is_noticed_and_queries_work_again() {
    let mut server = MysqlServer::start().unwrap();
    let url = Some(Secret::new(server.create_database().unwrap()));
    let db = Db::open(&DatabaseSettings { url, acquire_timeout: FOREVER, ..DatabaseSettings::default() }).unwrap();
    let tier = db.tier();
    tier.start().await.unwrap();
    assert_eq!(one(&db).await.unwrap(), 1);

    server.stop().unwrap();
    eventually(|| !tier.readiness().is_ready()).await;
    let Readiness::NotReady(reason) = tier.readiness() else { panic!("ready without a server") };
    assert!(reason.starts_with("cannot connect to mysql://root@localhost/test_0?socket="), "{reason}");
    let error = timeout(PATIENCE, one(&db)).await.expect("it does not wait for the server").unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }) && error.is_unavailable(), "{error:?}");

    server.restart().unwrap();
    eventually(|| tier.readiness().is_ready()).await;
    assert_eq!(one(&db).await.unwrap(), 1);
}

#[tokio::test]
async fn calls_to_a_server_that_is_known_to_be_down_fail_at_once_until_it_is_back() {
    let mut server = MysqlServer::start().unwrap();
    let mut settings =
        DatabaseSettings { url: Some(Secret::new(server.create_database().unwrap())), ..DatabaseSettings::default() };
    settings.acquire_timeout = FOREVER;
    let db = Db::open(&settings).unwrap();
    let tier = db.tier();
    tier.start().await.unwrap();
    server.stop().unwrap();
    eventually(|| !tier.readiness().is_ready()).await;
    for _ in 0..10 {
        let outcome = timeout(PATIENCE, one(&db)).await.expect("it does not wait for the server");
        let Err(Error::Unavailable { source, .. }) = outcome else { panic!("a server that is down was used") };
        assert!(source.to_string().contains("os error"), "{source}");
    }
    server.restart().unwrap();
    eventually(|| tier.readiness().is_ready()).await;
    assert_eq!(one(&db).await.unwrap(), 1);
}

/// What has been logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_server_that_is_down_at_the_start_is_waited_for() {
    let mut server = MysqlServer::start().unwrap();
    let db = open(&server.create_database().unwrap());
    server.stop().unwrap();
    let log = Log::default();
    let writer = log.clone();
    let logged = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let logged = tracing::subscriber::set_default(logged);
    db.tier().start().await.unwrap();
    drop(logged);
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("the database is not there yet reason=\"cannot connect to mysql://root@localhost"), "{log}");
    assert!(!db.tier().readiness().is_ready());
    assert!(one(&db).await.unwrap_err().is_unavailable());
    server.restart().unwrap();
    eventually(|| db.tier().readiness().is_ready()).await;
    assert_eq!(one(&db).await.unwrap(), 1);
}

#[tokio::test]
async fn a_server_that_refuses_us_stops_the_start() {
    let test = TestDb::mysql().await;
    for (from, to, expected) in
        [("root@", "root:hunter2@", "Access denied"), ("/test_", "/no_such_database_", "Unknown database")]
    {
        let db = open(&test.url().replacen(from, to, 1));
        let error = db.tier().start().await.unwrap_err();
        let message = format!("{} {error:?}", Chain(&*error));
        assert!(message.starts_with("cannot open mysql://root@localhost/"), "{message}");
        assert!(message.contains(expected) && !message.contains("hunter2"), "{message}");
    }
}

#[tokio::test]
async fn a_server_that_never_answers_holds_nobody_past_the_deadline() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let url = format!("mysql://root:hunter2@127.0.0.1:{port}/test");
    let mut settings = DatabaseSettings { url: Some(Secret::new(url)), ..DatabaseSettings::default() };
    settings.connect_timeout = Period::new(Duration::from_millis(200));
    settings.acquire_timeout = Period::new(Duration::from_millis(300));
    let db = Db::open(&settings).unwrap();
    timeout(PATIENCE, db.tier().start()).await.expect("the start is not held up").unwrap();
    let reason = format!("cannot connect to mysql://root@127.0.0.1:{port}/test: no answer within 200ms");
    assert_eq!(db.tier().readiness(), Readiness::NotReady(reason));
    let error = timeout(PATIENCE, one(&db)).await.expect("the call is not held up").unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
    assert!(!format!("{error:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_statement_of_a_batch_that_fails_fails_the_batch() {
    let db = TestDb::mysql().await;
    let batch = db.write(|conn| conn.batch_execute("SELECT 1; SELECT no_such_column; SELECT 2")).await;
    assert!(matches!(batch, Err(Error::Query(_))), "{batch:?}");
    assert_eq!(one(&db).await.unwrap(), 1);
}

#[tokio::test]
async fn a_check_connects_once_and_says_why_it_could_not() {
    let mut server = MysqlServer::start().unwrap();
    let url = server.create_database().unwrap();
    let db = open(&url);
    db.check().await.unwrap();
    let refused = open(&url.replace("root@", "root:hunter2@")).check().await.unwrap_err();
    let message = Chain(&refused).to_string();
    assert!(message.starts_with("cannot open mysql://root@localhost/test_0?socket="), "{message}");
    assert!(message.contains("Access denied") && !message.contains("hunter2"), "{message}");
    server.stop().unwrap();
    let down = db.check().await.unwrap_err();
    assert!(down.is_unavailable(), "{down:?}");
    let message = Chain(&down).to_string();
    assert!(message.starts_with("cannot connect to mysql://root@localhost/test_0?socket="), "{message}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_of_once() {
    let error = open("mysql://root@localhost/test?socket=/no/such/socket").check().await.unwrap_err();
    let expected = "cannot connect to mysql://root@localhost/test?socket=/no/such/socket: Input/output error: \
                    No such file or directory (os error 2)";
    assert_eq!(Chain(&error).to_string(), expected);
}

#[tokio::test]
async fn a_check_of_a_server_that_never_answers_ends_in_time() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("mysql://root@{}/test", silent.local_addr().unwrap());
    let mut settings = DatabaseSettings { url: Some(Secret::new(url)), ..DatabaseSettings::default() };
    settings.connect_timeout = Period::new(Duration::from_millis(200));
    let db = Db::open(&settings).unwrap();
    let error = timeout(PATIENCE, db.check()).await.expect("it ends in time").unwrap_err();
    assert!(Chain(&error).to_string().ends_with("no answer within 200ms"), "{error:?}");
}

#[tokio::test]
async fn a_server_that_takes_no_writes_is_a_replica_in_the_metrics() {
    let server = MysqlServer::start().unwrap();
    let db = open(&server.url("mysql"));
    db.tier().start().await.unwrap();
    for (read_only, role) in [(1, "replica"), (0, "primary")] {
        let (url, set) = (server.url("mysql"), format!("SET GLOBAL read_only = {read_only}"));
        let set = move || MysqlConnection::establish(&url).unwrap().batch_execute(&set).unwrap();
        tokio::task::spawn_blocking(set).await.unwrap();
        eventually(|| {
            let mut metrics = Metrics::default();
            db.tier().metrics(&mut metrics);
            metrics.into_text().contains(&format!("role=\"{role}\""))
        })
        .await;
    }
}

#[test]
fn a_certificate_authority_that_cannot_be_used_is_refused() {
    let authority = tempfile::NamedTempFile::new().unwrap();
    let mut settings = DatabaseSettings { url: Some(Secret::new("mysql://u@h/d")), ..DatabaseSettings::default() };
    settings.tls_ca = Some(authority.path().to_owned());
    let error = Db::open(&settings).unwrap_err();
    assert_eq!(error.to_string(), "`database.url` has no `ssl-mode=required`, which `database.tls_ca` is for");
    settings.url = Some(Secret::new("mysql://u@h/d?ssl-mode=preferred"));
    let error = Db::open(&settings).unwrap_err().to_string();
    assert!(error.ends_with("write `ssl-mode=verify_ca` or `ssl-mode=verify_identity`"), "{error}");
    settings.url = Some(Secret::new("mysql://u@h/d?require_ssl=true"));
    let error = Db::open(&settings).unwrap_err().to_string();
    assert!(error.ends_with("has no certificate in PEM"), "{error}");
    settings.tls_ca = Some("/no/such/file".into());
    let error = Db::open(&settings).unwrap_err();
    let expected = "`database.tls_ca` /no/such/file cannot be read: No such file or directory (os error 2)";
    assert_eq!(Chain(&error).to_string(), expected);
}
