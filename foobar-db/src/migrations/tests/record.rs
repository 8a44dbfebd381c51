//! What is recorded of a migration that stops agrees with what the database has.

use super::one_of_many::{ROWS, count, hold, on_a_thread};
use super::unfinished::{failed_at, failure, is_begun, reversible, status};
use super::*;

const FIRST: (&str, &str) = ("0_first", "SELECT 1");

async fn run(db: &Db, sql: &'static str) {
    db.write(move |conn| conn.batch_execute(sql)).await.unwrap();
}

/// A database of MySQL with the tables of the ledger.
async fn with_ledger() -> TestDb {
    let db = TestDb::mysql().await;
    db.migrate(&sql(&[FIRST])).await.unwrap();
    db
}

const N: &str = "(SELECT COUNT(*) FROM n)";

#[tokio::test]
async fn a_record_that_fails_does_not_say_that_the_statement_before_it_has_not_run() {
    let db = with_ledger().await;
    run(
        &db,
        "CREATE TRIGGER refused BEFORE UPDATE ON __foobar_migrations FOR EACH ROW \
         IF NEW.statement = 3 THEN SIGNAL SQLSTATE '45000'; END IF",
    )
    .await;
    for up in
        ["CREATE TABLE n (id INT); INSERT INTO n VALUES (1); SELECT 1", "SELECT 1; CREATE TABLE m (id INT); SELECT 1"]
    {
        let half = sql(&[FIRST, ("1_half", up)]);
        let error = failure(&db, &half).await;
        assert!(error.contains("whether that has taken effect, or a part of it, is not known"), "{error}");
        let status = db.migration_status(&half).await.unwrap().remove(1).1;
        assert!(matches!(status, MigrationStatus::Begun { statement: Some(2), .. }), "{status:?}");
        assert!(failure(&db, &half).await.contains("run `migrate resume`"));
        run(&db, "DELETE FROM __foobar_migrations WHERE version = '1'").await;
    }
    assert_eq!(count(&db, N).await, 0);
}

#[tokio::test]
async fn the_statement_that_a_migration_was_resumed_from_is_remembered_where_it_fails_again() {
    let db = TestDb::mysql().await;
    failure(&db, &sql(&[("1_half", "CREATE TABLE n (id INT); KILL CONNECTION_ID()")])).await;
    let half = sql(&[("1_half", "CREATE TABLE n (id INT); INSERT INTO n VALUES (1); INSERT INTO nope VALUES (1)")]);
    let error = Chain(&db.migrate_resume(&half, Some(3)).await.unwrap_err()).to_string();
    assert!(error.contains("goes on with statement 3"), "{error}");
    assert_eq!(failed_at(&db).await, 3);
    failure(&db, &half).await;
    assert_eq!(count(&db, N).await, 0);
}

#[tokio::test]
async fn a_process_that_waits_does_not_judge_what_another_is_running() {
    let db = with_ledger().await;
    on_a_thread(|| drop(hold(db.url())));
    run(&db, "UPDATE __foobar_migration_lock SET `server` = 'another'").await;
    run(&db, "INSERT INTO __foobar_migrations (version, name, state, statement) VALUES ('1', '1_half', 'running', 2)")
        .await;
    let hasty = another(&db, Duration::from_millis(300)).await;
    let half = reversible(&[("0_first", "SELECT 1", "SELECT 1"), ("1_half", "SELECT 1; SELECT 2", "SELECT 1")], true);
    for error in [hasty.migrate(&half).await.unwrap_err(), hasty.migrate_down(&half).await.unwrap_err()] {
        assert!(matches!(error, Error::MigrationsHeld(_)) && error.may_pass(), "{error}");
    }
    assert!(db.migrate_unlock().await.unwrap().is_some());
    let error = hasty.migrate(&half).await.unwrap_err();
    assert!(matches!(error, Error::MigrationUnfinished { .. }), "{error}");
}

/// As a cluster says it of two servers that insert one row.
#[tokio::test]
async fn a_process_waits_where_another_is_quicker_on_another_server() {
    let db = with_ledger().await;
    run(
        &db,
        "CREATE TRIGGER slower BEFORE INSERT ON __foobar_migration_lock FOR EACH ROW \
         SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213",
    )
    .await;
    let hasty = another(&db, Duration::from_millis(300)).await;
    let error = hasty.migrate(&sql(&[FIRST, ("1_next", "SELECT 1")])).await.unwrap_err();
    assert!(matches!(error, Error::MigrationsHeld(_)), "{error}");
}

#[tokio::test]
async fn what_fails_in_a_transaction_of_its_own_goes_on_with_that() {
    let up = |table: &str| {
        format!("CREATE TABLE n (id INT); BEGIN; INSERT INTO n VALUES (1); INSERT INTO {table} VALUES (2); COMMIT")
    };
    for db in both().await {
        let error = failure(&db, &written(&[("1_half", &up("nope"))], false)).await;
        assert!(error.contains("goes on with statement 2"), "{error}");
        assert_eq!(failed_at(&db).await, 2);
        assert_eq!(db.migrate(&written(&[("1_half", &up("n"))], false)).await.unwrap(), ["1_half"]);
        assert_eq!(count(&db, N).await, 2);
    }
}

#[tokio::test]
async fn what_leaves_a_transaction_open_has_run_and_stays() {
    for db in both().await {
        let up = "CREATE TABLE n (id INT); BEGIN; INSERT INTO n VALUES (1)";
        let open = written(&[("1_open", up)], false);
        db.migrate(&open).await.unwrap();
        assert_eq!(count(&db, N).await, 1);
        assert_eq!(db.migrate(&open).await.unwrap(), names(&[]));
    }
}

#[tokio::test]
async fn what_switches_autocommit_off_is_recorded_all_the_same() {
    for in_transaction in [true, false] {
        let db = TestDb::mysql().await;
        let up = |table: &str| {
            format!(
                "SET autocommit = 0; CREATE TABLE n (id INT); INSERT INTO n VALUES (1); INSERT INTO {table} VALUES (2)"
            )
        };
        failure(&db, &written(&[("1_half", &up("nope"))], in_transaction)).await;
        assert_eq!(failed_at(&db).await, 3);
        assert_eq!(count(&db, ROWS).await, 0);
        let whole = written(&[("1_half", &up("n")), ("2_next", "SELECT 1")], in_transaction);
        assert_eq!(db.migrate(&whole).await.unwrap(), ["1_half", "2_next"]);
        assert_eq!((count(&db, N).await, count(&db, ROWS).await), (2, 0));
        assert_eq!(db.migrate(&whole).await.unwrap(), names(&[]));
    }
}

#[tokio::test]
async fn rows_after_a_change_of_the_schema_are_taken_back_together() {
    let db = TestDb::mysql().await;
    let up = |table: &str| format!("CREATE TABLE n (id INT); INSERT INTO n VALUES (1); INSERT INTO {table} VALUES (2)");
    failure(&db, &sql(&[("1_half", &up("nope"))])).await;
    assert_eq!((failed_at(&db).await, count(&db, N).await), (2, 0));
    db.migrate(&sql(&[("1_half", &up("n"))])).await.unwrap();
    assert_eq!(count(&db, N).await, 2);
}

#[tokio::test]
async fn of_a_statement_that_may_fail_in_its_midst_it_is_not_known_what_has_taken_effect() {
    for last in
        ["DROP TABLE n, nope", "CALL p()", "BEGIN NOT ATOMIC INSERT INTO n VALUES (1); COMMIT; CALL nope(); END"]
    {
        let db = TestDb::mysql().await;
        let up =
            "CREATE TABLE n (id INT); CREATE PROCEDURE p() BEGIN INSERT INTO n VALUES (1); COMMIT; CALL nope(); END;";
        let half = sql(&[("1_half", &format!("{up} {last}"))]);
        let error = failure(&db, &half).await;
        assert!(error.contains("whether that has taken effect, or a part of it, is not known"), "{error}");
        assert!(is_begun(&db).await);
    }
}

#[tokio::test]
async fn what_fails_between_lock_and_unlock_gives_back_the_tables_and_the_row_of_the_lock() {
    let db = TestDb::mysql().await;
    let version = db.read(|conn| {
        diesel::select(diesel::dsl::sql::<diesel::sql_types::Text>("VERSION()")).get_result::<String>(conn)
    });
    let wait = if version.await.unwrap().contains("MariaDB") { " WAIT 5" } else { "" };
    let up = |table: &str| {
        format!("CREATE TABLE n (id INT); LOCK TABLES n WRITE{wait}; INSERT INTO {table} VALUES (1); UNLOCK TABLES")
    };
    failure(&db, &sql(&[("1_half", &up("nope"))])).await;
    assert_eq!((failed_at(&db).await, count(&db, ROWS).await), (3, 0));
    db.migrate(&sql(&[("1_half", &up("n"))])).await.unwrap();
    assert_eq!((count(&db, N).await, count(&db, ROWS).await), (1, 0));
}

#[tokio::test]
async fn a_process_whose_row_was_taken_away_runs_no_further_statement() {
    let db = TestDb::mysql().await;
    let up = "CREATE TABLE n (id INT); DELETE FROM __foobar_migration_lock; INSERT INTO n VALUES (1)";
    let error = failure(&db, &sql(&[("1_half", up)])).await;
    assert!(error.contains("the row of this process in `__foobar_migration_lock` is gone"), "{error}");
    assert!(is_begun(&db).await);
    assert_eq!(count(&db, N).await, 0);
}

const OLD: &str = "CREATE TABLE __foobar_migrations (version VARCHAR(50) NOT NULL PRIMARY KEY, \
                   name VARCHAR(255) NOT NULL, begun_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)";

#[tokio::test]
async fn a_ledger_of_the_version_before_serves_to_redo_and_one_that_is_not_there_to_take_back() {
    let down = "LOCK TABLES notes WRITE; DELETE FROM notes; UNLOCK TABLES; DROP TABLE notes";
    let notes = reversible(&[("1_half", "CREATE TABLE notes (id INT)", down)], true);
    let db = TestDb::mysql().await;
    db.migrate(&notes).await.unwrap();
    run(&db, "DROP TABLE __foobar_migrations").await;
    run(&db, OLD).await;
    assert_eq!(db.migrate_redo(&notes).await.unwrap().as_deref(), Some("1_half"));
    run(&db, "DROP TABLE __foobar_migrations").await;
    assert_eq!(db.migrate_down(&notes).await.unwrap().as_deref(), Some("1_half"));
    assert_eq!(status(&db).await, MigrationStatus::Pending);
}

#[tokio::test]
async fn a_ledger_whose_upgrade_was_cut_off_is_upgraded_by_the_next_run() {
    for db in both().await {
        run(&db, OLD).await;
        run(&db, "ALTER TABLE __foobar_migrations ADD COLUMN state VARCHAR(10) NOT NULL DEFAULT 'running'").await;
        run(&db, "ALTER TABLE __foobar_migrations ADD COLUMN statement INTEGER NOT NULL DEFAULT 1").await;
        let next = written(&[("1_half", "SELECT 1")], false);
        assert_eq!(db.migrate(&next).await.unwrap(), ["1_half"]);
        assert_eq!(db.migrate(&next).await.unwrap(), names(&[]));
    }
}

#[tokio::test]
async fn what_was_never_there_is_not_gone_on_with() {
    let half = sql(&[("1_half", "CREATE TABLE n (id INT); INSERT INTO nope VALUES (1)")]);
    let db = TestDb::mysql().await;
    let nothing = db.migrate_resume(&half, Some(1)).await.unwrap_err();
    assert!(matches!(nothing, Error::NothingToResume(1)), "{nothing}");
    failure(&db, &half).await;
    for statement in [0, 4] {
        let beyond = db.migrate_resume(&half, Some(statement)).await.unwrap_err().to_string();
        assert!(
            beyond.contains("its up.sql has 2, and `--from 3` says that all of them have taken effect"),
            "{beyond}"
        );
    }
    assert_eq!(failed_at(&db).await, 2);
    assert_eq!(db.migrate_resume(&half, Some(3)).await.unwrap(), ["1_half"]);
    let nothing = db.migrate_resume(&half, Some(3)).await.unwrap_err();
    assert!(matches!(nothing, Error::NothingToResume(3)), "{nothing}");
}

#[tokio::test]
async fn what_needs_the_session_that_has_ended_goes_on_only_where_somebody_says_so() {
    let db = TestDb::mysql().await;
    let up = |table: &str| {
        format!(
            "CREATE TABLE n (id INT); SELECT 7 INTO @made; CREATE TABLE m (id INT); INSERT INTO {table} VALUES (@made)"
        )
    };
    failure(&db, &sql(&[("1_half", &up("nope"))])).await;
    let whole = sql(&[("1_half", &up("n"))]);
    let error = failure(&db, &whole).await;
    assert!(
        error.contains("its statement 2 leaves a variable") && error.contains("run `migrate resume --from 4`"),
        "{error}"
    );
    assert_eq!(db.migrate_resume(&whole, Some(4)).await.unwrap(), ["1_half"]);
}

#[tokio::test]
async fn a_dump_that_stopped_goes_on_with_its_settings() {
    let db = TestDb::mysql().await;
    let dump = |table: &str| {
        format!(
            "/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump\n/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE */;\n\
             CREATE TABLE n (id INT);\nINSERT INTO {table} VALUES (1);\n/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;\n"
        )
    };
    failure(&db, &sql(&[("1_half", &dump("nope"))])).await;
    assert_eq!(db.migrate(&sql(&[("1_half", &dump("n"))])).await.unwrap(), ["1_half"]);
}

#[tokio::test]
async fn of_a_migration_that_an_earlier_version_began_nobody_knows_the_statement() {
    for db in both().await {
        run(&db, OLD).await;
        run(&db, "INSERT INTO __foobar_migrations (version, name) VALUES ('1', '1_half')").await;
        run(&db, "CREATE TABLE n (id INT)").await;
        let half = written(&[("1_half", "CREATE TABLE n (id INT); INSERT INTO n VALUES (1)")], false);
        assert!(matches!(status(&db).await, MigrationStatus::Begun { statement: None, .. }));
        for error in [db.migrate(&half).await.unwrap_err(), db.migrate_resume(&half, None).await.unwrap_err()] {
            assert!(matches!(&error, Error::MigrationUnrecorded { name, .. } if name == "1_half"), "{error}");
        }
        assert_eq!(db.migrate_resume(&half, Some(2)).await.unwrap(), ["1_half"]);
        assert_eq!(count(&db, N).await, 1);
    }
}
