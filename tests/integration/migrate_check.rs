//! `foobar migrate check`: what of migrations the program that runs meanwhile may not bear.

use std::fs;
use std::path::Path;

use foobar::{Engine, LintRule, Migrations, embed_migrations};

use crate::support::Program;
use crate::support::guide::{blocks, typed};

/// The exit code, and what was printed on standard output and error.
fn check(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Program::example("proving", folder).args(["migrate", "check"]).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_first_migrations_of_a_program_break_nobody_and_nothing_is_changed() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(check(folder.path(), &[]), (0, "nothing found in pending migrations: 1\n".to_owned(), String::new()));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "no database is made");
}

#[test]
fn a_finding_names_the_file_the_line_and_what_to_do_and_the_exit_code_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let migration = folder.path().join("migrations/2026-01-02-000000_drop");
    fs::create_dir_all(&migration).unwrap();
    fs::write(migration.join("up.sql"), "-- Nobody reads them.\nDROP TABLE notes;\n").unwrap();
    let expected = "migrations/2026-01-02-000000_drop/up.sql:2: drop: `DROP TABLE notes`: the program that runs may still \
                    use the table; drop it in a later release, once no program uses it (contract), or write \
                    `-- foobar: allow drop` before the statement where it is meant\n";
    for given in ["migrations", "migrations/2026-01-02-000000_drop", "migrations/2026-01-02-000000_drop/up.sql"] {
        let told = check(folder.path(), &[given]);
        assert_eq!(told, (1, expected.to_owned(), "error: 1 found in files: 1\n".to_owned()));
    }
    let test = "a_finding_names_the_file_the_line_and_what_to_do_and_the_exit_code_says_so";
    let [commands, shown] = blocks("maintenance.md", test).try_into().unwrap();
    assert_eq!(typed("foobar", &Program::example("proving", folder.path()), &commands), (1, shown));
    fs::write(migration.join("up.sql"), "-- foobar: allow drop\nDROP TABLE notes;\n").unwrap();
    assert_eq!(check(folder.path(), &["migrations"]).0, 0);
}

#[test]
fn a_table_that_another_file_makes_is_used_by_the_program_that_runs() {
    let folder = tempfile::tempdir().unwrap();
    for (name, sql) in [("1_notes", "CREATE TABLE notes (id INT, body TEXT);"), ("2_drop", "DROP TABLE notes;")] {
        fs::create_dir_all(folder.path().join("migrations").join(name)).unwrap();
        fs::write(folder.path().join("migrations").join(name).join("up.sql"), sql).unwrap();
    }
    let (code, told, error) = check(folder.path(), &["migrations"]);
    assert!(code == 1 && told.starts_with("migrations/2_drop/up.sql:1: drop: "), "{told}");
    assert_eq!(error, "error: 1 found in files: 2\n");
}

#[test]
fn each_engine_has_its_own_rules() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.sql"), "CREATE INDEX a ON b (c) ALGORITHM=INPLACE LOCK=NONE;").unwrap();
    assert_eq!(check(folder.path(), &["--engine", "mysql", "a.sql"]).0, 0);
    let (code, told, _) = check(folder.path(), &["--engine", "sqlite", "a.sql"]);
    assert!(code == 1 && told.contains("nobody can write to the database while it is made"), "{told}");
    assert_eq!(check(folder.path(), &["--engine", "oracle", "a.sql"]).0, 2);
}

#[test]
fn files_are_read_where_nothing_is_served_and_nothing_configured() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.sql"), "DROP TABLE a").unwrap();
    for arguments in [&["--engine", "sqlite"][..], &["--database", "mysql://user@localhost/nowhere"]] {
        let output = Program::foobar(folder.path()).args(["migrate", "check"]).args(arguments).arg("a.sql").output();
        let output = output.unwrap();
        let (told, error) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert!(told.starts_with("a.sql:1: drop: "), "{arguments:?}: {told}{error}");
        assert_eq!(error, "error: 1 found in files: 1\n");
    }
}

#[test]
fn what_cannot_be_read_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("empty")).unwrap();
    assert!(check(folder.path(), &["nowhere"]).2.starts_with("error: nowhere: No such file"));
    assert_eq!(check(folder.path(), &["empty"]).2, "error: empty: there is no up.sql in it, nor in a folder of it\n");
    fs::write(folder.path().join("a.sql"), "DROP TABLE a").unwrap();
    let output = Program::foobar(folder.path()).args(["migrate", "check", "a.sql"]).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("add `--engine sqlite` or `--engine mysql`"), "{error}");
}

#[test]
fn a_program_knows_the_file_of_each_of_its_migrations() {
    let migrations = Migrations::new(embed_migrations!("tests/programs/steps/contract"));
    let all = ["2026-01-03-000000_drop_old".to_owned()];
    let [finding] = &migrations.lint(Engine::Mysql, &all).unwrap()[..] else { panic!("it is one") };
    assert_eq!((finding.rule, finding.line), (LintRule::Drop, 1));
    assert_eq!(finding.file, "tests/programs/steps/contract/2026-01-03-000000_drop_old/up.sql");
    assert_eq!(migrations.lint(Engine::Mysql, &[]).unwrap(), []);
}
