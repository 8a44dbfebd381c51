//! The tables of the framework's own: migrated before the application's, and recorded apart.

use super::*;

const SESSIONS: (&str, &str) = ("1_sessions", "CREATE TABLE sessions (id INTEGER NOT NULL PRIMARY KEY)");
/// Of the same version, and built upon the framework's.
const PROFILES: (&str, &str) =
    ("1_profiles", "CREATE TABLE profiles (id INTEGER NOT NULL PRIMARY KEY); INSERT INTO sessions VALUES (7);");

fn all() -> Migrations {
    sql(&[PROFILES]).after(sql(&[SESSIONS]))
}

#[tokio::test]
async fn those_of_the_framework_run_first_and_once_whatever_their_versions() {
    for db in both().await {
        let both_names = names(&["1_sessions", "1_profiles"]);
        let pending = both_names.iter().map(|name| (name.clone(), MigrationStatus::Pending)).collect::<Vec<_>>();
        assert_eq!(db.migration_status(&all()).await.unwrap(), pending);
        assert_eq!(db.migrate(&all()).await.unwrap(), both_names);
        assert_eq!(db.migrate(&all()).await.unwrap(), names(&[]));
        let done = both_names.iter().map(|name| (name.clone(), MigrationStatus::Done)).collect::<Vec<_>>();
        assert_eq!(db.migration_status(&all()).await.unwrap(), done);
    }
}

#[tokio::test]
async fn a_part_of_the_framework_that_is_used_later_is_migrated_then() {
    for db in both().await {
        let accounts = sql(&[("0_accounts", "CREATE TABLE accounts (id INTEGER NOT NULL PRIMARY KEY)")]);
        assert_eq!(db.migrate(&all()).await.unwrap().len(), 2);
        assert_eq!(db.migrate(&all().after(accounts.clone())).await.unwrap(), ["0_accounts"]);
        let listed = db.migration_status(&all().after(accounts)).await.unwrap();
        assert_eq!(
            listed.iter().map(|(name, _)| &name[..]).collect::<Vec<_>>(),
            ["0_accounts", "1_sessions", "1_profiles"]
        );
        assert_eq!(db.migration_status(&all()).await.unwrap().len(), 2, "a part that is used no more is not listed");
    }
}

#[tokio::test]
async fn none_of_the_framework_is_taken_back() {
    for db in both().await {
        db.migrate(&Migrations::none().after(sql(&[SESSIONS]))).await.unwrap();
        assert_eq!(db.migrate_down(&Migrations::none().after(sql(&[SESSIONS]))).await.unwrap(), None);
    }
}

#[tokio::test]
async fn one_that_failed_is_recorded_in_a_table_of_the_framework_and_can_be_marked_as_done() {
    let db = TestDb::mysql().await;
    let half =
        Migrations::none().after(sql(&[("1_half", "CREATE TABLE half (id INT); INSERT INTO nowhere VALUES (1)")]));
    db.migrate(&half).await.unwrap_err();
    let failed = diesel::dsl::sql::<BigInt>("(SELECT COUNT(*) FROM foobar_begun_migrations WHERE state = 'failed')");
    assert_eq!(db.read(move |conn| diesel::select(failed.clone()).get_result::<i64>(conn)).await.unwrap(), 1);
    assert_eq!(db.migrate_mark_done(&half, "1").await.unwrap(), "1_half");
    assert_eq!(db.migrate(&half).await.unwrap(), names(&[]));
}

#[tokio::test]
async fn who_may_change_rows_alone_can_start_once_all_has_run() {
    let db = TestDb::mysql().await;
    db.migrate(&all()).await.unwrap();
    let (_, rest) = db.url().split_once("localhost/").unwrap();
    let (name, _) = rest.split_once('?').unwrap();
    let user = format!("serving_{name}@localhost");
    let grant = format!("CREATE USER {user}; GRANT SELECT, INSERT, UPDATE, DELETE ON {name}.* TO {user}");
    let url = db.url().replace("root@localhost", &user);
    db.write(move |conn| conn.batch_execute(&grant)).await.unwrap();
    let serving = Db::open(&DatabaseSettings { url: Some(Secret::new(url)), ..DatabaseSettings::default() }).unwrap();
    serving.tier().start().await.unwrap();
    assert_eq!(serving.migrate(&all()).await.unwrap(), names(&[]));
    let error = serving.write(|conn| conn.batch_execute("CREATE TABLE more (id INT)")).await.unwrap_err();
    assert!(Chain(&error).to_string().contains("denied"), "it is no such user: {}", Chain(&error));
}
