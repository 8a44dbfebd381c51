//! Names that are proved in the DNS, by a program.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::scene::{ISSUED, REFUSED, Scene};
use crate::support::{Program, until};

/// The command of a server whose hook does this before it sets a record, in a shell: `$1` is `set` or `clear`, `$2` the
/// name of the record.
fn command(scene: &Scene, names: &str, before: &str) -> Command {
    let host = format!("http://{}", scene.pebble.names);
    let script = format!(
        "#!/bin/sh\nset -e\necho \"$*\" >> calls\nenv > environment\n{before}\ncase $1 in\n\
         set) curl -sS -d \"{{\\\"host\\\": \\\"$2.\\\", \\\"value\\\": \\\"$3\\\"}}\" {host}/set-txt ;;\n\
         clear) curl -sS -d \"{{\\\"host\\\": \\\"$2.\\\"}}\" {host}/clear-txt ;;\nesac\n"
    );
    let hook = scene.folder.path().join("hook");
    std::fs::write(&hook, script).unwrap();
    std::fs::set_permissions(&hook, PermissionsExt::from_mode(0o755)).unwrap();
    let mut command = scene.command(names);
    command.env("FOOBAR__ACME__DNS_HOOK", "./hook").env("SOME_SECRET", "hunter2");
    command
}

fn calls(scene: &Scene) -> Vec<String> {
    let calls = std::fs::read_to_string(scene.folder.path().join("calls")).unwrap();
    calls.lines().map(ToOwned::to_owned).collect()
}

#[test]
fn names_with_a_star_are_proved_by_a_hook_which_sees_nothing_of_the_servers_environment() {
    let scene = Scene::new();
    let mut program = Program::start(&mut command(&scene, "a.test,*.a.test", ""));
    program.until_logged(ISSUED);
    for name in ["a.test", "any.a.test"] {
        scene.until_served(name);
    }
    let calls = calls(&scene);
    let begin =
        |verb: &str| calls.iter().filter(|call| call.starts_with(&format!("{verb} _acme-challenge.a.test "))).count();
    assert_eq!((calls.len(), begin("set"), begin("clear")), (4, 2, 2), "{calls:?}");
    assert!(calls[..2].iter().all(|call| call.starts_with("set")) && calls[0] != calls[1], "{calls:?}");
    let environment = std::fs::read_to_string(scene.folder.path().join("environment")).unwrap();
    assert!(environment.contains("PATH=") && !environment.contains("FOOBAR"), "{environment}");
    assert!(!environment.contains("hunter2"), "{environment}");
}

#[test]
fn with_a_hook_that_fails_for_one_name_the_certificate_is_for_the_others() {
    let scene = Scene::new();
    let fails = "case $2 in *.b.test) echo no such zone >&2; exit 3 ;; esac";
    let mut program = Program::start(&mut command(&scene, "a.test,b.test", fails));
    let line = program.until_logged("it is not for");
    let why = "it is not for b.test: `acme.dns_hook`: ./hook set _acme-challenge.b.test: it has failed (exit status: 3): no such zone";
    assert!(line.contains(why), "{line}");
    scene.until_served("a.test");
}

#[test]
fn a_hook_that_hangs_is_killed_and_http_is_served() {
    let scene = Scene::new();
    let mut program = Program::start(
        command(&scene, "a.test", "echo waiting; sleep 3600").env("FOOBAR__ACME__DNS_HOOK_TIMEOUT", "200ms"),
    );
    let line = program.until_logged(REFUSED);
    assert!(line.contains("it has not ended within 200ms, and was killed"), "{line}");
    assert!(scene.over_http("/").contains("hello"));
}

#[test]
fn a_reload_lets_the_order_that_is_under_way_end() {
    let scene = Scene::new();
    let waits = "if [ $1 = set ]; then touch begun; until [ -e go ]; do sleep 0.05; done; fi";
    let mut program = Program::start(&mut command(&scene, "a.test", waits));
    let file = |name: &str| scene.folder.path().join(name);
    until("an order is under way", || file("begun").exists().then_some(()));
    program.signal("HUP");
    program.until_logged("the configuration has been reloaded");
    std::fs::write(file("go"), "").unwrap();
    program.until_logged(ISSUED);
    scene.until_served("a.test");
    assert_eq!(scene.pebble.orders(), 1);
    assert!(calls(&scene).iter().any(|call| call.starts_with("clear")));
}
