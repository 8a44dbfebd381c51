use diesel::prelude::*;
use diesel::sql_types::BigInt;
use foobar_core::Chain;

use super::*;
use crate::testing::TestDb;
use crate::{Db, embed_migrations};

const GOOD: EmbeddedMigrations = embed_migrations!("src/migrations/tests/good");
const BROKEN: EmbeddedMigrations = embed_migrations!("src/migrations/tests/broken");

async fn both() -> [TestDb; 2] {
    [TestDb::sqlite().await, TestDb::mysql().await]
}

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

async fn notes(db: &Db) -> i64 {
    let query = diesel::dsl::sql::<BigInt>("(SELECT COUNT(*) FROM notes)");
    db.read(move |conn| diesel::select(query.clone()).get_result(conn)).await.unwrap()
}

#[tokio::test]
async fn migrations_run_once_and_in_order() {
    for db in both().await {
        let migrations = Migrations::new(GOOD);
        let all = names(&["2026-01-01-000000_notes", "2026-01-02-000000_first_note"]);
        let status = |has_run| all.iter().map(|name| (name.clone(), has_run)).collect::<Vec<_>>();
        assert_eq!(db.migration_status(&migrations).await.unwrap(), status(false));
        assert_eq!(db.migrate(&migrations).await.unwrap(), all);
        assert_eq!(db.migrate(&migrations).await.unwrap(), names(&[]));
        assert_eq!(db.migration_status(&migrations).await.unwrap(), status(true));
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
        assert_eq!(status.iter().map(|(_, has_run)| *has_run).collect::<Vec<_>>(), [true, false]);
    }
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

#[tokio::test]
async fn two_nodes_that_migrate_at_once_run_each_migration_once() {
    let db = TestDb::mysql().await;
    let other = Db::open(&db.settings()).unwrap();
    other.tier().start().await.unwrap();
    let migrations = Migrations::new(GOOD);
    let (one, two) = tokio::join!(db.migrate(&migrations), other.migrate(&migrations));
    assert_eq!(one.unwrap().len() + two.unwrap().len(), 2);
    assert_eq!(notes(&db).await, 2);
}
