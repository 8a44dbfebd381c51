//! Who runs the migrations, and when.

use diesel::connection::SimpleConnection;

use super::*;
use crate::{MigrationStatus, Migrations};

/// The user that may only change rows, and the user for migrations: a started handle, and its settings.
async fn serving_user(test: &TestDb, on_start: bool) -> (Db, DatabaseSettings) {
    let (_, rest) = test.url().split_once("localhost/").unwrap();
    let (name, _) = rest.split_once('?').unwrap();
    let user = format!("rows_{name}@localhost");
    let grant = format!("CREATE USER {user}; GRANT SELECT, INSERT, UPDATE, DELETE ON {name}.* TO {user}");
    let url = test.url().replace("root@localhost", &user);
    test.write(move |conn| conn.batch_execute(&grant)).await.unwrap();
    let mut settings = DatabaseSettings { url: Some(Secret::new(url)), ..DatabaseSettings::default() };
    settings.migrate_on_start = on_start;
    let db = Db::open(&settings).unwrap();
    db.tier().start().await.unwrap();
    (db, settings)
}

fn notes() -> Migrations {
    Migrations::new(crate::embed_migrations!("src/migrations/tests/good"))
}

#[tokio::test]
async fn a_user_of_its_own_runs_the_migrations_of_one_that_may_change_rows_alone() {
    let test = TestDb::mysql().await;
    let (db, settings) = serving_user(&test, true).await;
    let denied = db.migrate_on_start(&notes()).await.unwrap_err();
    let told = Chain(&denied).to_string();
    let advice = "or set `database.migration_url`, a URL whose user may change the schema: ";
    assert!(told.contains(advice) && told.contains("denied") && !denied.may_pass(), "{told}");
    let db = Db::open(&DatabaseSettings { migration_url: Some(Secret::new(test.url())), ..settings }).unwrap();
    db.tier().start().await.unwrap();
    assert_eq!(db.migrate_on_start(&notes()).await.unwrap().len(), 2);
    let done = db.migration_status(&notes()).await.unwrap();
    assert!(done.len() == 2 && done.iter().all(|(_, status)| *status == MigrationStatus::Done), "{done:?}");
    assert!(
        db.write(|conn| conn.batch_execute("CREATE TABLE more (id INT)")).await.is_err(),
        "queries are the other user's"
    );
}

#[tokio::test]
async fn a_password_of_the_url_for_migrations_goes_beside_the_file_of_the_other_user() {
    let test = TestDb::mysql().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, "serves").unwrap();
    let (_, rest) = test.url().split_once("localhost/").unwrap();
    let name = rest.split_once('?').unwrap().0.to_owned();
    test.write(move |conn| {
        let users = [("serves", "SELECT"), ("admin", "ALL")].map(|(user, rights)| {
            let user = format!("'{user}_{name}'@localhost");
            let password = if rights == "ALL" { "changes" } else { "serves" };
            format!("CREATE USER {user} IDENTIFIED BY '{password}'; GRANT {rights} ON {name}.* TO {user}")
        });
        conn.batch_execute(&users.join("; "))
    })
    .await
    .unwrap();
    let name = rest.split_once('?').unwrap().0;
    let url = |user: &str| Some(Secret::new(test.url().replace("root@", &format!("{user}@"))));
    let settings = DatabaseSettings {
        url: url(&format!("serves_{name}")),
        password_file: Some(file),
        migration_url: url(&format!("admin_{name}:changes")),
        ..DatabaseSettings::default()
    };
    let db = Db::open(&settings).unwrap();
    db.tier().start().await.unwrap();
    assert_eq!(db.migrate(&notes()).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_start_that_is_not_to_migrate_waits_for_the_schema_and_names_what_is_missing() {
    for test in both().await {
        let mut settings = test.settings();
        settings.migrate_on_start = false;
        let db = Db::open(&settings).unwrap();
        db.tier().start().await.unwrap();
        let error = db.migrate_on_start(&notes()).await.unwrap_err();
        let expected = "the database does not have these migrations yet: 2026-01-01-000000_notes, \
             2026-01-02-000000_first_note; `database.migrate_on_start` is off, so run `migrate`";
        assert_eq!(error.to_string(), expected);
        assert!(error.may_pass());
        assert_eq!(db.migrate(&notes()).await.unwrap().len(), 2, "`migrate` runs them all the same");
        assert_eq!(db.migrate_on_start(&notes()).await.unwrap(), Vec::<String>::new());
    }
    let test = TestDb::mysql().await;
    let (db, _) = serving_user(&test, false).await;
    assert!(db.migrate_on_start(&notes()).await.unwrap_err().may_pass());
    test.migrate(&notes()).await.unwrap();
    db.migrate_on_start(&notes()).await.unwrap();
    let elsewhere = "INSERT INTO __foobar_migrations (version, name) VALUES ('9', '9_of_a_newer_program')";
    test.write(move |conn| conn.batch_execute(elsewhere)).await.unwrap();
    db.migrate_on_start(&notes()).await.expect("what another program has begun is not ours to wait for");
}

#[test]
fn a_url_for_migrations_that_cannot_be_used_is_refused_by_its_key_and_never_shown() {
    for (url, own, expected) in [
        ("sqlite:site.db", "mysql://u:hunter2@h/d", "is for another user of MySQL"),
        ("mysql://u@h/d", "sqlite:hunter2.db", "is not `mysql://"),
        ("mysql://u@h/d", "mysql://u:hunter2@h", "is not `mysql://"),
        ("mysql://u@h/d", "mysql://u:hunter2@h/other", "names another database"),
    ] {
        let mut settings = DatabaseSettings { url: Some(Secret::new(url)), ..DatabaseSettings::default() };
        settings.migration_url = Some(Secret::new(own));
        let error = format!("{}", Db::open(&settings).unwrap_err());
        assert!(error.starts_with("`database.migration_url`") && error.contains(expected), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
