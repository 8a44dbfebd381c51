//! What becomes of taking a migration back that fails half way, or whose process is killed.

use super::one_of_many::{ROWS, count};
use super::unfinished::{reversible, status};
use super::*;

const UP: &str = "CREATE TABLE a (id INT); CREATE TABLE b (id INT); CREATE TABLE c (id INT)";
const WRONG: &str = "DROP TABLE a;\nDROP TABLE nope;\nDROP TABLE c";
const RIGHT: &str = "DROP TABLE a;\nDROP TABLE b;\nDROP TABLE c";
const KILLED: &str = "DROP TABLE a;\nKILL CONNECTION_ID();\nDROP TABLE c";

/// Migration `1_half` with this down.sql, where a failure takes nothing back.
fn by(down: &'static str) -> Migrations {
    reversible(&[("1_half", UP, down)], false)
}

async fn refusal<T: std::fmt::Debug>(outcome: impl Future<Output = Result<T, Error>>) -> String {
    Chain(&outcome.await.unwrap_err()).to_string()
}

/// Databases of each engine where `1_half` has run, and that by `down` has failed.
async fn halved(down: &'static str) -> [TestDb; 2] {
    let databases = both().await;
    for db in &databases {
        db.migrate(&by(down)).await.unwrap();
        db.migrate_down(&by(down)).await.unwrap_err();
    }
    databases
}

async fn killed() -> TestDb {
    let db = TestDb::mysql().await;
    db.migrate(&by(KILLED)).await.unwrap();
    db.migrate_down(&by(KILLED)).await.unwrap_err();
    db
}

async fn is_half_down(db: &Db) -> bool {
    matches!(status(db).await, MigrationStatus::HalfDown { .. })
}

#[tokio::test]
async fn taking_back_that_fails_at_its_second_statement_says_so_and_how_to_go_on() {
    for db in both().await {
        db.migrate(&by(WRONG)).await.unwrap();
        for outcome in [db.migrate_down(&by(WRONG)).await, db.migrate_redo(&by(WRONG)).await] {
            let error = Chain(&outcome.unwrap_err()).to_string();
            let expected = "migration `1_half` failed: taking it back failed, and what its down.sql did before its statement 2 \
                            has taken effect; correct it from there on and run `migrate down`, which goes on with statement \
                            2, or do the rest by hand and run `migrate resume --from 4`, or put back by hand what is gone \
                            and run `migrate mark-done 1_half`: its statement 2 of 3, on line 2 of its down.sql: ";
            assert!(error.starts_with(expected), "{error}");
        }
        let MigrationStatus::HalfDown { on, statement: 2, problem } = status(&db).await else { panic!("it is not") };
        assert!(on.starts_with("20") && problem.unwrap().contains("nope"), "{on}");
    }
}

#[tokio::test]
async fn a_start_refuses_a_schema_that_is_taken_back_in_half() {
    for db in halved(WRONG).await {
        let next =
            reversible(&[("1_half", UP, WRONG), ("2_next", "CREATE TABLE next (id INT)", "DROP TABLE next")], false);
        let expected =
            " UTC and failed at statement 2 of its down.sql, and those before it have taken effect; correct it";
        for error in [refusal(db.migrate_on_start(&next)).await, refusal(db.migrate_resume(&next, None)).await] {
            assert!(error.starts_with("migration `1_half` is taken back in half: that began on 20"), "{error}");
            assert!(error.contains(expected) && error.contains("nope"), "{error}");
        }
        let settings = DatabaseSettings { migrate_on_start: false, ..db.settings() };
        let waiting = Db::open(&settings).unwrap();
        waiting.tier().start().await.unwrap();
        let error = waiting.migrate_on_start(&by(WRONG)).await.unwrap_err();
        assert!(matches!(&error, Error::DownFailed { name, .. } if name == "1_half") && !error.may_pass(), "{error}");
    }
}

#[tokio::test]
async fn taking_back_goes_on_with_the_statement_that_failed_once_it_is_corrected() {
    for db in halved(WRONG).await {
        assert_eq!(db.migrate_down(&by(RIGHT)).await.unwrap().as_deref(), Some("1_half"));
        assert_eq!(status(&db).await, MigrationStatus::Pending);
        assert_eq!(db.migrate(&by(RIGHT)).await.unwrap(), ["1_half"]);
    }
}

#[tokio::test]
async fn a_migration_that_is_taken_back_in_half_is_redone() {
    for db in halved(WRONG).await {
        assert_eq!(db.migrate_redo(&by(RIGHT)).await.unwrap().as_deref(), Some("1_half"));
        assert_eq!(db.migration_status(&by(RIGHT)).await.unwrap()[0].1, MigrationStatus::Done);
        assert_eq!(count(&db, "(SELECT COUNT(*) FROM a)").await, 0);
    }
}

#[tokio::test]
async fn what_was_taken_back_to_its_end_by_hand_is_resumed_after_its_last_statement() {
    for db in halved(WRONG).await {
        for statement in [0, 5] {
            let error = refusal(db.migrate_resume_down(&by(WRONG), Some(statement))).await;
            assert!(error.contains("its down.sql has 3, and `--from 4` says that all of them have"), "{error}");
        }
        assert_eq!(db.migrate_resume_down(&by(WRONG), Some(4)).await.unwrap().as_deref(), Some("1_half"));
        assert_eq!(status(&db).await, MigrationStatus::Pending);
        assert_eq!(db.migrate_resume_down(&by(WRONG), Some(4)).await.unwrap(), None);
    }
}

#[tokio::test]
async fn what_was_put_back_by_hand_is_done_once_it_is_marked() {
    for db in halved(WRONG).await {
        db.write(|conn| conn.batch_execute("CREATE TABLE a (id INT)")).await.unwrap();
        assert_eq!(db.migrate_mark_done(&by(WRONG), "1_half").await.unwrap(), "1_half");
        assert_eq!(db.migration_status(&by(WRONG)).await.unwrap()[0].1, MigrationStatus::Done);
        assert_eq!(db.migrate(&by(WRONG)).await.unwrap(), names(&[]));
        assert_eq!(db.migrate_down(&by(RIGHT)).await.unwrap().as_deref(), Some("1_half"));
    }
}

#[tokio::test]
async fn taking_back_does_not_go_on_after_other_statements_than_have_run() {
    for db in halved(WRONG).await {
        let error = refusal(db.migrate_down(&by("DROP TABLE b;\nDROP TABLE a;\nDROP TABLE c"))).await;
        assert!(
            error.contains("stopped at statement 2 of its down.sql, and what is before that is not what"),
            "{error}"
        );
        assert!(is_half_down(&db).await);
    }
}

#[tokio::test]
async fn where_the_first_statement_of_a_down_fails_the_migration_is_done_and_known_as_it_ran() {
    for db in both().await {
        let wrong = by("DROP TABLE nope; DROP TABLE a");
        db.migrate(&wrong).await.unwrap();
        let error = refusal(db.migrate_down(&wrong)).await;
        assert!(error.contains("taking it back failed, and nothing of that has taken effect; correct its"), "{error}");
        assert_eq!(db.migration_status(&wrong).await.unwrap()[0].1, MigrationStatus::Done);
        assert_eq!(db.migrate(&wrong).await.unwrap(), names(&[]));
        let changed = reversible(&[("1_half", "SELECT 1", RIGHT)], false);
        assert_eq!(db.migration_status(&changed).await.unwrap()[0].1, MigrationStatus::Changed);
        assert_eq!(db.migrate_down(&by(RIGHT)).await.unwrap().as_deref(), Some("1_half"));
    }
}

#[tokio::test]
async fn rows_that_a_failing_down_has_deleted_are_back_on_mysql_too() {
    let db = TestDb::mysql().await;
    let up = "CREATE TABLE a (id INT); INSERT INTO a VALUES (1)";
    let half = reversible(&[("1_half", up, "DELETE FROM a; DELETE FROM nope")], true);
    db.migrate(&half).await.unwrap();
    let error = refusal(db.migrate_down(&half)).await;
    assert!(error.contains("nothing of that has taken effect"), "{error}");
    assert_eq!(db.migration_status(&half).await.unwrap()[0].1, MigrationStatus::Done);
    assert_eq!(count(&db, "(SELECT COUNT(*) FROM a)").await, 1);
}

#[tokio::test]
async fn a_down_that_sqlite_takes_back_leaves_the_migration_done() {
    let db = TestDb::sqlite().await;
    let half = reversible(&[("1_half", UP, WRONG)], true);
    db.migrate(&half).await.unwrap();
    let error = refusal(db.migrate_down(&half)).await;
    assert!(
        error.starts_with("migration `1_half` failed: taking it back failed, so all of that was rolled"),
        "{error}"
    );
    assert_eq!(db.migration_status(&half).await.unwrap()[0].1, MigrationStatus::Done);
    assert_eq!(count(&db, "(SELECT COUNT(*) FROM a)").await, 0);
}

#[tokio::test]
async fn taking_back_whose_connection_is_lost_is_resumed_by_whoever_has_looked() {
    let db = killed().await;
    assert!(matches!(status(&db).await, MigrationStatus::HalfDown { statement: 2, problem: None, .. }));
    for error in [refusal(db.migrate(&by(KILLED))).await, refusal(db.migrate_down(&by(KILLED))).await] {
        assert!(error.starts_with("taking back migration `1_half` began on 20"), "{error}");
        assert!(error.contains("UTC and did not end: it stopped at statement 2 of its down.sql, which may"), "{error}");
        assert!(
            error.contains("run `migrate resume`, which") && error.contains("`migrate resume --from 3`"),
            "{error}"
        );
    }
    assert_eq!(db.migrate_resume_down(&by(KILLED), Some(3)).await.unwrap().as_deref(), Some("1_half"));
    assert_eq!(status(&db).await, MigrationStatus::Pending);
    assert_eq!(count(&db, "(SELECT COUNT(*) FROM b)").await, 0);
}

#[tokio::test]
async fn taking_back_that_was_killed_runs_its_last_statement_again_when_it_is_resumed() {
    let db = killed().await;
    assert_eq!(db.migrate_resume_down(&by(RIGHT), None).await.unwrap().as_deref(), Some("1_half"));
    assert_eq!(status(&db).await, MigrationStatus::Pending);
    assert_eq!(db.migrate(&by(RIGHT)).await.unwrap(), ["1_half"]);
}

#[tokio::test]
async fn what_a_down_needs_of_the_session_that_has_ended_goes_on_only_where_somebody_says_so() {
    let db = TestDb::mysql().await;
    let by = |last| reversible(&[("1_half", UP, last)], true);
    let wrong = by("DROP TABLE a; SELECT 7 INTO @kept; DROP TABLE b; DROP TABLE nope");
    let right = by("DROP TABLE a; SELECT 7 INTO @kept; DROP TABLE b; DROP TABLE c");
    db.migrate(&wrong).await.unwrap();
    db.migrate_down(&wrong).await.unwrap_err();
    let error = refusal(db.migrate_down(&right)).await;
    assert!(error.contains("and statement 2 leaves a variable, a prepared statement or a temporary table"), "{error}");
    assert_eq!(db.migrate_resume_down(&right, Some(4)).await.unwrap().as_deref(), Some("1_half"));
}

#[tokio::test]
async fn a_process_whose_row_was_taken_away_takes_nothing_more_back() {
    let db = TestDb::mysql().await;
    let half = reversible(&[("1_half", UP, "DROP TABLE a; DELETE FROM __foobar_migration_lock; DROP TABLE c")], true);
    db.migrate(&half).await.unwrap();
    let error = refusal(db.migrate_down(&half)).await;
    assert!(error.contains("the row of this process in `__foobar_migration_lock` is gone"), "{error}");
    assert!(is_half_down(&db).await);
    assert_eq!((count(&db, "(SELECT COUNT(*) FROM c)").await, count(&db, ROWS).await), (0, 0));
}

#[tokio::test]
async fn what_another_tool_has_taken_back_to_its_end_is_pending() {
    for db in halved(WRONG).await {
        db.write(|conn| conn.batch_execute("DELETE FROM __diesel_schema_migrations")).await.unwrap();
        assert_eq!(status(&db).await, MigrationStatus::Pending);
        assert_eq!(db.migrate_down(&by(WRONG)).await.unwrap(), None);
    }
}

#[tokio::test]
async fn what_is_taken_back_in_half_and_not_in_this_program_is_listed_and_refused_by_a_start() {
    for db in halved(WRONG).await {
        let [(name, status)] = &db.migration_status(&sql(&[])).await.unwrap()[..] else { panic!("there is one") };
        assert!(name == "1_half" && matches!(status, MigrationStatus::HalfDown { .. }), "{name}: {status:?}");
        let settings = DatabaseSettings { migrate_on_start: false, ..db.settings() };
        let waiting = Db::open(&settings).unwrap();
        waiting.tier().start().await.unwrap();
        for db in [&db, &waiting] {
            let error = db.migrate_on_start(&sql(&[])).await.unwrap_err();
            assert!(matches!(&error, Error::DownFailed { name, .. } if name == "1_half"), "{error}");
        }
    }
}

#[tokio::test]
async fn what_another_tool_takes_back_and_runs_again_is_done() {
    for db in halved(WRONG).await {
        db.write(|conn| conn.batch_execute("DELETE FROM __diesel_schema_migrations")).await.unwrap();
        db.migrate(&sql(&[("2_next", "CREATE TABLE next (id INT)")])).await.unwrap();
        let run = "INSERT INTO __diesel_schema_migrations (version) VALUES ('1')";
        db.write(|conn| conn.batch_execute(run)).await.unwrap();
        assert_eq!(status(&db).await, MigrationStatus::Done);
    }
}

#[tokio::test]
async fn where_a_down_fails_before_its_first_statement_nothing_is_taken_back() {
    let db = TestDb::mysql().await;
    let half = reversible(&[("1_half", UP, RIGHT)], true);
    db.migrate(&half).await.unwrap();
    let forbid = "CREATE TRIGGER forbid BEFORE UPDATE ON __foobar_migrations FOR EACH ROW \
                  IF NEW.statement = 1 THEN SIGNAL SQLSTATE '45000'; END IF";
    db.write(move |conn| conn.batch_execute(forbid)).await.unwrap();
    let error = refusal(db.migrate_down(&half)).await;
    assert!(error.contains("taking it back failed, and nothing of that has taken effect"), "{error}");
    assert_eq!(db.migration_status(&half).await.unwrap()[0].1, MigrationStatus::Done);
    assert_eq!(count(&db, "(SELECT COUNT(*) FROM a)").await, 0);
}

#[tokio::test]
async fn taking_back_that_was_killed_at_its_first_statement_stays_half_done_until_it_is_resumed_after_that() {
    let db = TestDb::mysql().await;
    let killed = by("KILL CONNECTION_ID();\nDROP TABLE b;\nDROP TABLE c");
    db.migrate(&killed).await.unwrap();
    db.migrate_down(&killed).await.unwrap_err();
    db.write(|conn| conn.batch_execute("DROP TABLE a")).await.unwrap(); // as if the killed one had
    let error = refusal(db.migrate_resume_down(&by(RIGHT), None)).await;
    assert!(error.contains("failed again, at the first statement of its down.sql, and what"), "{error}");
    assert!(matches!(status(&db).await, MigrationStatus::HalfDown { statement: 1, problem: Some(_), .. }));
    assert!(is_half_down(&db).await && db.migrate(&by(RIGHT)).await.is_err());
    assert_eq!(db.migrate_resume_down(&by(RIGHT), Some(2)).await.unwrap().as_deref(), Some("1_half"));
    assert_eq!(db.migrate(&by(RIGHT)).await.unwrap(), ["1_half"]);
}

#[tokio::test]
async fn taking_back_that_begins_anew_and_fails_at_once_is_not_taken_for_what_ran() {
    for db in halved(WRONG).await {
        let error = refusal(db.migrate_resume_down(&by(WRONG), Some(1))).await;
        assert!(error.contains("taking it back failed again, at the first statement"), "{error}");
        let MigrationStatus::HalfDown { statement: 1, .. } = db.migration_status(&by(WRONG)).await.unwrap()[0].1 else {
            panic!("it is not")
        };
        assert_eq!(db.migrate_resume_down(&by(RIGHT), Some(2)).await.unwrap().as_deref(), Some("1_half"));
        assert_eq!(status(&db).await, MigrationStatus::Pending);
    }
}
