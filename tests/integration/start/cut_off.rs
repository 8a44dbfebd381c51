//! A start that is stopped: what it was at is finished within the deadline, or is told to be cut off.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, Stdio};

use super::*;

/// A program that has not started yet.
pub(super) struct Begun {
    child: Child,
    stderr: BufReader<ChildStderr>,
    log: String,
}

impl Begun {
    pub(super) fn new(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self { child, stderr, log: String::new() }
    }

    /// Waits until its log has a line with these words.
    pub(super) fn until_logged(&mut self, words: &str) {
        let mut line = String::new();
        while !line.contains(words) {
            line.clear();
            assert!(
                self.stderr.read_line(&mut line).unwrap() > 0,
                "it ended with {:?}: {}",
                self.child.wait(),
                self.log
            );
            self.log.push_str(&line);
        }
    }

    /// Sends a signal to stop, and waits until it is heard.
    fn stop(&mut self) {
        self.signal();
        self.until_logged("a second signal stops at once");
    }

    fn signal(&self) {
        assert!(Command::new("kill").arg(self.child.id().to_string()).status().unwrap().success());
    }

    /// Its exit code and its log.
    pub(super) fn end(mut self) -> (Option<i32>, String) {
        self.stderr.read_to_string(&mut self.log).unwrap();
        (self.child.wait().unwrap().code(), self.log)
    }
}

const MIGRATING: &str = "running a migration";
const CUT_OFF: &str = "cut off: the migrations of the database";

/// Runs a test on MariaDB, in a migration that waits at a gate, and on SQLite, in one that does not end: of a server that
/// starts, and of the command that does nothing else.
fn in_a_migration(environment: &[(&str, &str)], test: impl Fn(Begun)) {
    let (mut mysql, folder) = (Mysql::start(), folder());
    mysql.gateway.open();
    mysql.execute("DO GET_LOCK(CONCAT('gate-', DATABASE()), 0)");
    for command in ["serve", "migrate"] {
        for (url, migrations) in [(mysql.url(), "gate"), ("sqlite:new.db".to_owned(), "endless")] {
            let mut program = starting(&folder, &url, environment);
            let mut begun = Begun::new(program.arg(command).env("STARTING_MIGRATIONS", migrations));
            begun.until_logged(MIGRATING);
            test(begun);
            mysql.until_left_alone();
            mysql.empty();
        }
    }
}

#[test]
fn a_second_signal_during_a_migration_cuts_it_off_with_3() {
    in_a_migration(&[], |mut begun| {
        begun.stop();
        begun.signal();
        let (code, log) = begun.end();
        assert_eq!(code, Some(3), "{log}");
        assert!(log.contains(CUT_OFF), "{log}");
    });
}

#[test]
fn a_migration_that_outlasts_the_shutdown_timeout_is_cut_off_with_3() {
    in_a_migration(&[("FOOBAR__SERVER__SHUTDOWN_TIMEOUT", "300ms")], |mut begun| {
        begun.stop();
        let (code, log) = begun.end();
        assert_eq!(code, Some(3), "{log}");
        assert!(log.contains(CUT_OFF) && log.contains("server.shutdown_timeout"), "{log}");
    });
}

#[test]
fn a_migration_that_fails_after_the_signal_ends_the_program_with_1() {
    let folder = folder();
    let environment = [("STARTING_MIGRATIONS", "endless"), ("FOOBAR__DATABASE__MIGRATION_TIMEOUT", "5s")];
    let mut begun = Begun::new(&mut starting(&folder, "sqlite:new.db", &environment));
    begun.until_logged(MIGRATING);
    begun.stop();
    let (code, log) = begun.end();
    assert_eq!(code, Some(1), "{log}");
    assert!(error_in(&log).contains("`database.migration_timeout`"), "{log}");
}

#[test]
fn a_migration_that_ends_after_the_signal_is_finished_with_0() {
    let (mut mysql, folder) = (Mysql::start(), folder());
    mysql.gateway.open();
    mysql.execute("DO GET_LOCK(CONCAT('gate-', DATABASE()), 0)");
    let mut begun = Begun::new(&mut starting(&folder, &mysql.url(), &[("STARTING_MIGRATIONS", "gate")]));
    begun.until_logged(MIGRATING);
    begun.stop();
    mysql.execute("DO RELEASE_LOCK(CONCAT('gate-', DATABASE()))");
    let (code, log) = begun.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(mysql.has_table("ended") && !log.contains("cut off:"), "{log}");
}

#[test]
fn a_second_signal_during_the_applications_own_start_cuts_it_off_with_3() {
    for start in ["never", "blocks"] {
        let folder = folder();
        let mut begun = Begun::new(&mut starting(&folder, "sqlite:new.db", &[("STARTING_APP", start)]));
        begun.until_logged("begins, and does not end");
        begun.stop();
        begun.signal();
        let (code, log) = begun.end();
        assert_eq!(code, Some(3), "{start}: {log}");
        assert!(log.contains("cut off: the application's own start"), "{start}: {log}");
    }
}

#[test]
fn what_the_application_has_spawned_is_waited_for_and_cut_off_with_3() {
    for (environment, signals) in [("", 2), ("100ms", 1)] {
        let folder = folder();
        let mut program = starting(&folder, "sqlite:new.db", &[("STARTING_APP", "spawn")]);
        if !environment.is_empty() {
            program.env("FOOBAR__SERVER__SHUTDOWN_TIMEOUT", environment);
        }
        let mut begun = Begun::new(&mut program);
        begun.until_logged("has spawned what does not end");
        begun.stop();
        (1..signals).for_each(|_| begun.signal());
        let (code, log) = begun.end();
        assert_eq!(code, Some(3), "{log}");
        assert!(log.contains("cut off: ") && log.contains("a task that the application has spawned"), "{log}");
    }
}

#[test]
fn a_migration_that_runs_after_a_wait_is_told_to_be_cut_off_too() {
    let (mut mysql, folder) = (Mysql::start(), folder());
    mysql.execute("DO GET_LOCK(CONCAT('gate-', DATABASE()), 0)");
    let mut program = Program::start(&mut starting(&folder, &mysql.url(), &[("STARTING_MIGRATIONS", "gate")]));
    mysql.gateway.open();
    program.until_logged(MIGRATING);
    program.signal("TERM");
    program.until_ready(503);
    program.until_logged("stopping");
    program.signal("TERM");
    let (status, log) = program.wait();
    assert_eq!(status.code(), Some(3), "{log}");
    assert!(log.contains(CUT_OFF), "{log}");
}

#[test]
fn a_migration_that_runs_after_a_wait_is_finished_by_a_stop() {
    let (mut mysql, folder) = (Mysql::start(), folder());
    mysql.execute("DO GET_LOCK(CONCAT('gate-', DATABASE()), 0)");
    let mut program = Program::start(&mut starting(&folder, &mysql.url(), &[("STARTING_MIGRATIONS", "gate")]));
    mysql.gateway.open();
    program.until_logged(MIGRATING);
    program.signal("TERM");
    program.until_logged("stopping");
    mysql.execute("DO RELEASE_LOCK(CONCAT('gate-', DATABASE()))");
    let (status, log) = program.wait();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(mysql.has_table("ended"), "{log}");
}
