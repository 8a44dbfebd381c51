use super::*;

fn parsed(file: &str, engine: Engine) -> Vec<(String, usize)> {
    let script = Script::parse(file, engine).unwrap();
    script.0.into_iter().map(|statement| (statement.sql, statement.line)).collect()
}

fn texts(file: &str, engine: Engine) -> Vec<String> {
    parsed(file, engine).into_iter().map(|(sql, _)| sql).collect()
}

const BOTH: [Engine; 2] = [Engine::Sqlite, Engine::Mysql];

#[test]
fn statements_end_at_a_semicolon_and_know_their_lines() {
    for engine in BOTH {
        let file = "-- One; two.\r\nCREATE TABLE a (b INT);\n\n/* ; */ INSERT INTO a\n VALUES (1) ; \n;; DROP TABLE a";
        let expected = [("CREATE TABLE a (b INT)", 2), ("INSERT INTO a\n VALUES (1)", 4), ("DROP TABLE a", 6)];
        assert_eq!(parsed(file, engine), expected.map(|(sql, line)| (sql.to_owned(), line)));
    }
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_statement_and_a_file_without_one_has_none() {
    for engine in BOTH {
        assert_eq!(texts("\u{feff}SELECT 1;", engine), ["SELECT 1"]);
        for empty in ["", "\u{feff}", " \r\n;\n", "-- nothing yet", "/* nothing */"] {
            assert_eq!(texts(empty, engine), [""; 0], "{empty:?}");
        }
    }
}

#[test]
fn a_semicolon_in_a_text_a_name_or_a_comment_ends_nothing() {
    for engine in BOTH {
        for sql in ["SELECT 'it''s; a'", "SELECT \"a;b\"", "SELECT `a;b`", "SELECT 1 /* ; */", "SELECT 1 -- ;\n + 1"] {
            assert_eq!(texts(&format!("{sql}; SELECT 2"), engine), [sql, "SELECT 2"]);
        }
    }
    assert_eq!(texts("SELECT [a;b]; SELECT 2", Engine::Sqlite), ["SELECT [a;b]", "SELECT 2"]);
    for sql in [r"SELECT 'it\'s; a'", r#"SELECT "a\";b""#, "SELECT 1 # ;\n", "SELECT 5--1"] {
        assert_eq!(texts(&format!("{sql}; SELECT 2"), Engine::Mysql), [sql.trim_end(), "SELECT 2"]);
    }
    assert_eq!(texts(r"SELECT '\'; SELECT 2", Engine::Sqlite), [r"SELECT '\'", "SELECT 2"]);
}

#[test]
fn a_trigger_of_sqlite_ends_with_its_end() {
    let trigger = "CREATE TEMP TRIGGER t AFTER INSERT ON a BEGIN\n UPDATE a SET b = CASE WHEN 1 THEN 2 END; \
                   DELETE FROM c; END";
    assert_eq!(texts(&format!("{trigger}; SELECT 1;"), Engine::Sqlite), [trigger, "SELECT 1"]);
}

#[test]
fn the_body_of_a_routine_ends_with_its_last_end() {
    for body in [
        "CREATE PROCEDURE p() BEGIN SELECT 1; SELECT 2; END",
        "CREATE DEFINER=`root`@`localhost` PROCEDURE p(IN begin_at INT) BEGIN DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN \
         SELECT 1; END; SELECT 2; END",
        "CREATE OR REPLACE FUNCTION f(a INT) RETURNS INT DETERMINISTIC RETURN IF(a, 1, 2)",
        "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW IF NEW.b > 1 THEN SET NEW.b = IF(NEW.c, 1, 2); END IF",
        "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW SET NEW.b = 1",
        "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW BEGIN\n  IF NEW.b THEN SET NEW.b = CASE WHEN 1 THEN CASE 2 \
         WHEN 2 THEN 3 END END; ELSE CASE NEW.c WHEN 1 THEN SET NEW.b = 4; ELSE BEGIN END; END CASE; END IF; END",
        "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO BEGIN DELETE FROM a; DELETE FROM b; END",
        "CREATE PROCEDURE p() BEGIN one: LOOP WHILE 1 DO REPEAT SET @a := IF(1, REPEAT('x', 2), 3); UNTIL 1 END REPEAT; \
         END WHILE; LEAVE one; END LOOP one; END",
        "CREATE TRIGGER t BEFORE INSERT ON slots FOR EACH ROW BEGIN IF NEW.end < NEW.start THEN SIGNAL SQLSTATE '45000'; \
         END IF; END",
        "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW BEGIN UPDATE slots SET end = 1 WHERE begun < end; SELECT 1; END",
        "CREATE PROCEDURE p() BEGIN REPEAT SET @a = (SELECT s.end FROM s); UNTIL @a > CASE 1 WHEN 1 THEN 2 END END REPEAT; \
         SELECT 1; END",
        "CREATE PROCEDURE p(a INT) IF a THEN SELECT 1; END IF",
        "CREATE PROCEDURE IF NOT EXISTS p(a INT) COMMENT 'x' SQL SECURITY INVOKER WHILE a DO SELECT 1; END WHILE",
        "CREATE FUNCTION f() RETURNS CHAR CHARACTER SET utf8mb4 IF 1 THEN RETURN 'a'; ELSE RETURN 'b'; END IF",
        "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW FOLLOWS x IF NEW.b THEN SET NEW.b = 1; END IF",
        "CREATE PROCEDURE p() BEGIN DECLARE CONTINUE HANDLER FOR NOT FOUND IF 1 THEN SET @a = 1; END IF; SELECT 2; END",
        "BEGIN NOT ATOMIC SELECT 1; IF 1 THEN SELECT 2; END IF; END",
    ] {
        assert_eq!(texts(&format!("{body}; SELECT 9;"), Engine::Mysql), [body, "SELECT 9"]);
    }
}

#[test]
fn a_column_called_trigger_makes_no_routine_of_a_table() {
    let all = ["CREATE TABLE a (`trigger` INT, begin INT)", "BEGIN", "INSERT INTO a VALUES (1, 2)", "COMMIT"];
    assert_eq!(texts(&all.join(";\n"), Engine::Mysql), all);
}

#[test]
fn a_delimiter_of_its_own_ends_a_statement_until_the_next_one() {
    let file =
        "DELIMITER $$\nCREATE PROCEDURE p() BEGIN SELECT 1; END$$\ndelimiter ;\nSELECT 2; DELIMITER //\nSELECT 3//";
    let expected = [("CREATE PROCEDURE p() BEGIN SELECT 1; END", 2), ("SELECT 2", 4), ("SELECT 3", 5)];
    assert_eq!(parsed(file, Engine::Mysql), expected.map(|(sql, line)| (sql.to_owned(), line)));
}

#[test]
fn what_only_a_client_understands_is_an_error_with_its_line() {
    for (file, engine, expected) in [
        ("SELECT 1;\nDELIMITER\nSELECT 2", Engine::Mysql, "`DELIMITER` without what is to end a statement, on line 2"),
        ("DELIMITER //", Engine::Sqlite, "`DELIMITER` on line 1, a command of MySQL's client"),
        ("\nsource more.sql;", Engine::Mysql, "`source` on line 2, a command of the client"),
        ("\\. more.sql", Engine::Mysql, "`\\` on line 1, a command of the client"),
        ("SELECT 1; USE other;", Engine::Mysql, "`USE` on line 1, which would go on in another database"),
    ] {
        let error = Script::parse(file, engine).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn the_checksum_is_of_the_words_and_neither_of_comments_nor_of_blanks_nor_of_where_statements_end() {
    let sum = |file: &str| Script::parse(file, Engine::Mysql).unwrap().checksum(usize::MAX);
    let unix = sum("CREATE TABLE a (\n b INT);\nSELECT 1;");
    assert_eq!(sum("\u{feff}-- why\r\nCREATE TABLE a (\r\n b INT);\r\n\r\nSELECT 1"), unix);
    assert_ne!(sum("CREATE TABLE a (\n b BIGINT);\nSELECT 1;"), unix);
    assert_ne!(sum("CREATE TABLE a (\n b INT); SELECT 1; SELECT 1"), unix);
    assert_eq!(
        sum("CREATE TABLE a ( -- why\n\tb   INT); # and\nSELECT /* one */ 1 -- the end"),
        sum("CREATE TABLE a ( b INT); SELECT 1")
    );
    assert_ne!(sum("SELECT 'a  b'"), sum("SELECT 'a b'"));
    assert_eq!(sum("DELIMITER //\nSELECT 1; SELECT 2//"), sum("SELECT 1; SELECT 2"));
    let script = Script::parse("SELECT 1; SELECT 2", Engine::Mysql).unwrap();
    assert_eq!(script.checksum(1), sum("SELECT 1;"));
}

#[test]
fn the_sandbox_mode_of_a_dump_is_no_part_of_its_first_statement() {
    let dump = "/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump\n/*!40101 SET @OLD=1 */;";
    let script = Script::parse(dump, Engine::Mysql).unwrap();
    assert_eq!(
        script.statements().iter().map(|one| (&*one.sql, one.line)).collect::<Vec<_>>(),
        [("/*!40101 SET @OLD=1 */", 3)]
    );
    assert!(script.statements()[0].is_setting());
}

#[test]
fn what_lives_in_the_session_alone_is_known() {
    for (sql, expected) in [
        ("SELECT MAX(id) INTO @m FROM a", true),
        ("SELECT @m := 1", true),
        ("prepare s FROM 'SELECT 1'", true),
        ("CREATE TEMPORARY TABLE b (id INT)", true),
        ("CREATE OR REPLACE TEMPORARY TABLE b (id INT)", true),
        ("CREATE TABLE temporary (id INT)", false),
        ("CREATE PROCEDURE p() SELECT 1 INTO @m", false),
        ("INSERT INTO a VALUES ('INTO @m')", false),
        ("SET @m = 1", false), // which is set again
    ] {
        assert_eq!(Script::parse(sql, Engine::Mysql).unwrap().statements()[0].lives_in_session(), expected, "{sql}");
    }
}

#[test]
fn the_statements_of_a_dump_are_told_apart() {
    let dump = "/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;\nLOCK TABLES `a` WRITE;\n\
                /*!40000 ALTER TABLE `a` DISABLE KEYS */;\nINSERT INTO `a` VALUES (1,'x;y');\nUNLOCK TABLES;\n";
    let script = Script::parse(dump, Engine::Mysql).unwrap();
    let all = script.statements();
    assert_eq!(all.iter().map(Statement::is_setting).collect::<Vec<_>>(), [true, false, false, false, false]);
    assert_eq!(all.iter().map(Statement::changes_schema).collect::<Vec<_>>(), [false, false, true, false, false]);
    let locks: Vec<_> = all.iter().map(Statement::locks_tables).collect();
    assert_eq!(locks, [false, true, false, false, false]);
}
