use super::*;

/// The line, the rule and the statement of each finding.
fn found(engine: Engine, sql: &str) -> Vec<(usize, LintRule, String)> {
    let findings = MigrationLint::new(engine).check("up.sql", sql);
    findings.into_iter().map(|finding| (finding.line, finding.rule, finding.statement)).collect()
}

/// The rules that a statement is against, on MySQL and on SQLite.
fn rules(sql: &str) -> [Vec<LintRule>; 2] {
    [Engine::Mysql, Engine::Sqlite].map(|engine| found(engine, sql).into_iter().map(|(_, rule, _)| rule).collect())
}

fn assert_both(expected: &[LintRule], sql: &[&str]) {
    for sql in sql {
        assert_eq!(rules(sql), [expected, expected], "{sql}");
    }
}

#[test]
fn what_goes_or_gets_another_name_breaks_the_program_that_runs() {
    assert_both(
        &[LintRule::Drop],
        &[
            "DROP TABLE notes",
            "drop table if exists notes, tags;",
            "ALTER TABLE notes DROP COLUMN body",
            "ALTER TABLE `shop`.`notes` DROP body",
            "ALTER TABLE shop.notes DROP body",
            "DROP VIEW recent",
        ],
    );
    assert_both(
        &[LintRule::Rename],
        &[
            "ALTER TABLE notes RENAME TO entries",
            "ALTER TABLE notes RENAME COLUMN body TO text",
            "ALTER TABLE notes RENAME body TO text",
        ],
    );
    assert_eq!(rules("RENAME TABLE notes TO entries")[0], [LintRule::Rename]);
    assert_eq!(rules("ALTER TABLE notes CHANGE body text TEXT")[0], [LintRule::Rename]);
    assert_eq!(rules("TRUNCATE TABLE notes")[0], [LintRule::Drop]);
}

#[test]
fn what_mariadb_takes_between_alter_and_the_clauses_hides_none_of_them() {
    for way in ["ALTER ONLINE TABLE", "alter ignore table", "ALTER ONLINE IGNORE TABLE IF EXISTS"] {
        assert_eq!(rules(&format!("{way} notes DROP COLUMN body"))[0], [LintRule::Drop], "{way}");
    }
    for wait in ["NOWAIT", "WAIT 5", "wait 0.5"] {
        assert_eq!(rules(&format!("ALTER TABLE shop.notes {wait} DROP body"))[0], [LintRule::Drop], "{wait}");
    }
    assert_eq!(rules("ALTER ONLINE TABLE notes ADD INDEX (body)")[0], [], "it fails rather than to lock");
    assert_eq!(rules("ALTER TABLE notes ALTER online SET DEFAULT 1, ADD INDEX (online)")[0], [LintRule::Index]);
    assert_eq!(rules("CREATE TABLE notes (a INT); ALTER ONLINE TABLE notes DROP a")[0], []);
}

#[test]
fn table_and_tables_mean_the_same() {
    for (sql, rule) in [
        ("DROP TABLES notes, tags", LintRule::Drop),
        ("RENAME TABLES notes TO entries", LintRule::Rename),
        ("LOCK TABLE notes WRITE", LintRule::Lock),
    ] {
        assert_eq!(rules(sql)[0], [rule], "{sql}");
    }
    assert_eq!(rules("CREATE TABLE notes (id INT); DROP TABLES notes")[0], []);
}

#[test]
fn a_new_column_without_a_value_breaks_the_inserts_of_the_program_that_runs() {
    assert_both(
        &[LintRule::NotNull],
        &["ALTER TABLE notes ADD COLUMN likes INTEGER NOT NULL", "ALTER TABLE notes ADD likes INT NOT NULL"],
    );
    assert_both(
        &[],
        &[
            "ALTER TABLE notes ADD COLUMN likes INTEGER",
            "ALTER TABLE notes ADD COLUMN likes INTEGER NOT NULL DEFAULT 0",
            "ALTER TABLE notes ADD COLUMN twice INTEGER GENERATED ALWAYS AS (likes * 2) VIRTUAL NOT NULL",
            "ALTER TABLE notes ADD COLUMN stored INTEGER",
            "ALTER TABLE notes ADD COLUMN `not null` TEXT",
        ],
    );
    let several = "ALTER TABLE notes\n  ADD COLUMN a INT,\n  ADD COLUMN b DECIMAL(10, 2) NOT NULL,\n  DROP COLUMN c";
    let expected =
        [(3, LintRule::NotNull, "ADD COLUMN b DECIMAL(10, 2) NOT NULL"), (4, LintRule::Drop, "DROP COLUMN c")];
    assert_eq!(found(Engine::Mysql, several), expected.map(|(line, rule, text)| (line, rule, text.to_owned())));
    assert_eq!(rules("ALTER TABLE notes ADD (a INT, b INT NOT NULL)")[0], [LintRule::NotNull]);
}

#[test]
fn a_changed_type_and_what_copies_a_table_lock_it() {
    for (sql, rule) in [
        ("ALTER TABLE notes MODIFY body TEXT", LintRule::Type),
        ("ALTER TABLE notes MODIFY COLUMN body TEXT, ALGORITHM=INPLACE, LOCK=NONE", LintRule::Type),
        ("ALTER TABLE notes CHANGE COLUMN body body TEXT", LintRule::Type),
        ("ALTER TABLE notes CONVERT TO CHARACTER SET utf8mb4", LintRule::Lock),
        ("ALTER TABLE notes ENGINE=InnoDB", LintRule::Lock),
        ("ALTER TABLE notes DROP PRIMARY KEY", LintRule::Lock),
        ("OPTIMIZE TABLE notes", LintRule::Lock),
        ("LOCK TABLES notes WRITE", LintRule::Lock),
    ] {
        assert_eq!(rules(sql)[0], [rule], "{sql}");
    }
    assert_eq!(rules("VACUUM")[1], [LintRule::Lock]);
}

#[test]
fn an_index_is_to_be_made_without_a_lock_where_that_is_possible() {
    let sql = "CREATE INDEX notes_body ON notes (body)";
    assert_eq!(rules(sql), [[LintRule::Index], [LintRule::Index]]);
    assert_eq!(found(Engine::Mysql, &format!("{sql} ALGORITHM=INPLACE LOCK=NONE")), []);
    assert_eq!(found(Engine::Mysql, "ALTER TABLE notes ADD INDEX (body), ALGORITHM = INPLACE, LOCK = NONE"), []);
    assert_eq!(rules("ALTER TABLE notes ADD KEY by_body (body)")[0], [LintRule::Index]);
    assert_both(&[LintRule::Constraint], &["CREATE UNIQUE INDEX one ON notes (body)"]);
    for sql in ["ADD UNIQUE (body)", "ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES b (c)", "ADD CHECK (a > 0)"] {
        assert_eq!(rules(&format!("ALTER TABLE notes {sql}"))[0], [LintRule::Constraint], "{sql}");
    }
    assert_both(&[], &["DROP INDEX notes_body", "ALTER TABLE notes DROP CONSTRAINT c"]);
}

#[test]
fn a_constraint_inside_a_column_is_one_too() {
    for column in [
        "ADD COLUMN code INT NOT NULL DEFAULT 0 UNIQUE",
        "ADD code INT DEFAULT 1 CHECK (code > 0)",
        "ADD code INT NULL CONSTRAINT positive CHECK (code > 0)",
        "ADD code INTEGER PRIMARY KEY",
        "ADD code INT CHECK (code IS NOT NULL)",
    ] {
        assert_both(&[LintRule::Constraint], &[&format!("ALTER TABLE notes {column}")]);
    }
    let several = "ALTER TABLE notes ADD (a INT, b INT UNIQUE, FOREIGN KEY (a) REFERENCES tags (id), KEY (a))";
    assert_eq!(rules(several)[0], [LintRule::Constraint, LintRule::Index]);
    assert_both(
        &[LintRule::Constraint, LintRule::NotNull],
        &["ALTER TABLE notes ADD COLUMN code INT NOT NULL CHECK (code > 0)"],
    );
    assert_both(&[], &["ALTER TABLE notes ADD `unique` TEXT DEFAULT 'primary key'"]);
    assert_eq!(rules("ALTER TABLE notes ADD COLUMN key TEXT")[1], [], "a name like another for SQLite");
}

#[test]
fn a_new_column_that_refers_to_another_table_is_no_work_for_sqlite_which_leaves_it_null() {
    let expected = [vec![LintRule::Constraint], vec![]];
    assert_eq!(rules("ALTER TABLE notes ADD COLUMN tag INTEGER REFERENCES tags (id)"), expected);
}

#[test]
fn a_column_that_loses_its_default_breaks_the_inserts_of_the_program_that_runs() {
    for column in ["c", "COLUMN c", "COLUMN IF EXISTS `c`"] {
        let sql = format!("ALTER TABLE notes ALTER {column} DROP DEFAULT");
        assert_eq!(rules(&sql)[0], [LintRule::NotNull], "{sql}");
    }
    assert_eq!(rules("ALTER TABLE notes ALTER COLUMN c SET DEFAULT 0")[0], []);
}

#[test]
fn all_rows_at_once_are_too_many() {
    assert_both(&[LintRule::Rows], &["UPDATE notes SET likes = 0", "DELETE FROM notes"]);
    assert_both(
        &[LintRule::Rows],
        &[
            "UPDATE notes SET text = (SELECT body FROM old WHERE old.id = notes.id)",
            "UPDATE notes SET text = (SELECT body FROM old LIMIT 1)",
        ],
    );
    assert_both(
        &[],
        &[
            "UPDATE notes SET text = (SELECT body FROM old WHERE old.id = notes.id) WHERE id < 1000",
            "DELETE FROM notes ORDER BY id LIMIT 1000",
        ],
    );
    assert_both(
        &[LintRule::Rows],
        &[
            "WITH old AS (SELECT id FROM notes WHERE id < 1000) DELETE FROM notes",
            "WITH RECURSIVE a (n) AS (SELECT 1), b AS (SELECT 2) UPDATE notes SET likes = (SELECT n FROM a)",
        ],
    );
    assert_both(
        &[],
        &[
            "WITH old AS (SELECT id FROM notes) DELETE FROM notes WHERE id IN (SELECT id FROM old)",
            "WITH old AS (SELECT 1) SELECT id FROM notes FOR UPDATE",
            "WITH old AS (SELECT 1) INSERT INTO notes SELECT * FROM old ON DUPLICATE KEY UPDATE likes = 1",
        ],
    );
    assert_both(&[], &["UPDATE notes SET likes = 0 WHERE id < 1000", "INSERT INTO notes VALUES ('DELETE FROM notes')"]);
}

#[test]
fn a_stored_column_and_a_change_of_partitions_copy_the_table() {
    for sql in [
        "ALTER TABLE notes ADD COLUMN twice INT AS (likes * 2) STORED",
        "ALTER TABLE notes ADD COLUMN twice INT GENERATED ALWAYS AS (likes * 2) PERSISTENT",
        "ALTER TABLE notes PARTITION BY HASH (id) PARTITIONS 4",
        "ALTER TABLE notes ADD COLUMN a INT PARTITION BY KEY (id)",
        "ALTER TABLE notes ENGINE=InnoDB PARTITION BY KEY (id)",
        "ALTER TABLE notes REMOVE PARTITIONING",
        "ALTER TABLE notes REORGANIZE PARTITION p0 INTO (PARTITION p1 VALUES LESS THAN (10))",
        "ALTER TABLE notes COALESCE PARTITION 2",
        "ALTER TABLE notes REBUILD PARTITION p0",
    ] {
        assert_eq!(rules(sql)[0], [LintRule::Lock], "{sql}");
    }
}

#[test]
fn the_rows_of_a_partition_go_with_it() {
    for sql in ["ALTER TABLE notes DROP PARTITION p0", "ALTER TABLE notes TRUNCATE PARTITION p0, p1"] {
        assert!(rules(sql)[0].contains(&LintRule::Drop), "{sql}");
    }
}

#[test]
fn what_a_program_uses_besides_tables_goes_too() {
    for kind in ["PROCEDURE", "FUNCTION", "SEQUENCE", "TRIGGER", "VIEW", "EVENT", "PACKAGE"] {
        assert_both(&[LintRule::Drop], &[&format!("DROP {kind} one"), &format!("DROP {kind} IF EXISTS one")]);
    }
    assert_both(&[LintRule::Drop], &["DROP DATABASE shop", "DROP SCHEMA shop"]);
    let may_have_been_there = "CREATE VIEW IF NOT EXISTS v AS SELECT 1; DROP VIEW v";
    assert_both(&[LintRule::Drop], &[may_have_been_there, "CREATE SEQUENCE IF NOT EXISTS s; DROP SEQUENCE s"]);
    assert_both(&[], &["DROP INDEX one ON event"]);
}

#[test]
fn a_view_or_a_routine_that_is_replaced_is_another_one_for_the_program_that_runs() {
    assert_both(
        &[LintRule::Type],
        &[
            "CREATE OR REPLACE VIEW recent AS SELECT 1",
            "CREATE OR REPLACE ALGORITHM = MERGE DEFINER = `a`@`b` SQL SECURITY INVOKER VIEW recent AS SELECT 1",
            "CREATE OR REPLACE FUNCTION twice(a INT) RETURNS INT RETURN 2 * a",
            "CREATE OR REPLACE TRIGGER t BEFORE INSERT ON notes FOR EACH ROW SET NEW.a = 1",
            "ALTER VIEW recent AS SELECT 1",
            "ALTER DEFINER = CURRENT_USER VIEW recent AS SELECT 1",
        ],
    );
    assert_both(
        &[],
        &[
            "CREATE VIEW recent AS SELECT 1; CREATE OR REPLACE VIEW recent AS SELECT 2; DROP VIEW recent",
            "CREATE TRIGGER t BEFORE INSERT ON notes FOR EACH ROW SET NEW.a = 1; DROP TRIGGER IF EXISTS t",
            "ALTER PROCEDURE one COMMENT 'a view'",
        ],
    );
}

#[test]
fn whatever_is_renamed_has_another_name() {
    assert_both(&[LintRule::Rename], &["RENAME TABLE notes TO entries", "RENAME USER a TO b"]);
    assert_both(&[], &["CREATE TABLE notes (id INT); RENAME TABLE notes TO entries"]);
}

#[test]
fn the_statements_of_a_body_are_not_the_migrations_own() {
    let body = "CREATE TRIGGER t AFTER INSERT ON notes FOR EACH ROW BEGIN\n\
                UPDATE totals SET likes = 0;\nDELETE FROM old;\nEND;\nDROP TABLE a;";
    for engine in [Engine::Mysql, Engine::Sqlite] {
        assert_eq!(found(engine, body), [(5, LintRule::Drop, "DROP TABLE a".to_owned())]);
    }
    let delimited = "DELIMITER //\nCREATE PROCEDURE p() BEGIN DELETE FROM old; END//\n-- foobar: allow drop\nDELIMITER ;\n\
                     DROP TABLE a;\nDROP TABLE b;";
    assert_eq!(found(Engine::Mysql, delimited), [(6, LintRule::Drop, "DROP TABLE b".to_owned())]);
    assert_eq!(found(Engine::Mysql, "\u{feff}DROP TABLE a;").len(), 1, "behind a byte order mark");
}

#[test]
fn a_table_that_the_same_migrations_make_is_nobodys() {
    let mut lint = MigrationLint::new(Engine::Mysql);
    assert_eq!(lint.check("1", "CREATE TABLE `Notes` (id INT); CREATE INDEX a ON notes (id);"), []);
    assert_eq!(lint.check("2", "ALTER TABLE notes DROP COLUMN id, ADD b INT NOT NULL; UPDATE notes SET b = 1"), []);
    assert_eq!(lint.check("3", "DROP TABLE notes"), []);
    assert_eq!(lint.check("4", "DROP TABLE others").len(), 1);
}

#[test]
fn a_table_that_is_made_only_if_it_is_not_there_may_have_been_there() {
    let mut lint = MigrationLint::new(Engine::Mysql);
    assert_eq!(lint.check("1", "CREATE TABLE IF NOT EXISTS notes (id INT)"), []);
    assert_eq!(lint.check("2", "DROP TABLE notes").len(), 1);
    assert_both(&[], &["CREATE TEMPORARY TABLE IF NOT EXISTS ids (id INT); DROP TABLE ids"]);
}

#[test]
fn a_table_that_is_replaced_is_dropped() {
    let sql = "CREATE OR REPLACE TABLE notes (id INT);\nUPDATE notes SET id = 1";
    let expected =
        [(1, LintRule::Drop, "CREATE OR REPLACE TABLE notes (id INT)"), (2, LintRule::Rows, "UPDATE notes SET id = 1")];
    assert_eq!(found(Engine::Mysql, sql), expected.map(|(line, rule, text)| (line, rule, text.to_owned())));
    for nobodys in [
        "CREATE TABLE notes (a INT); CREATE OR REPLACE TABLE notes (b INT)",
        "CREATE OR REPLACE TEMPORARY TABLE ids (id INT)",
    ] {
        assert_eq!(rules(nobodys)[0], [], "{nobodys}");
    }
}

#[test]
fn a_table_that_sqlite_makes_anew_is_one_finding() {
    let sql = "CREATE TABLE new (id INTEGER);\nINSERT INTO new SELECT id FROM notes;\nDROP TABLE notes;\n\
               ALTER TABLE new RENAME TO notes;";
    assert_eq!(found(Engine::Sqlite, sql), [(3, LintRule::Lock, "DROP TABLE notes".to_owned())]);
}

#[test]
fn a_comment_allows_the_statement_that_follows_it() {
    let sql = "-- Nobody reads it since 1.4.\n-- foobar: allow drop\nDROP TABLE a;\nDROP TABLE b;\n\
               ALTER TABLE c -- foobar: allow rename, drop\nDROP d;\nDROP TABLE e -- foobar: allow lock\n;";
    let expected = [(4, LintRule::Drop, "DROP TABLE b".to_owned()), (7, LintRule::Drop, "DROP TABLE e".to_owned())];
    assert_eq!(found(Engine::Sqlite, sql), expected);
}

#[test]
fn what_only_looks_like_a_statement_is_none() {
    assert_both(
        &[],
        &[
            "",
            ";;",
            "-- DROP TABLE a\n/* DROP TABLE b;\n */ SELECT 'DROP TABLE c; DROP TABLE d'",
            "SELECT \"; DROP TABLE a;\", `; DROP TABLE b`",
            "SELECT 'never closed; DROP TABLE a",
            "/* never closed; DROP TABLE a",
        ],
    );
    assert_eq!(found(Engine::Mysql, "# DROP TABLE a\nSELECT 'it\\'s; DROP TABLE b'"), []);
    assert_eq!(found(Engine::Mysql, "/*!40000 DROP TABLE a */").len(), 1, "MySQL runs it");
    assert_eq!(found(Engine::Sqlite, "SELECT 'C:\\'; DROP TABLE a").len(), 1, "SQLite knows no escapes");
}

#[test]
fn a_finding_says_where_what_and_what_to_do() {
    let [finding] = &MigrationLint::new(Engine::Sqlite).check("migrations/1_x/up.sql", "\nDROP TABLE a")[..] else {
        panic!("it is one")
    };
    assert_eq!(
        finding.to_string(),
        "migrations/1_x/up.sql:2: drop: `DROP TABLE a`: the program that runs may still use the table; drop it in a later \
         release, once no program uses it (contract), or write `-- foobar: allow drop` before the statement where it is meant"
    );
    let long = format!("DROP TABLE {}", "ä".repeat(100));
    assert_eq!(found(Engine::Sqlite, &long)[0].2.chars().count(), 80);
}

#[test]
fn no_text_makes_it_panic() {
    let pieces = [
        "ALTER TABLE",
        "a.",
        "`",
        "'",
        "(",
        ")",
        ",",
        ";",
        "ADD",
        "DROP",
        "\\",
        "--",
        "/*",
        "/*!",
        "é",
        "[",
        "\n",
        "RENAME",
        "TO",
        "=",
        ".",
    ];
    for first in pieces {
        for second in pieces {
            for third in pieces {
                let sql = format!("ALTER TABLE {first} {second}{third}");
                found(Engine::Mysql, &sql);
                found(Engine::Sqlite, &sql);
            }
        }
    }
}
