//! Programs that do not come to serve, and orders in the middle of an upgrade: the one that serves goes on.

use std::fs;
use std::process::Stdio;

use super::{Site, is_there, number_after, signal, until_gone};
use crate::support::{Program, until};

/// What the log and the command say of an upgrade that comes to nothing.
fn refusal(site: &Site, program: &Program) -> String {
    let (code, told, error) = site.run("upgrade");
    assert_eq!((code, told.as_str()), (1, ""), "{error}");
    let reason = error
        .trim_end()
        .strip_prefix("error: no upgrade, the program before goes on: ")
        .unwrap_or_else(|| panic!("{error}"));
    assert_eq!(program.get("/page").text(), "version 1");
    site.until_logged(&format!("no upgrade, the program before goes on: {reason}"));
    reason.to_owned()
}

/// Says that to whoever waits for `ready`.
const SAYS: &str = "channel=${FOOBAR_UPGRADE#*channel=}; channel=${channel%% *}; eval \"echo '$WORDS' >&$channel\"";

#[test]
fn a_program_that_is_not_there_cannot_be_run_or_is_none_is_named() {
    let site = Site::new();
    let program = site.start();
    let path = site.path("shop").display().to_string();
    fs::remove_file(site.path("shop")).unwrap();
    let reason = refusal(&site, &program);
    assert!(reason.starts_with(&format!("cannot start {path}; put the new program there")), "{reason}");
    assert!(reason.ends_with("No such file or directory (os error 2)"), "{reason}");
    site.install(|path| fs::write(path, "a text").unwrap());
    assert!(refusal(&site, &program).ends_with("Permission denied (os error 13)"));
    // The head of a program for a machine of another kind (ELF, e_machine 0xFFFF).
    site.install_file(
        &[b"\x7fELF\x02\x01\x01".as_slice(), &[0; 9], &[2, 0, 0xff, 0xff, 1, 0, 0, 0], &[0; 40]].concat(),
    );
    let reason = refusal(&site, &program);
    assert!(reason.contains("Exec format error") || reason.contains("before it was ready"), "{reason}");
    site.install_program();
    site.upgrade();
}

#[test]
fn a_program_that_ends_before_it_is_ready_has_its_last_words_told() {
    let site = Site::new();
    let program = site.start();
    site.install_script("echo 'the shop is closed' >&2; printf '\\033[31mred\\n' >&2; exit 7");
    let reason = refusal(&site, &program);
    let expected =
        "the new program ended (exit status: 7) before it was ready; its last words: the shop is closed / ?[31mred";
    assert_eq!(reason, expected);
    site.install_script("head -c 1000000 /dev/zero | tr '\\0' x >&2; kill -SEGV $$");
    let reason = refusal(&site, &program);
    assert!(reason.starts_with("the new program ended (signal: 11") && reason.len() < 3000, "{reason}");
}

/// As one does that has not come so far that it hears signals.
#[test]
fn a_program_that_a_signal_ends_before_it_hears_any_is_said_to_have_been_ended_by_that() {
    let site = Site::new();
    let program = site.start();
    for (signal, told) in [("HUP", "signal: 1 (SIGHUP)"), ("TERM", "signal: 15 (SIGTERM)")] {
        site.install_script(&format!("kill -{signal} $$; exec sleep 1000"));
        assert_eq!(refusal(&site, &program), format!("the new program ended ({told}) before it was ready"));
    }
}

#[test]
fn a_new_program_whose_configuration_is_wrong_says_where() {
    let site = Site::new();
    let program = site.start();
    site.write("version 1", "colour = 'red'\n");
    program.signal("USR2");
    let told = site.until_logged("no upgrade, the program before goes on: the new program ended (exit status: 2)");
    assert!(told.contains("its last words: error: foobar.toml:8: unknown key"), "{told}");
    assert_eq!(program.get("/page").text(), "version 1");
}

#[test]
fn a_program_that_says_something_else_than_that_it_is_ready_is_ended() {
    let site = Site::new();
    let program = site.start();
    site.install_script(&format!("echo $$ > process; WORDS=rubbish; {SAYS}; exec sleep 1000"));
    let reason = refusal(&site, &program);
    assert_eq!(
        reason,
        "the new program said \"rubbish\" in the place of `ready` and has been ended: is it built on Foobar?"
    );
    until_gone(fs::read_to_string(site.path("process")).unwrap().trim().parse().unwrap());
    site.install_script(&format!("WORDS=ready; {SAYS}; WORDS=nonsense; {SAYS}; exec sleep 1000"));
    let reason = refusal(&site, &program);
    assert!(reason.starts_with("the new program said \"nonsense\" in the place of `serving`"), "{reason}");
    site.install_script(&format!("WORDS=ready; {SAYS}"));
    let reason = refusal(&site, &program);
    assert!(reason.starts_with("the new program ended (exit status: 0) after it was told to serve"), "{reason}");
}

#[test]
fn a_program_that_hangs_is_ended_after_its_time() {
    let site = Site::new();
    let program = Program::start(site.command().env("FOOBAR__CONTROL__UPGRADE_TIMEOUT", "1s"));
    site.install_script("echo $$ > process; exec sleep 1000");
    let reason = refusal(&site, &program);
    assert!(
        reason.starts_with("the new program was not ready within 1s (`control.upgrade_timeout`) and has been ended"),
        "{reason}"
    );
    // On a busy machine it may not even have begun.
    if let Ok(process) = fs::read_to_string(site.path("process")) {
        until_gone(process.trim().parse().unwrap());
    }
}

/// A program that has begun, and does not come to its end; the process, once it is there.
fn hang(site: &Site) -> impl Fn() -> u32 {
    site.install_script("echo $$ > process.new; mv process.new process; exec sleep 1000");
    let file = site.path("process");
    move || until("the new program has begun", || fs::read_to_string(&file).ok()?.trim().parse().ok())
}

#[test]
fn while_an_upgrade_goes_on_another_one_and_a_reload_are_refused_and_a_stop_ends_it() {
    let site = Site::new();
    let mut program = site.start();
    let process = hang(&site);
    let mut first = Program::example("proving", site.path("").as_path());
    let first = first.arg("upgrade").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let process = process();
    let (code, _, error) = site.run("upgrade");
    assert_eq!(code, 1);
    assert!(error.contains("another upgrade is under way: wait for its end"), "{error}");
    program.signal("USR2");
    site.until_logged("another upgrade is under way");
    let (code, _, error) = site.run("reload");
    assert_eq!(code, 1);
    assert!(error.contains("an upgrade is under way; the new program reads the configuration"), "{error}");
    program.signal("HUP");
    site.until_logged("the configuration cannot be reloaded: an upgrade is under way");
    assert!(is_there(process));
    assert_eq!(program.get("/page").text(), "version 1");
    program.signal("TERM");
    assert_eq!(program.end().code(), Some(0));
    until_gone(process);
    drop(first.wait_with_output().unwrap()); // it may be told or not that the server has stopped
    assert!(!site.path("control").exists());
}

#[test]
fn while_an_upgrade_goes_on_nothing_is_held_back_that_the_new_program_would_not_know_of() {
    let site = Site::new();
    let mut program = site.start();
    let process = hang(&site);
    program.signal("USR2");
    process();
    for order in ["pause", "maintenance on", "drain", "undrain"] {
        let (code, _, error) = site.run(order);
        assert_eq!(code, 1);
        assert!(error.contains("nothing has changed: an upgrade is under way"), "{order}: {error}");
    }
    assert_eq!((program.get("/").text(), program.admin("/readyz").status), ("proving", 200));
    program.signal("TERM");
    assert_eq!(program.end().code(), Some(0));
}

#[test]
fn a_program_that_is_ended_takes_with_it_what_it_has_started() {
    let site = Site::new();
    let mut program = site.start();
    site.install_script("sleep 1000 & echo $! > process.new; mv process.new process; wait");
    program.signal("USR2");
    let child =
        until("the new program has begun", || fs::read_to_string(site.path("process")).ok()?.trim().parse().ok());
    program.signal("TERM");
    assert_eq!(program.end().code(), Some(0));
    until_gone(child);
}

/// A program that has been told to serve, and says that it does once there is a file `serve`.
const SERVES_LATER: &str = "eval \"read -r line <&$channel\"; echo $$ > process.new; mv process.new process
until [ -e serve ]; do sleep 0.01; done; WORDS=serving";

#[test]
fn a_stop_in_the_moment_of_the_turn_leaves_the_files_of_sockets_to_a_program_that_serves() {
    let site = Site::new();
    let mut program = Program::start(site.command().env("FOOBAR__WEB__LISTEN", "127.0.0.1:0,unix:http.sock"));
    site.install_script(&format!("WORDS=ready; {SAYS}; {SERVES_LATER}; {SAYS}; exec sleep 1000"));
    program.signal("USR2");
    let new: u32 = until("it is told to serve", || fs::read_to_string(site.path("process")).ok()?.trim().parse().ok());
    site.remember(new);
    program.signal("TERM");
    site.until_logged("a new program has been told to serve: what comes of that is waited for");
    fs::write(site.path("serve"), "").unwrap();
    assert_eq!(program.end().code(), Some(0));
    assert!(is_there(new) && site.path("http.sock").exists());
}

#[test]
fn a_stop_in_the_moment_of_the_turn_takes_the_files_of_sockets_where_nobody_serves_after_it() {
    let site = Site::new();
    let mut program = Program::start(site.command().env("FOOBAR__WEB__LISTEN", "127.0.0.1:0,unix:http.sock"));
    site.install_script(&format!("WORDS=ready; {SAYS}; {SERVES_LATER}; exit 1"));
    program.signal("USR2");
    until("it is told to serve", || site.path("process").exists().then_some(()));
    program.signal("TERM");
    site.until_logged("a new program has been told to serve: what comes of that is waited for");
    fs::write(site.path("serve"), "").unwrap();
    assert_eq!(program.end().code(), Some(0));
    assert!(!site.path("http.sock").exists() && !site.path("control").exists());
}

/// Orders an upgrade to the program that serves, behind a script that runs first; the process of the new one.
fn upgrade_behind(script: &str, site: &Site, program: &Program) -> u32 {
    let real = fs::read_link(site.path("shop")).unwrap();
    let say_which = "echo $$ > process.new; mv process.new process";
    site.install_script(&format!("{say_which}; {script}; exec {}", real.display()));
    program.signal("USR2");
    let new = until("the new program has begun", || fs::read_to_string(site.path("process")).ok()?.trim().parse().ok());
    site.remember(new);
    new
}

#[test]
fn a_signal_to_stop_to_both_at_once_stops_both() {
    let site = Site::new();
    let mut program = site.start();
    let new = upgrade_behind("true", &site, &program);
    signal(new, "TERM");
    program.signal("TERM");
    assert_eq!(program.end().code(), Some(0));
    until_gone(new);
}

/// Whether a program has come so far that it has workers.
fn has_workers(process: u32) -> bool {
    let Ok(threads) = fs::read_dir(format!("/proc/{process}/task")) else { return false };
    let name = |thread: fs::DirEntry| fs::read_to_string(thread.path().join("comm")).unwrap_or_default(); // it has ended
    threads.flatten().any(|thread| name(thread).starts_with("foobar-web"))
}

#[test]
fn a_new_program_whose_predecessor_is_killed_before_the_turn_serves() {
    let site = Site::new();
    let mut program = site.start();
    let new = upgrade_behind("until [ -e go ]; do sleep 0.01; done", &site, &program);
    program.signal("STOP"); // it will not say that the new one is to serve
    fs::write(site.path("go"), "").unwrap();
    until("the new program has its sockets", || has_workers(new).then_some(()));
    assert!(!site.log().contains("this program serves in the place of another one"));
    program.signal("KILL");
    program.end();
    assert_eq!(program.get("/page").text(), "version 1");
    site.until_logged("this program serves in the place of another one");
}

#[test]
fn a_new_program_whose_predecessor_is_killed_serves() {
    let site = Site::new();
    let mut program = site.start();
    // It begins once the one before is gone, and is not its child any more by then.
    upgrade_behind("true", &site, &program);
    until("it has its sockets", || {
        site.log().contains("this program serves in the place of another one").then_some(())
    });
    program.signal("KILL");
    program.end();
    assert_eq!(program.get("/page").text(), "version 1");
}

#[test]
fn during_a_stop_there_is_no_upgrade() {
    let site = Site::new();
    let mut program = Program::start(site.command().env("FOOBAR__SERVER__SHUTDOWN_DELAY", "1m"));
    program.signal("TERM");
    site.until_logged("no longer ready, but still serving");
    program.signal("USR2");
    site.until_logged("SIGUSR2 does nothing: the server is starting or stopping");
    let (code, _, error) = site.run("upgrade");
    assert_eq!(code, 1);
    assert_eq!(error, "error: nothing has changed: the server is stopping\n");
    program.signal("TERM");
    assert_eq!(program.end().code(), Some(0));
}

#[test]
fn a_letter_that_nobody_has_written_stops_the_start() {
    let site = Site::new();
    let output = site.command().env("FOOBAR_UPGRADE", "please").output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(
        error.starts_with("error: `FOOBAR_UPGRADE` is \"please\": no program of this kind has written that"),
        "{error}"
    );
    let by_accident = "from=1 generation=2 channel=900 stderr=901 web=902";
    let mut program = Program::start(site.command().env("FOOBAR_UPGRADE", by_accident));
    assert_eq!(program.get("/page").text(), "version 1");
    assert_eq!(number_after(&site.run("status").1, "generation     "), 1);
    site.until_logged(
        "`FOOBAR_UPGRADE` has no effect: the process that wrote it has not started this one, or has ended",
    );
    program.signal("TERM");
    program.end();
}
