//! What is known of migrations that have run, and how their files are read.

use super::*;

const NOTES: &str = "CREATE TABLE notes (id INTEGER NOT NULL PRIMARY KEY);\nINSERT INTO notes VALUES (1)";

#[tokio::test]
async fn a_migration_that_was_changed_after_it_ran_is_an_error_that_names_it() {
    for db in both().await {
        db.migrate(&sql(&[("1_notes", NOTES)])).await.unwrap();
        let changed = sql(&[("1_notes", &NOTES.replace("(1)", "(2)")), ("2_next", "CREATE TABLE next (id INT)")]);
        let error = db.migrate(&changed).await.unwrap_err().to_string();
        assert!(error.starts_with("migration `1_notes` was changed after it ran: its up.sql is not what"), "{error}");
        let status = db.migration_status(&changed).await.unwrap();
        assert_eq!([&status[0].1, &status[1].1], [&MigrationStatus::Changed, &MigrationStatus::Pending]);
    }
}

#[tokio::test]
async fn a_changed_migration_can_be_taken_for_what_ran() {
    for db in both().await {
        db.migrate(&sql(&[("1_notes", NOTES)])).await.unwrap();
        let changed = sql(&[("1_notes", &NOTES.replace("(1)", "(2)"))]);
        assert_eq!(db.migrate_mark_done(&changed, "1_notes").await.unwrap(), "1_notes");
        assert_eq!(db.migrate(&changed).await.unwrap(), names(&[]));
        assert_eq!(notes(&db).await, 1);
        let error = db.migrate_mark_done(&changed, "2_next").await.unwrap_err().to_string();
        assert_eq!(error, "there is no migration `2_next`; `migrate status` lists them");
    }
}

#[tokio::test]
async fn comments_and_the_ends_of_lines_change_no_migration() {
    for db in both().await {
        db.migrate(&sql(&[("1_notes", NOTES)])).await.unwrap();
        let same = NOTES.replace('\n', "\r\n").replace("NOT NULL", "/* always */ NOT\r\n NULL -- as a key\r\n");
        let same = format!("\u{feff}-- The notes.\r\n{same} -- the first");
        assert_eq!(db.migrate(&sql(&[("1_notes", &same)])).await.unwrap(), names(&[]));
    }
}

#[tokio::test]
async fn a_start_that_runs_no_migrations_refuses_a_changed_one_too() {
    for db in both().await {
        db.migrate(&sql(&[("1_notes", NOTES)])).await.unwrap();
        let settings = DatabaseSettings { migrate_on_start: false, ..db.settings() };
        let waiting = Db::open(&settings).unwrap();
        waiting.tier().start().await.unwrap();
        let changed = sql(&[("1_notes", "SELECT 1")]);
        let error = waiting.migrate_on_start(&changed).await.unwrap_err();
        assert!(matches!(&error, Error::MigrationChanged(name) if name == "1_notes") && !error.may_pass(), "{error}");
    }
}

#[tokio::test]
async fn a_migration_that_ran_before_checksums_were_kept_is_done() {
    for db in both().await {
        let old = "CREATE TABLE __foobar_migrations (version VARCHAR(50) NOT NULL PRIMARY KEY, \
                   name VARCHAR(255) NOT NULL, begun_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)";
        db.migrate(&sql(&[("1_notes", NOTES)])).await.unwrap();
        db.write(|conn| conn.batch_execute("DROP TABLE __foobar_migrations")).await.unwrap();
        db.write(move |conn| conn.batch_execute(old)).await.unwrap();
        let next = "CREATE TABLE next (id INTEGER); DROP TABLE next";
        let both = written(&[("1_notes", "SELECT 1"), ("2_next", next)], false);
        assert_eq!(db.migrate(&both).await.unwrap(), ["2_next"]);
        let status = db.migration_status(&both).await.unwrap();
        assert!(status.iter().all(|(_, status)| *status == MigrationStatus::Done), "{status:?}");
    }
}

#[tokio::test]
async fn a_migration_without_statements_runs_and_does_nothing() {
    for db in both().await {
        for (name, up) in [("1_empty", ""), ("2_mark", "\u{feff}"), ("3_comment", "-- nothing yet\n"), ("4_end", ";")] {
            assert_eq!(db.migrate(&sql(&[(name, up)])).await.unwrap(), [name]);
        }
    }
}

#[tokio::test]
async fn what_only_a_client_understands_is_an_error_with_its_line_before_any_migration_runs() {
    let [sqlite, mysql] = both().await;
    for (db, up, expected) in [
        (&sqlite, "SELECT 1;\nDELIMITER $$", "its up.sql has `DELIMITER` on line 2, a command of MySQL's client"),
        (&mysql, "SELECT 1;\nUSE other;", "its up.sql has `USE` on line 2, which would go on in another database"),
    ] {
        let error = db.migrate(&sql(&[("1_notes", NOTES), ("2_wrong", up)])).await.unwrap_err();
        let error = Chain(&error).to_string();
        assert!(error.contains(expected) && error.ends_with("; nothing of it was run"), "{error}");
        assert_eq!(db.migrate(&sql(&[("1_notes", NOTES)])).await.unwrap(), ["1_notes"]);
    }
}

#[tokio::test]
async fn routines_and_triggers_run_with_a_delimiter_and_without() {
    let mysql = TestDb::mysql().await;
    let bodies = "CREATE TRIGGER by_ten BEFORE INSERT ON notes FOR EACH ROW BEGIN SET NEW.id = NEW.id * 10; END;\n\
                  DELIMITER //\nCREATE PROCEDURE add_note(id INT) BEGIN INSERT INTO notes VALUES (id); END//\n\
                  DELIMITER ;\nCALL add_note(2)";
    mysql.migrate(&sql(&[("1_notes", NOTES), ("2_bodies", bodies)])).await.unwrap();
    let sqlite = TestDb::sqlite().await;
    let trigger =
        "CREATE TRIGGER copied AFTER INSERT ON notes WHEN NEW.id < 9 BEGIN INSERT INTO notes VALUES (20); END;
                   INSERT INTO notes VALUES (2)";
    sqlite.migrate(&sql(&[("1_notes", NOTES), ("2_trigger", trigger)])).await.unwrap();
    let ids = |query: &'static str| diesel::dsl::sql::<BigInt>(query);
    let twenty = ids("(SELECT COUNT(*) FROM notes WHERE id = 20)");
    for db in [mysql, sqlite] {
        let twenty = twenty.clone();
        assert_eq!(db.read(move |conn| diesel::select(twenty.clone()).get_result::<i64>(conn)).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn a_dump_runs() {
    let db = TestDb::mysql().await;
    let dump = "/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump\n\
        /*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;\n/*!40101 SET NAMES utf8mb4 */;\n\
        /*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;\n\
        DROP TABLE IF EXISTS `notes`;\nCREATE TABLE `notes` (\n  `id` int(11) NOT NULL,\n  PRIMARY KEY (`id`)\n) \
        ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;\nLOCK TABLES `notes` WRITE;\n\
        /*!40000 ALTER TABLE `notes` DISABLE KEYS */;\nINSERT INTO `notes` VALUES\n(1),\n(2);\n\
        /*!40000 ALTER TABLE `notes` ENABLE KEYS */;\nUNLOCK TABLES;\n/*!50003 SET sql_mode = '' */ ;\nDELIMITER ;;\n\
        /*!50003 CREATE*/ /*!50003 TRIGGER `t` BEFORE INSERT ON `notes` FOR EACH ROW\nBEGIN\n  SET NEW.id = NEW.id + 1;\n\
        END */;;\nDELIMITER ;\n/*!40101 SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT */;\n\
        -- Dump completed on 2026-11-30  0:00:00\n";
    assert_eq!(db.migrate(&sql(&[("1_dump", dump)])).await.unwrap(), ["1_dump"]);
    assert_eq!(notes(&db).await, 2);
}
