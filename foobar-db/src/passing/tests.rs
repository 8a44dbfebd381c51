use diesel_migrations::{EmbeddedMigration, EmbeddedMigrations, EmbeddedName, TomlMetadataWrapper};
use foobar_core::Chain;

use super::*;
use crate::testing::TestDb;
use crate::{Engine, Migrations};

/// What a migration of these statements, in no transaction, fails with.
async fn fail(db: &TestDb, statements: &'static str) -> Error {
    const NAME: EmbeddedName = EmbeddedName::new("2026-01-01-000000_fails");
    let migration = EmbeddedMigration::new(statements, None, NAME, TomlMetadataWrapper::new(false));
    let all = Box::leak(Box::new([migration]));
    db.migrate(&Migrations::new(EmbeddedMigrations::new(all))).await.unwrap_err()
}

fn assert_lasts(error: &Error) {
    assert!(!error.may_pass(), "{}", Chain(error));
}

fn assert_passes(error: &Error) {
    assert!(error.may_pass(), "{}", Chain(error));
}

#[tokio::test]
async fn a_wrong_migration_is_not_tried_again_whatever_its_text() {
    for db in [TestDb::sqlite().await, TestDb::mysql().await] {
        assert_lasts(&fail(&db, "CREATE TABEL notes (id INTEGER)").await);
        assert_lasts(&fail(&db, "SELECT * FROM `Deadlock found when trying to get lock`").await);
        let twice = "CREATE TABLE IF NOT EXISTS once (id INTEGER PRIMARY KEY); INSERT INTO once VALUES (1), (1)";
        assert_lasts(&fail(&db, twice).await);
    }
}

#[tokio::test]
async fn a_migration_that_the_server_could_not_run_now_may_run_later() {
    let db = TestDb::mysql().await;
    for (number, state, text) in [
        (1213, "40001", "Deadlock found when trying to get lock; try restarting transaction"),
        (1205, "HY000", "Lock wait timeout exceeded; try restarting transaction"),
        (
            1290,
            "HY000",
            "The MariaDB server is running with the --read-only option so it cannot execute this statement",
        ),
        (1792, "25006", "Cannot execute statement in a READ ONLY transaction"),
        (1040, "08004", "Too many connections"),
        (1053, "08S01", "Server shutdown in progress"),
        (1021, "HY000", "Disk full (/tmp/x); waiting for someone to free some space..."),
    ] {
        let signal = format!("SIGNAL SQLSTATE '{state}' SET MYSQL_ERRNO = {number}, MESSAGE_TEXT = '{text}'");
        assert_passes(&fail(&db, signal.leak()).await);
    }
}

#[tokio::test]
async fn a_migration_that_found_the_disk_full_may_run_later() {
    let db = TestDb::sqlite().await;
    let fill = "PRAGMA max_page_count = 4; CREATE TABLE notes (body TEXT); \
                INSERT INTO notes VALUES (HEX(ZEROBLOB(100000)))";
    assert_passes(&fail(&db, fill).await);
}

#[tokio::test]
async fn a_server_that_refuses_the_user_refuses_it_later_too() {
    let settings = crate::DatabaseSettings {
        url: Some(foobar_core::Secret::new(TestDb::mysql().await.url().replace("root@", "nobody@"))),
        ..Default::default()
    };
    let error = crate::Db::open(&settings).unwrap().check().await.unwrap_err();
    assert_lasts(&error);
}

#[test]
fn what_is_unavailable_or_unknown_may_pass() {
    let (database, source) = (String::new, || diesel::result::Error::NotFound);
    let lost = Error::Lost { database: database(), source: source() };
    let unknown = Error::OutcomeUnknown { database: database(), source: source() };
    for error in [Error::Closed, Error::Migrating, lost, unknown] {
        assert_passes(&error);
    }
    assert_lasts(&Error::Query(source()));
    assert_lasts(&Error::NoMigrations(Engine::Mysql));
}
