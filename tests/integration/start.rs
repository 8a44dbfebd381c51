//! What a start recovers from, and how the program ends where a start cannot succeed.

mod cut_off; // how a start ends that is stopped
mod own_tier; // what a tier of one's own does to the others

use std::path::Path;
use std::process::Command;

use foobar::MysqlConnection;
use foobar::diesel::connection::{Connection, SimpleConnection};
use foobar::diesel::dsl::sql;
use foobar::diesel::sql_types::BigInt;
use foobar::diesel::{self, RunQueryDsl, SqliteConnection};
use foobar::test::MysqlServer;
use tempfile::TempDir;

use crate::support::{Gateway, Program};

use cut_off::Begun;

/// The program whose start is disturbed, on the database at `url`.
fn starting(folder: &TempDir, url: &str, environment: &[(&str, &str)]) -> Command {
    let mut command = Program::example("starting", folder.path());
    command.env("FOOBAR__DATABASE__URL", url).envs(environment.iter().copied());
    command
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// A server with an empty database, and the gateway by which the program reaches it.
struct Mysql {
    _server: MysqlServer,
    gateway: Gateway,
    root: MysqlConnection,
    name: String,
}

impl Mysql {
    fn start() -> Self {
        let server = MysqlServer::start().unwrap();
        let url = server.create_database().unwrap();
        let mut root = MysqlConnection::establish(&url).unwrap();
        let name = url.split(['/', '?']).nth(3).unwrap().to_owned();
        root.batch_execute(&format!("CREATE USER site@localhost; GRANT ALL ON {name}.* TO site@localhost")).unwrap();
        Self { gateway: Gateway::to(&url), _server: server, root, name }
    }

    fn url(&self) -> String {
        self.gateway.url("site", &self.name)
    }

    /// As root, whom a read-only server obeys.
    fn execute(&mut self, sql: &str) {
        self.root.batch_execute(sql).unwrap();
    }

    /// Makes the database what it was at first.
    fn empty(&mut self) {
        let name = &self.name;
        self.root.batch_execute(&format!("DROP DATABASE {name}; CREATE DATABASE {name}; USE {name}")).unwrap();
    }

    fn make_transactions_read_only(&mut self, value: u8) {
        let mut set = |name| self.root.batch_execute(&format!("SET GLOBAL {name} = {value}"));
        set("transaction_read_only").or_else(|_| set("tx_read_only")).unwrap(); // MySQL's name, and MariaDB's
    }

    /// Waits until the program has nothing left on the server: no connection, and no statement.
    fn until_left_alone(&mut self) {
        let left = "(SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'site')";
        let mut left = || diesel::select(sql::<BigInt>(left)).get_result::<i64>(&mut self.root).unwrap();
        crate::support::until("nothing is left", || (left() == 0).then_some(()));
    }

    fn has_table(&mut self, table: &str) -> bool {
        self.root.batch_execute(&format!("SELECT 1 FROM {table}")).is_ok()
    }

    /// Whether a migration has come to the statement of this number.
    fn is_at_statement(&mut self, number: u32) -> bool {
        let rows = format!("(SELECT COUNT(*) FROM __foobar_migrations WHERE statement = {number})");
        diesel::select(sql::<BigInt>(&rows)).get_result::<i64>(&mut self.root).is_ok_and(|rows| rows > 0)
    }
}

/// The error that a program ends with when its first start fails.
fn error_of(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{log}");
    error_in(&log)
}

fn error_in(log: &str) -> String {
    let errors: Vec<&str> = log.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 1, "{log}");
    errors[0].to_owned()
}

/// The error that it ends with when the database was down at first.
fn error_after_a_wait(mysql: &Mysql, environment: &[(&str, &str)]) -> String {
    let folder = folder();
    let program = Program::start(&mut starting(&folder, &mysql.url(), environment));
    assert_eq!(program.until_ready(503).status, 503);
    mysql.gateway.open();
    let (status, log) = program.wait();
    assert_eq!(status.code(), Some(1), "{log}");
    error_in(&log)
}

fn until_readyz_says(program: &Program, words: &str) {
    crate::support::until(words, || program.admin("/readyz").text().contains(words).then_some(()));
}

/// Stops it; its log.
fn log_of(program: Program) -> String {
    program.signal("TERM");
    let (status, log) = program.wait();
    assert_eq!(status.code(), Some(0), "{log}");
    log
}

/// Besides the one for whoever runs the tests as root.
fn warnings(log: &str) -> usize {
    log.lines().filter(|line| line.contains(" WARN ") && !line.contains("runs as root")).count()
}

#[test]
fn a_database_that_comes_up_read_only_is_waited_for_until_it_can_be_written() {
    let (mut mysql, folder) = (Mysql::start(), folder());
    mysql.execute("SET GLOBAL read_only = 1");
    let program = Program::start(&mut starting(&folder, &mysql.url(), &[]));
    until_readyz_says(&program, "app: not ready: waiting for the database: ");
    mysql.gateway.open();
    until_readyz_says(&program, "--read-only");
    assert_eq!((program.admin("/livez").status, program.get("/").status), (200, 503));
    mysql.execute("SET GLOBAL read_only = 0");
    program.until_ready(200);
    assert_eq!(program.get("/").text(), "started");
    let log = log_of(program);
    assert_eq!(log.matches("--read-only").count(), 1, "{log}");
}

#[test]
fn a_first_start_on_a_read_only_server_waits_too() {
    let (mut mysql, folder) = (Mysql::start(), folder());
    mysql.execute("SET GLOBAL read_only = 1");
    mysql.gateway.open();
    let program = Program::start(&mut starting(&folder, &mysql.url(), &[]));
    until_readyz_says(&program, "--read-only");
    mysql.execute("SET GLOBAL read_only = 0");
    program.until_ready(200);
    let log = log_of(program);
    assert_eq!(log.matches("--read-only").count(), 1, "{log}");
}

#[test]
fn a_server_whose_transactions_are_read_only_is_waited_for() {
    let (mut mysql, folder) = (Mysql::start(), folder());
    mysql.make_transactions_read_only(1);
    mysql.gateway.open();
    let program = Program::start(&mut starting(&folder, &mysql.url(), &[]));
    until_readyz_says(&program, "READ ONLY transaction");
    mysql.make_transactions_read_only(0);
    program.until_ready(200);
}

#[test]
fn a_connection_that_is_lost_during_the_wait_for_the_migration_lock_is_made_again() {
    let (mut mysql, folder) = (Mysql::start(), folder());
    let environment = [("STARTING_MIGRATIONS", "gate")];
    mysql.execute("DO GET_LOCK(CONCAT('gate-', DATABASE()), 0)");
    let mut program = Program::start(&mut starting(&folder, &mysql.url(), &environment));
    let other_way = mysql.gateway.beside();
    other_way.open();
    let url = other_way.url("site", &mysql.name);
    let mut other = starting(&folder, &url, &environment).args(["migrate", "run"]).spawn().unwrap();
    crate::support::until("the other process migrates", || mysql.has_table("begun").then_some(()));
    mysql.gateway.open();
    program.until_logged("waiting for another process that runs migrations");
    mysql.gateway.cut();
    program.until_logged("waiting for another process that runs migrations");
    mysql.execute("DO RELEASE_LOCK(CONCAT('gate-', DATABASE()))");
    program.until_ready(200);
    assert!(other.wait().unwrap().success());
}

/// On MySQL what a migration has done until then stays, and nobody knows of its last statement.
#[test]
fn a_connection_that_is_lost_during_a_migration_ends_the_start_until_somebody_has_looked() {
    let (mut mysql, folder) = (Mysql::start(), folder());
    mysql.execute("DO GET_LOCK(CONCAT('gate-', DATABASE()), 0)");
    mysql.gateway.open();
    let mut begun = Begun::new(&mut starting(&folder, &mysql.url(), &[("STARTING_MIGRATIONS", "gate")]));
    begun.until_logged("running a migration");
    crate::support::until("it waits for the gate", || mysql.is_at_statement(2).then_some(()));
    mysql.gateway.cut();
    let (code, log) = begun.end();
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("cannot start yet, and tries again"), "{log}");
    assert!(error_in(&log).contains("stopped at its statement 2, which may have taken effect or not"), "{log}");
    mysql.execute("DO RELEASE_LOCK(CONCAT('gate-', DATABASE()))");
    let resume = ["migrate", "resume"];
    let mut resumed = starting(&folder, &mysql.url(), &[("STARTING_MIGRATIONS", "gate")]).args(resume).spawn().unwrap();
    assert!(resumed.wait().unwrap().success());
    assert!(mysql.has_table("ended"));
}

#[test]
fn what_cannot_pass_ends_the_program_with_the_same_words_whenever_it_comes() {
    for environment in [
        [("STARTING_MIGRATIONS", "broken"), ("STARTING_APP", "")],
        [("STARTING_MIGRATIONS", ""), ("STARTING_APP", "error")],
        [("STARTING_MIGRATIONS", ""), ("STARTING_APP", "panic")],
        [("STARTING_MIGRATIONS", "none"), ("STARTING_APP", "panic at once")],
    ] {
        let (mut mysql, folder) = (Mysql::start(), folder());
        let after_a_wait = error_after_a_wait(&mysql, &environment);
        mysql.empty();
        let expected = match environment {
            [(_, "broken"), _] => " could not be migrated: migration `2026-01-01-000000_misspelt` failed: ",
            [_, (_, "error")] => "the application's own start failed: the shop has no products",
            _ => "the application's own start panicked at tests/programs/starting.rs:",
        };
        assert!(
            after_a_wait.starts_with("error: the app tier could not start: the ") && after_a_wait.contains(expected),
            "{after_a_wait}"
        );
        assert_eq!(error_of(&mut starting(&folder, &mysql.url(), &environment)), after_a_wait);
    }
}

#[test]
fn a_server_that_refuses_us_once_it_is_there_ends_the_program_as_at_a_first_start() {
    let (mysql, folder) = (Mysql::start(), folder());
    let url = mysql.gateway.url("nobody", &mysql.name);
    let program = Program::start(&mut starting(&folder, &url, &[]));
    mysql.gateway.open();
    let (status, log) = program.wait();
    assert_eq!(status.code(), Some(1), "{log}");
    let error = error_in(&log);
    assert!(error.starts_with("error: the database tier could not start: cannot open mysql://nobody@"), "{error}");
    assert_eq!(error_of(&mut starting(&folder, &url, &[])), error);
}

#[test]
fn a_panic_in_migrations_ends_the_program_with_its_reason() {
    let folder = folder();
    let error = error_of(&mut starting(&folder, "sqlite:new.db", &[("STARTING_MIGRATIONS", "panic")]));
    assert!(error.starts_with("error: the app tier could not start: "), "{error}");
    assert!(error.ends_with("migrations with a bug"), "{error}");
}

#[test]
fn a_start_may_take_longer_than_a_query() {
    let folder = folder();
    let environment = [("STARTING_APP", "pause"), ("FOOBAR__DATABASE__QUERY_TIMEOUT", "300ms")];
    let program = Program::start(&mut starting(&folder, "sqlite:new.db", &environment));
    assert_eq!(program.get("/").text(), "started");
    assert_eq!(warnings(&log_of(program)), 0);
}

#[test]
fn a_start_that_does_not_end_ends_the_program_and_names_its_setting() {
    let expected = "error: the app tier could not start: the application's own start did not end within 300ms \
                    (`app.start_timeout`)";
    for start in ["never", "blocks"] {
        let (mysql, folder) = (Mysql::start(), folder());
        let environment = [("STARTING_APP", start), ("FOOBAR__APP__START_TIMEOUT", "300ms")];
        assert_eq!(error_after_a_wait(&mysql, &environment), expected, "{start}");
        assert_eq!(error_of(&mut starting(&folder, "sqlite:new.db", &environment)), expected, "{start}");
    }
}

/// A query that takes longer than it may, as often as it is tried.
const ENDLESS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n";

#[test]
fn a_start_whose_query_is_too_long_says_so_and_is_not_tried_for_ever() {
    let folder = folder();
    let environment = [
        ("STARTING_APP", "query"),
        ("STARTING_QUERY", ENDLESS),
        ("FOOBAR__DATABASE__QUERY_TIMEOUT", "300ms"),
        ("FOOBAR__APP__START_TIMEOUT", "5s"),
    ];
    let program = Program::start(&mut starting(&folder, "sqlite:new.db", &environment));
    let (status, log) = program.wait();
    assert_eq!(status.code(), Some(1), "{log}");
    assert_eq!(warnings(&log), 1, "{log}");
    let error = error_in(&log);
    for part in ["did not end within 5s (`app.start_timeout`)", "`database.query_timeout`", "divide"] {
        assert!(error.contains(part), "{error}");
    }
}

/// A connection that has the database of `folder` for itself, with what else it does.
fn occupied(folder: &Path, sql: &str) -> SqliteConnection {
    let mut other = SqliteConnection::establish(folder.join("new.db").to_str().unwrap()).unwrap();
    other.batch_execute(sql).unwrap();
    other
}

#[test]
fn a_database_file_that_another_process_has_locked_is_waited_for() {
    for sql in [
        "CREATE TABLE old (id INTEGER); BEGIN EXCLUSIVE",
        "PRAGMA journal_mode = WAL; CREATE TABLE old (id INTEGER); BEGIN IMMEDIATE",
    ] {
        let folder = folder();
        let mut other = occupied(folder.path(), sql);
        let program =
            Program::start(&mut starting(&folder, "sqlite:new.db", &[("FOOBAR__DATABASE__LOCK_TIMEOUT", "50ms")]));
        until_readyz_says(&program, "app: not ready: waiting for the database: ");
        until_readyz_says(&program, "database is locked");
        other.batch_execute("COMMIT").unwrap();
        program.until_ready(200);
        assert_eq!(program.get("/").text(), "started");
        let log = log_of(program);
        assert!(log.contains("database is locked"), "{log}");
    }
}

#[test]
fn a_folder_that_is_missing_or_no_folder_still_ends_the_program() {
    let folder = folder();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let error = error_of(&mut starting(&folder, "sqlite:file/new.db", &[]));
    assert!(error.ends_with("file is not a folder"), "{error}");
}

#[test]
fn a_stop_during_the_wait_for_the_database_loses_nothing() {
    let folder = folder();
    let nowhere = folder.path().join("no.socket");
    let url = format!("mysql://site@localhost/shop?socket={}", nowhere.display());
    let program = Program::start(&mut starting(&folder, &url, &[]));
    log_of(program);
}

#[test]
fn a_service_has_database_migrations_and_commands_as_an_application_has() {
    let mysql = Mysql::start();
    mysql.gateway.open();
    for url in [mysql.url(), "sqlite:new.db".to_owned()] {
        let folder = folder();
        let command = || starting(&folder, &url, &[("STARTING_AS", "service")]);
        let status = || String::from_utf8(command().args(["migrate", "status"]).output().unwrap().stdout).unwrap();
        assert_eq!(status(), "pending  2026-01-01-000000_create_ledger\n");
        let program = Program::start(&mut command());
        assert_eq!(program.get("/").text(), "0 entries");
        assert_eq!(status(), "done     2026-01-01-000000_create_ledger\n");
    }
}

#[test]
fn a_service_waits_for_its_database_as_an_application_does() {
    let (mysql, folder) = (Mysql::start(), folder());
    let program = Program::start(&mut starting(&folder, &mysql.url(), &[("STARTING_AS", "service")]));
    assert_eq!((program.until_ready(503).status, program.get("/").status), (503, 503));
    mysql.gateway.open();
    program.until_ready(200);
    assert_eq!(program.get("/").text(), "0 entries");
}
