//! Names that are proved in the DNS: by a program, and in the zone that the server serves itself.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::pebble::Kind;
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
fn names_with_a_star_are_proved_in_the_zone_that_is_served_without_a_hook() {
    let scene = Scene::with(Kind::AsksOwnNameServer);
    // The two records of a name and its star are too long for UDP, and pebble does not come by TCP as others do.
    let mut command = scene.command("a.test,*.b.a.test,*.c.a.test");
    command.env("FOOBAR__DNS__LISTEN", scene.place.name_server()).env("FOOBAR__DNS__NAMESERVERS", "ns1.a.test");
    command.env("FOOBAR__DNS__ADDRESSES", &scene.place.address);
    let mut program = Program::start(&mut command);
    program.until_logged(ISSUED);
    for name in ["a.test", "any.b.a.test", "any.c.a.test"] {
        scene.until_served(name);
    }
    let (address, port) = (&scene.place.address, "19999");
    let mut dig = Command::new("dig");
    dig.args(["+short", "-p", port, &format!("@{address}"), "_acme-challenge.b.a.test", "TXT"]);
    let told = String::from_utf8(dig.output().unwrap().stdout).unwrap();
    assert_eq!(told, "a.test.\n", "what was set has been taken away: the star stands for this name again");
}

#[test]
fn a_name_with_a_star_that_is_not_in_the_zone_is_an_error_of_the_configuration() {
    let scene = Scene::new();
    let mut command = scene.command("b.test,*.b.test");
    command.env("FOOBAR__DNS__LISTEN", scene.place.name_server()).env("FOOBAR__DNS__NAMESERVERS", "ns1.a.test");
    let output = command
        .env("FOOBAR__DNS__ZONE", "a.test")
        .env("FOOBAR__DNS__ADDRESSES", "192.0.2.1")
        .arg("check")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && told.contains("\"*.b.test\" is proved in the DNS alone"), "{told}");
    assert!(told.contains("serve a zone with all names of the site (`dns.listen`)"), "{told}");
}

#[test]
fn with_a_hook_that_fails_for_one_name_the_certificate_is_for_the_others() {
    let scene = Scene::new();
    let fails = "case $2 in *.b.test) echo no such zone >&2; exit 3 ;; esac";
    let mut program = Program::start(&mut command(&scene, "a.test,b.test", fails));
    let line = program.until_logged("it is not for");
    let why = "it is not for b.test: `acme.dns_hook`: ./hook set _acme-challenge.b.test: it has failed (exit status: 3): no such zone; \
               run it by hand with these words";
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
