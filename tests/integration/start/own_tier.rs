//! A tier of one's own that panics or blocks, at any time, holds neither the other tiers nor a signal.

use super::*;
use crate::support::until;

fn with_tier(folder: &TempDir, tier: &str) -> Command {
    let environment = [("STARTING_TIER", tier), ("FOOBAR__SERVER__SHUTDOWN_TIMEOUT", "300ms")];
    starting(folder, "sqlite:new.db", &environment)
}

/// The same where the drain may take as long as it needs.
fn with_patience(folder: &TempDir, tier: &str) -> Command {
    let mut command = with_tier(folder, tier);
    command.env("FOOBAR__SERVER__SHUTDOWN_TIMEOUT", "1h");
    command
}

/// Its exit code and its log after one signal, which is heard.
fn stopped(mut program: Program) -> (Option<i32>, String) {
    program.signal("TERM");
    let heard = program.until_logged("stopping; a second signal stops at once");
    let (status, log) = program.wait();
    (status.code(), heard + &log)
}

#[test]
fn a_panic_at_the_start_ends_the_program_with_its_place() {
    let error = error_of(&mut with_tier(&folder(), "panics at the start"));
    let expected = "error: the own tier could not start: panicked at tests/programs/starting.rs:";
    assert!(error.starts_with(expected) && error.ends_with("a tier with a bug"), "{error}");
}

#[test]
fn a_panic_of_a_task_is_logged_with_its_place_and_the_server_serves_on() {
    let folder = folder();
    let mut program = Program::start(&mut with_patience(&folder, "panics later"));
    program.until_logged("panicked at tests/programs/starting.rs:");
    program.until_logged("a task with a bug"); // it has a line of its own
    assert_eq!(program.get("/").text(), "started");
    let (code, log) = stopped(program);
    assert_eq!(code, Some(0), "{log}");
}

#[test]
fn a_tier_whose_failure_is_a_panic_has_failed() {
    let folder = folder();
    let (status, log) = Program::start(&mut with_tier(&folder, "fails with a panic")).wait();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(error_in(&log).starts_with("error: the own tier could not start: panicked at "), "{log}");
}

#[test]
fn a_tier_that_panics_when_it_is_asked_is_not_ready_and_the_others_are_told_of() {
    let folder = folder();
    let program = Program::start(&mut with_tier(&folder, "panics when it is asked"));
    let readyz = program.admin("/readyz");
    assert_eq!(readyz.status, 503, "{}", readyz.text());
    assert!(readyz.text().contains("own: not ready: panicked"), "{}", readyz.text());
    assert!(readyz.text().contains("app: ready\n"), "{}", readyz.text());
    assert!(program.admin("/metrics").text().contains("foobar_ready{tier=\"own\"} 0"));
}

#[test]
fn a_panic_at_the_drain_is_logged_the_other_tiers_drain_and_the_program_ends_with_3() {
    for (tier, words) in [
        ("panics at the drain", "its drain panicked at "),
        ("panics at the word of the stop", "its word of the stop panicked at "),
    ] {
        let folder = folder();
        let (code, log) = stopped(Program::start(&mut with_tier(&folder, tier)));
        assert_eq!(code, Some(3), "{log}");
        assert!(log.contains(words) && log.contains("a tier with a bug"), "{log}");
    }
}

#[test]
fn a_tier_that_blocks_at_the_drain_is_left_behind_at_the_shutdown_timeout_with_3() {
    let folder = folder();
    let (code, log) = stopped(Program::start(&mut with_tier(&folder, "blocks at the drain")));
    assert_eq!(code, Some(3), "{log}");
    assert!(log.contains("its drain did not end by its deadline"), "{log}");
}

/// The same command on one core of those that this process may use.
fn on_one_core(command: &Command) -> Command {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let cores = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap();
    let core = cores.trim().split(['-', ',']).next().unwrap();
    let mut pinned = Command::new("taskset");
    pinned.args(["--cpu-list", core]).arg(command.get_program()).args(command.get_args());
    let variables = command.get_envs().filter_map(|(name, value)| Some((name, value?)));
    pinned.envs(variables).current_dir(command.get_current_dir().unwrap());
    pinned
}

#[test]
fn a_task_that_blocks_leaves_the_others_a_thread_also_on_one_core() {
    let folder = folder();
    let mut program = Program::start(&mut on_one_core(&with_patience(&folder, "blocks a thread")));
    program.until_logged("another task has run beside the blocked one");
    let (code, log) = stopped(program);
    assert_eq!(code, Some(0), "{log}");
}

#[test]
fn tasks_that_block_every_thread_hold_neither_requests_nor_a_signal() {
    let folder = folder();
    let program = Program::start(&mut with_tier(&folder, "blocks every thread"));
    assert_eq!(program.get("/").text(), "started");
    let (code, log) = stopped(program);
    assert_eq!(code, Some(3), "{log}");
    let told = log.lines().filter(|line| line.contains("1000 tasks that the application has spawned"));
    assert_eq!(told.count(), 1, "{log}");
}

#[test]
fn a_second_signal_ends_a_program_whose_every_thread_is_blocked_at_once() {
    let folder = folder();
    let mut program = Program::start(&mut with_patience(&folder, "blocks every thread"));
    program.signal("TERM");
    program.until_logged("stopping; a second signal stops at once");
    program.signal("TERM");
    let (status, log) = program.wait();
    assert_eq!(status.code(), Some(3), "{log}");
}

#[test]
fn a_second_signal_that_comes_just_before_the_last_answer_counts_as_done_cuts_off_nothing() {
    let folder = folder();
    let mut program = with_patience(&folder, "ends late");
    let mut program = Program::start(program.env("FOOBAR__SERVER__SHUTDOWN_DELAY", "1h"));
    program.signal("TERM");
    program.until_logged("no longer ready, but still serving");
    program.signal("TERM");
    let (status, log) = program.wait();
    assert_eq!(status.code(), Some(0), "{log}");
}

#[test]
fn a_server_inside_another_runtime_says_what_to_write() {
    let folder = folder();
    let error = error_of(&mut starting(&folder, "sqlite:new.db", &[("STARTING_AS", "actix main")]));
    for words in ["`fn main() -> ExitCode`", "#[actix_web::main]", "#[tokio::main]", "`Server::start`"] {
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn signals_that_stop_nothing_end_no_program_that_is_still_being_composed() {
    let folder = folder();
    let mut program = std::thread::scope(|scope| {
        let start = scope.spawn(|| Program::start(&mut with_tier(&folder, "waits to be made")));
        let process = until("it is being composed", || std::fs::read_to_string(folder.path().join("process")).ok());
        for signal in ["HUP", "USR1", "USR2"] {
            assert!(Command::new("kill").args([&format!("-{signal}"), &process]).status().unwrap().success());
        }
        std::fs::write(folder.path().join("go"), "").unwrap();
        start.join().unwrap()
    });
    program.until_logged("the configuration has been reloaded");
    assert_eq!(program.get("/").text(), "started");
    let (code, log) = stopped(program);
    assert_eq!(code, Some(0), "{log}");
}
