mod foreign_keys;
mod framework;
mod half_down;
mod ledger;
mod one_of_many;
mod record;
mod source_folder;
mod unfinished;

use std::sync::{Barrier, Mutex, mpsc};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use foobar_core::{Chain, Period, Secret};
use futures_util::FutureExt;

use super::*;
use crate::diesel_migrations::{EmbeddedMigration, EmbeddedName, TomlMetadataWrapper};
use crate::migration_lock::{Claim, MigrationLock};
use crate::sqlite::tests::stranger;
use crate::testing::TestDb;
use crate::{DatabaseSettings, Db, Ending, MysqlConnection, QueryKind};

const GOOD: EmbeddedMigrations = embed_migrations!("src/migrations/tests/good");
const ENDLESS: EmbeddedMigrations = embed_migrations!("src/migrations/tests/endless");
const TWINS: EmbeddedMigrations = embed_migrations!("src/migrations/tests/twins");
const BROKEN: EmbeddedMigrations = embed_migrations!("src/migrations/tests/broken");

async fn both() -> [TestDb; 2] {
    [TestDb::sqlite().await, TestDb::mysql().await]
}

/// Migrations of these names and statements, in a transaction each where the engine has that.
fn sql(list: &[(&'static str, &str)]) -> Migrations {
    written(list, true)
}

fn written(list: &[(&'static str, &str)], in_transaction: bool) -> Migrations {
    let migration = |(name, up): &(&'static str, &str)| {
        let metadata = TomlMetadataWrapper::new(in_transaction);
        EmbeddedMigration::new(up.to_string().leak(), None, EmbeddedName::new(name), metadata)
    };
    Migrations::new(EmbeddedMigrations::new(list.iter().map(migration).collect::<Vec<_>>().leak()))
}

/// Runs `migrations` on a connection of its own, and gives what is logged meanwhile too.
fn run_logged(db: &TestDb, migrations: &Migrations) -> (Result<Vec<String>, Error>, String) {
    let log = tempfile::NamedTempFile::new().unwrap();
    let run = || {
        let subscriber =
            tracing_subscriber::fmt().with_ansi(false).with_writer(Arc::new(log.reopen().unwrap())).finish();
        tracing::subscriber::with_default(subscriber, || {
            migrations.run(&mut connect(db.url()), &db.describe(), Resume::Never)
        })
    };
    // MySQL's connection blocks, which the test's own thread must not.
    let outcome = std::thread::scope(|scope| scope.spawn(run).join().unwrap());
    (outcome, std::fs::read_to_string(log.path()).unwrap())
}

fn connect(url: &str) -> Conn {
    match url.strip_prefix("sqlite:") {
        Some(path) => Conn::Sqlite(stranger(path)),
        None => Conn::Mysql(MysqlConnection::establish(url).unwrap()),
    }
}

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

async fn notes(db: &Db) -> i64 {
    let query = diesel::dsl::sql::<BigInt>("(SELECT COUNT(*) FROM notes)");
    db.read(move |conn| diesel::select(query.clone()).get_result(conn)).await.unwrap()
}

#[tokio::test]
async fn migrations_of_a_newer_program_are_told_of() {
    for db in both().await {
        db.migrate(&sql(&[("20261129171012_newer", "SELECT 1")])).await.unwrap();
        let (outcome, log) = run_logged(&db, &sql(&[("1_older", "SELECT 1")]));
        assert_eq!(outcome.unwrap(), ["1_older"]);
        let told = "the database has migrations that this program does not have database=";
        let of = format!("\"{}\" versions=\"20261129171012\"", db.describe());
        assert!(log.contains("WARN") && log.contains(told) && log.contains(&of), "{log}");
    }
}

#[tokio::test]
async fn migrations_run_once_and_in_order() {
    for db in both().await {
        let migrations = Migrations::new(GOOD);
        let all = names(&["2026-01-01-000000_notes", "2026-01-02-000000_first_note"]);
        let status =
            |status: MigrationStatus| all.iter().map(|name| (name.clone(), status.clone())).collect::<Vec<_>>();
        assert_eq!(db.migration_status(&migrations).await.unwrap(), status(MigrationStatus::Pending));
        assert_eq!(db.migrate(&migrations).await.unwrap(), all);
        assert_eq!(db.migrate(&migrations).await.unwrap(), names(&[]));
        assert_eq!(db.migration_status(&migrations).await.unwrap(), status(MigrationStatus::Done));
        assert_eq!(notes(&db).await, 2);
    }
}

#[tokio::test]
async fn a_failing_migration_is_named_and_what_ran_before_it_stays() {
    for db in both().await {
        let error = db.migrate(&Migrations::new(BROKEN)).await.unwrap_err();
        assert_eq!(error.to_string(), "migration `2026-01-02-000000_broken` failed");
        assert!(Chain(&error).to_string().contains("no_such_table"), "{}", Chain(&error));
        assert_eq!(notes(&db).await, 0);
        let status = db.migration_status(&Migrations::new(BROKEN)).await.unwrap();
        assert_eq!(
            status.iter().map(|(_, status)| *status == MigrationStatus::Done).collect::<Vec<_>>(),
            [true, false]
        );
    }
}

#[tokio::test]
async fn two_migrations_of_one_version_are_refused_before_one_runs_or_is_listed() {
    for db in both().await {
        let twins = Migrations::new(TWINS);
        let expected = "migrations `2026-01-01-000000_notes` and `2026-01-01-000000_tags` have the same version";
        for error in [db.migrate(&twins).await.unwrap_err(), db.migration_status(&twins).await.unwrap_err()] {
            assert!(error.to_string().starts_with(expected), "{error}");
        }
        let status = db.migration_status(&Migrations::new(GOOD)).await.unwrap();
        assert!(status.iter().all(|(_, status)| *status == MigrationStatus::Pending), "{status:?}");
    }
}

#[tokio::test]
async fn a_migration_that_does_not_end_is_interrupted_and_named() {
    let db = TestDb::sqlite().await;
    let mut error = Error::Migrating;
    for seconds in [0.2, 2.0, 20.0] {
        let hasty = another(&db, Duration::from_secs_f64(seconds)).await;
        error = hasty.migrate(&Migrations::new(ENDLESS)).await.unwrap_err();
        if error.to_string().contains("endless") {
            break; // else the machine was too slow to come to the migration
        }
    }
    let expected = "migration `2026-01-01-000000_endless` did not end in time (`database.migration_timeout` is for \
                    all together): its statement 1 of 1, on line 1 of its up.sql: interrupted";
    assert_eq!(Chain(&error).to_string(), expected);
}

#[tokio::test]
async fn an_engine_without_migrations_is_an_error_unless_there_are_none_at_all() {
    let [sqlite, mysql] = both().await;
    assert_eq!(mysql.migrate(&Migrations::none()).await.unwrap(), names(&[]));
    let migrations = Migrations::none().sqlite(GOOD);
    assert_eq!(sqlite.migrate(&migrations).await.unwrap().len(), 2);
    let error = mysql.migrate(&migrations).await.unwrap_err();
    assert_eq!(error.to_string(), "there are no migrations for MySQL; add them with `Migrations::mysql`");
}

/// A second process as far as the database can tell.
async fn another(db: &TestDb, migration_timeout: Duration) -> Db {
    let settings = DatabaseSettings { migration_timeout: Period::new(migration_timeout), ..db.settings() };
    let other = Db::open(&settings).unwrap();
    other.tier().start().await.unwrap();
    other
}

/// Runs migrations on `db`, as it seems to others, until the sender is dropped; returns once they run.
async fn occupy(db: &TestDb) -> (mpsc::Sender<()>, tokio::task::JoinHandle<Result<(), Error>>) {
    let database = crate::opening::open(&db.settings()).unwrap();
    database.start().await.unwrap();
    let (begun, began) = tokio::sync::oneshot::channel();
    let mut begun = Some(begun);
    let (release, released) = mpsc::channel::<()>();
    let work = move |conn: &mut Conn| {
        let _lock = MigrationLock::acquire(conn).ok().unwrap();
        begun.take().unwrap().send(()).unwrap();
        let _disconnected = released.recv();
        Ok(Ending::Commit)
    };
    let call = tokio::spawn(async move { database.run(QueryKind::Migrate, crate::Query::new(work)).await });
    began.await.unwrap();
    (release, call)
}

#[tokio::test]
async fn migrations_wait_for_those_of_another_process_but_not_past_their_timeout() {
    for db in both().await {
        let (release, call) = occupy(&db).await;
        let migrations = Migrations::new(GOOD);
        let hasty = another(&db, Duration::from_millis(200)).await;
        let error = hasty.migrate(&migrations).await.unwrap_err();
        assert!(matches!(error, Error::Migrating) && error.is_unavailable(), "{error:?}");
        let patient = another(&db, Duration::from_secs(60)).await;
        let mut waits = Box::pin(patient.migrate(&migrations));
        assert!((&mut waits).now_or_never().is_none());
        drop(release);
        assert_eq!(waits.await.unwrap().len(), 2);
        call.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn processes_that_start_and_migrate_at_once_all_succeed_and_each_migration_runs_once() {
    for _round in 0..5 {
        let folder = tempfile::tempdir().unwrap();
        let sqlite = format!("sqlite:{}", folder.path().join("new.db").display());
        let mysql = TestDb::mysql().await;
        for url in [&sqlite, mysql.url()] {
            assert_eq!(migrate_at_once(url, 8), 2, "{url}");
        }
    }
}

/// How many migrations so many processes run together, each on a thread and a handle of its own.
fn migrate_at_once(url: &str, processes: usize) -> usize {
    let barrier = Barrier::new(processes);
    let migrate = async || {
        let db = Db::open(&DatabaseSettings { url: Some(Secret::new(url)), ..DatabaseSettings::default() }).unwrap();
        barrier.wait();
        db.tier().start().await.unwrap();
        let run = db.migrate(&Migrations::new(GOOD)).await.unwrap().len();
        db.tier().drain(Instant::now() + Duration::from_secs(5)).await;
        run
    };
    let block_on = || tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(migrate());
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..processes).map(|_| scope.spawn(block_on)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    })
}
