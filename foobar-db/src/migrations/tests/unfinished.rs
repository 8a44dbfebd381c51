//! What becomes of migrations that fail half way, or whose process is killed.

use super::*;

const HALF: &str = "CREATE TABLE half (id INTEGER NOT NULL PRIMARY KEY); INSERT INTO no_such_table VALUES (1);";

/// A migration named `1_half`, on each engine in the way in which a failure takes nothing back.
async fn on_both(up: &str) -> [(TestDb, Migrations); 2] {
    let half = [("1_half", up)];
    [(TestDb::sqlite().await, written(&half, false)), (TestDb::mysql().await, sql(&half))]
}

pub(super) async fn failure(db: &Db, migrations: &Migrations) -> String {
    Chain(&db.migrate(migrations).await.unwrap_err()).to_string()
}

pub(super) async fn status(db: &Db) -> MigrationStatus {
    db.migration_status(&sql(&[("1_half", "")])).await.unwrap().remove(0).1
}

pub(super) async fn is_begun(db: &Db) -> bool {
    matches!(status(db).await, MigrationStatus::Begun { .. })
}

/// The statement with which it has to go on.
pub(super) async fn failed_at(db: &Db) -> u32 {
    match status(db).await {
        MigrationStatus::Failed { statement, .. } => statement,
        other => panic!("it has not failed: {other:?}"),
    }
}

#[tokio::test]
async fn a_migration_that_fails_at_its_third_statement_says_so_and_how_to_go_on() {
    let third = "CREATE TABLE one (id INTEGER);\nCREATE TABLE two (id INTEGER);\n\nINSERT INTO no_such_table VALUES (1);\nSELECT 1";
    for (db, half) in on_both(third).await {
        let error = failure(&db, &half).await;
        let expected = "migration `1_half` failed: what it did before its statement 3 has taken effect; correct it from \
                        there on and run `migrate`, which goes on with statement 3, or do the rest by hand and run \
                        `migrate mark-done 1_half`: its statement 3 of 4, on line 4 of its up.sql: ";
        assert!(error.starts_with(expected) && error.contains("no_such_table"), "{error}");
        let MigrationStatus::Failed { on, statement, problem, .. } = status(&db).await else { panic!("it has not") };
        assert!(on.starts_with("20") && on.len() == "2026-01-31 12:00:00".len(), "{on}");
        assert!(statement == 3 && problem.contains("no_such_table"), "{problem}");
    }
}

#[tokio::test]
async fn a_migration_that_failed_goes_on_with_the_statement_that_did_once_it_is_corrected() {
    for (db, half) in on_both(HALF).await {
        for _round in 0..2 {
            failure(&db, &half).await;
            assert_eq!(failed_at(&db).await, 2);
        }
        let whole = [("1_half", "CREATE TABLE half (id INTEGER NOT NULL PRIMARY KEY); INSERT INTO half VALUES (1)")];
        let (outcome, log) = run_logged(&db, &sql(&whole));
        assert_eq!(outcome.unwrap(), ["1_half"]);
        assert!(log.contains("going on with a migration") && log.contains("statement=2"), "{log}");
        assert_eq!(db.migration_status(&sql(&whole)).await.unwrap()[0].1, MigrationStatus::Done);
        assert_eq!(db.migrate(&sql(&whole)).await.unwrap(), names(&[]));
    }
}

/// Whether it is seen to have been changed since it failed.
async fn is_changed(db: &Db, migrations: &Migrations) -> bool {
    let status = db.migration_status(migrations).await.unwrap().remove(0).1;
    let MigrationStatus::Failed { changed, .. } = status else { panic!("it has not failed: {status:?}") };
    changed
}

#[tokio::test]
async fn a_migration_that_failed_is_known_to_be_changed_where_it_can_go_on() {
    let table = "CREATE TABLE half (id INTEGER NOT NULL PRIMARY KEY);";
    for (db, half) in on_both(HALF).await {
        failure(&db, &half).await;
        assert!(!is_changed(&db, &half).await);
        assert!(!is_changed(&db, &sql(&[("1_half", &format!("-- Why?\n{HALF}"))])).await);
        assert!(is_changed(&db, &sql(&[("1_half", &format!("{table} INSERT INTO half VALUES (1)"))])).await);
        assert!(is_changed(&db, &sql(&[("1_half", table)])).await);
        assert!(!is_changed(&db, &sql(&[("1_half", "CREATE TABLE other (id INTEGER); SELECT 1")])).await);
        assert!(!is_changed(&db, &sql(&[("1_half", "SELECT 'no end")])).await);
    }
}

#[tokio::test]
async fn what_failed_before_it_was_recorded_what_did_is_not_seen_to_be_changed() {
    for (db, half) in on_both(HALF).await {
        failure(&db, &half).await;
        db.write(|conn| conn.batch_execute("ALTER TABLE __foobar_migrations DROP COLUMN attempted")).await.unwrap();
        let table = "CREATE TABLE half (id INTEGER NOT NULL PRIMARY KEY);";
        let mended = sql(&[("1_half", &format!("{table} INSERT INTO half VALUES (1)"))]);
        assert!(!is_changed(&db, &mended).await);
        assert_eq!(db.migrate(&mended).await.unwrap(), ["1_half"]);
    }
}

#[tokio::test]
async fn a_migration_whose_first_statements_were_changed_does_not_go_on() {
    for (db, half) in on_both(HALF).await {
        failure(&db, &half).await;
        let other = [("1_half", "CREATE TABLE half (id BIGINT NOT NULL PRIMARY KEY); INSERT INTO half VALUES (1)")];
        let error = failure(&db, &sql(&other)).await;
        assert!(error.starts_with("migration `1_half` stopped at its statement 2, and what is before"), "{error}");
        assert_eq!(db.migrate_mark_done(&sql(&other), "1_half").await.unwrap(), "1_half");
        assert_eq!(db.migration_status(&sql(&other)).await.unwrap()[0].1, MigrationStatus::Done);
    }
}

#[tokio::test]
async fn rows_alone_are_rolled_back_on_mysql_too_so_that_a_failed_migration_starts_again() {
    let db = TestDb::mysql().await;
    db.migrate(&sql(&[("0_notes", NOTES)])).await.unwrap();
    let up = |last: &str| sql(&[("0_notes", NOTES), ("1_half", &format!("INSERT INTO notes VALUES (2); {last}"))]);
    let doubled = up("INSERT INTO notes VALUES (1)");
    let error = failure(&db, &doubled).await;
    assert!(
        error.contains("failed: nothing of it has taken effect; correct it and run `migrate` again: its statement 2")
    );
    let status = db.migration_status(&doubled).await.unwrap().remove(1).1;
    assert!(matches!(status, MigrationStatus::Failed { statement: 0, .. }), "{status:?}");
    assert_eq!(notes(&db).await, 1);
    db.migrate(&up("INSERT INTO notes VALUES (3)")).await.unwrap();
    assert_eq!(notes(&db).await, 3);
}

#[tokio::test]
async fn what_was_set_in_the_session_is_set_again_where_a_migration_goes_on() {
    let db = TestDb::mysql().await;
    let up = |last: &str| format!("SET @made = 7; CREATE TABLE half (id INT); {last}");
    failure(&db, &sql(&[("1_half", &up("INSERT INTO no_such_table VALUES (@made)"))])).await;
    let whole = up("INSERT INTO half VALUES (@made)");
    db.migrate(&sql(&[("1_half", &whole)])).await.unwrap();
    let sum = diesel::dsl::sql::<BigInt>("(SELECT CAST(SUM(id) AS SIGNED) FROM half)");
    assert_eq!(db.read(move |conn| diesel::select(sum.clone()).get_result::<i64>(conn)).await.unwrap(), 7);
}

#[tokio::test]
async fn a_migration_that_began_is_done_when_its_version_is_recorded_by_hand() {
    for (db, half) in on_both(HALF).await {
        failure(&db, &half).await;
        db.write(|conn| conn.batch_execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('1')"))
            .await
            .unwrap();
        assert_eq!(status(&db).await, MigrationStatus::Done);
        assert_eq!(db.migrate(&half).await.unwrap(), names(&[]));
    }
}

const NOTES: &str = "CREATE TABLE notes (id INTEGER NOT NULL PRIMARY KEY); INSERT INTO notes VALUES (1)";

/// Migrations `1_notes`, which has run, and `2_half`, which has begun, on each engine.
async fn half_after_notes() -> [(TestDb, Migrations); 2] {
    let list = |up| [("1_notes", NOTES, "DROP TABLE notes"), ("2_half", up, "DROP TABLE half")];
    let both = [(TestDb::sqlite().await, false), (TestDb::mysql().await, true)];
    let all = both.map(|(db, in_transaction)| (db, reversible(&list(HALF), in_transaction)));
    for (db, half) in &all {
        failure(db, half).await;
    }
    all
}

pub(super) fn reversible(list: &[(&'static str, &'static str, &'static str)], in_transaction: bool) -> Migrations {
    let migration = |(name, up, down): &(&'static str, &'static str, &'static str)| {
        EmbeddedMigration::new(up, Some(down), EmbeddedName::new(name), TomlMetadataWrapper::new(in_transaction))
    };
    Migrations::new(EmbeddedMigrations::new(list.iter().map(migration).collect::<Vec<_>>().leak()))
}

async fn refusals(db: &Db, migrations: &Migrations) -> [String; 2] {
    let (down, redo) = (db.migrate_down(migrations).await, db.migrate_redo(migrations).await);
    [down, redo].map(|outcome| outcome.unwrap_err().to_string())
}

#[tokio::test]
async fn nothing_is_taken_back_while_a_migration_has_begun_and_not_ended() {
    for (db, half) in half_after_notes().await {
        let before = db.migration_status(&half).await.unwrap();
        for error in refusals(&db, &half).await {
            assert!(error.starts_with("migration `2_half`, which began on 20"), "{error}");
            assert!(error.contains(" UTC, failed, so nothing was taken back; correct it and run `migrate`"), "{error}");
            assert!(error.contains("run `migrate mark-done 2_half`"), "{error}");
        }
        assert_eq!(notes(&db).await, 1);
        assert_eq!(db.migration_status(&half).await.unwrap(), before);
        let killed = "UPDATE __foobar_migrations SET state = 'running' WHERE version = '2'";
        db.write(|conn| conn.batch_execute(killed)).await.unwrap();
        for error in refusals(&db, &half).await {
            assert!(error.starts_with("migration `2_half` began on 20"), "{error}");
            assert!(error.contains(" UTC and did not end, so nothing was taken back; run `migrate`, which"), "{error}");
        }
    }
}

#[tokio::test]
async fn nothing_is_taken_back_while_a_migration_that_this_program_does_not_have_has_begun() {
    for (db, _) in half_after_notes().await {
        let older = reversible(&[("1_notes", NOTES, "DROP TABLE notes")], true);
        for error in refusals(&db, &older).await {
            assert!(error.starts_with("migration `2_half`, which began on 20"), "{error}");
        }
        assert_eq!(notes(&db).await, 1);
    }
}

#[tokio::test]
async fn a_migration_that_has_begun_and_that_this_program_does_not_have_is_listed_by_its_name() {
    for (db, _) in half_after_notes().await {
        let older = reversible(&[("1_notes", NOTES, "DROP TABLE notes")], true);
        let [notes, (name, status)] = &db.migration_status(&older).await.unwrap()[..] else { panic!("there are two") };
        assert_eq!(*notes, ("1_notes".to_owned(), MigrationStatus::Done));
        assert_eq!(name, "2_half");
        assert!(matches!(status, MigrationStatus::BegunElsewhere { on } if on.starts_with("20")), "{status:?}");
    }
}

#[tokio::test]
async fn a_first_migration_that_has_begun_is_told_of_when_one_is_to_be_taken_back() {
    for (db, half) in on_both(HALF).await {
        failure(&db, &half).await;
        for error in refusals(&db, &half).await {
            assert!(error.starts_with("migration `1_half`, which began on 20"), "{error}");
        }
    }
}

#[tokio::test]
async fn what_was_undone_by_hand_and_forgotten_as_the_error_says_lets_the_one_before_be_taken_back() {
    for (db, half) in half_after_notes().await {
        let [error, _] = refusals(&db, &half).await;
        let forget = error.split_once("is there and run ").unwrap().1.to_owned();
        db.write(move |conn| conn.batch_execute(&format!("DROP TABLE half; {forget}"))).await.unwrap();
        assert_eq!(db.migrate_down(&half).await.unwrap().as_deref(), Some("1_notes"));
    }
}

#[tokio::test]
async fn a_migration_that_was_finished_by_hand_is_pending_once_it_is_taken_back() {
    for (db, half) in half_after_notes().await {
        db.write(|conn| conn.batch_execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('2')"))
            .await
            .unwrap();
        assert_eq!(db.migrate_down(&half).await.unwrap().as_deref(), Some("2_half"));
        assert_eq!(db.migration_status(&half).await.unwrap()[1].1, MigrationStatus::Pending);
        assert_eq!(db.migrate_down(&half).await.unwrap().as_deref(), Some("1_notes"));
    }
}

/// Whatever becomes of its process then.
#[tokio::test]
async fn a_migration_has_begun_while_it_runs() {
    let db = TestDb::mysql().await;
    let (release, released) = mpsc::channel::<()>();
    let (locks, locked) = tokio::sync::oneshot::channel();
    let (locks, released) = (Mutex::new(Some(locks)), Mutex::new(released));
    let holder = db.read(move |conn| {
        conn.batch_execute("SELECT GET_LOCK('a_migration_has_begun_while_it_runs', 60)")?;
        locks.lock().unwrap().take().unwrap().send(()).unwrap();
        let _disconnected = released.lock().unwrap().recv();
        conn.batch_execute("SELECT RELEASE_LOCK('a_migration_has_begun_while_it_runs')")
    });
    let check = async {
        locked.await.unwrap();
        let half = sql(&[("1_half", "SELECT GET_LOCK('a_migration_has_begun_while_it_runs', 60)")]);
        let mut runs = Box::pin(db.migrate(&half));
        while !is_begun(&db).await {
            assert!((&mut runs).now_or_never().is_none());
        }
        drop(release);
        assert_eq!(runs.await.unwrap(), ["1_half"]);
        assert_eq!(db.migration_status(&half).await.unwrap()[0].1, MigrationStatus::Done);
    };
    tokio::join!(holder, check).0.unwrap();
}

#[tokio::test]
async fn a_migration_whose_connection_is_lost_has_begun() {
    let db = TestDb::mysql().await;
    let up = "CREATE TABLE half (id INTEGER NOT NULL PRIMARY KEY); KILL CONNECTION_ID(); INSERT INTO half VALUES (1)";
    let half = sql(&[("1_half", up)]);
    let error = failure(&db, &half).await;
    assert!(error.contains("failed: whether that has taken effect, or a part of it, is not known"), "{error}");
    assert!(is_begun(&db).await);
    let error = failure(&db, &half).await;
    assert!(error.contains("stopped at its statement 2, which may have taken effect or not"), "{error}");
    assert!(error.contains("run `migrate resume`, which") && error.contains("`migrate resume --from 3`"), "{error}");
    assert!(is_begun(&db).await);
    assert_eq!(db.migrate_resume(&half, Some(3)).await.unwrap(), ["1_half"]);
    assert_eq!(db.migration_status(&half).await.unwrap()[0].1, MigrationStatus::Done);
}

#[tokio::test]
async fn a_migration_that_was_killed_runs_its_last_statement_again_when_it_is_resumed() {
    let db = TestDb::mysql().await;
    let killed = "CREATE TABLE half (id INTEGER NOT NULL PRIMARY KEY); KILL CONNECTION_ID()";
    failure(&db, &sql(&[("1_half", killed)])).await;
    let half = sql(&[("1_half", "CREATE TABLE half (id INTEGER NOT NULL PRIMARY KEY); INSERT INTO half VALUES (1)")]);
    assert_eq!(db.migrate_resume(&half, None).await.unwrap(), ["1_half"]);
}

#[tokio::test]
async fn a_migration_that_sqlite_takes_back_is_pending_and_needs_no_record() {
    let db = TestDb::sqlite().await;
    for _round in 0..2 {
        let error = failure(&db, &sql(&[("1_half", HALF)])).await;
        let expected =
            "migration `1_half` failed: its statement 2 of 2, on line 1 of its up.sql: no such table: no_such_table";
        assert_eq!(error, expected);
        assert_eq!(status(&db).await, MigrationStatus::Pending);
    }
    let tables = "(SELECT COUNT(*) FROM sqlite_schema WHERE name = '__foobar_migrations')";
    let tables = db.read(|conn| diesel::select(diesel::dsl::sql::<BigInt>(tables)).get_result::<i64>(conn));
    assert_eq!(tables.await.unwrap(), 0);
}

#[tokio::test]
async fn what_the_database_said_is_kept_where_it_has_rolled_back_by_itself() {
    let db = TestDb::sqlite().await;
    let full = "PRAGMA max_page_count = 20; CREATE TABLE big (b BLOB); INSERT INTO big VALUES (zeroblob(1000000))";
    let error = failure(&db, &sql(&[("1_full", full)])).await;
    let expected = "migration `1_full` failed: its statement 3 of 3, on line 1 of its up.sql: database or disk is full";
    assert_eq!(error, expected);
    let endless = "CREATE TABLE n (i INTEGER); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
                   INSERT INTO n SELECT i FROM n";
    let hasty = another(&db, Duration::from_millis(200)).await;
    let error = failure(&hasty, &sql(&[("1_endless", endless)])).await;
    assert!(error.ends_with("(`database.migration_timeout` is for all together): its statement 2 of 2, on line 1 of its up.sql: interrupted"), "{error}");
}
