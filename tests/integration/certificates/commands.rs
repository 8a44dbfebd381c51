//! What operators have done with certificates by commands, while the server runs.

use std::process::{Command, Output};

use super::scene::{ISSUED, Scene};
use crate::support::guide::blocks;
use crate::support::until;

fn run(scene: &Scene, arguments: &[&str]) -> Output {
    let mut command: Command = scene.command("a.test,www.a.test");
    command.arg("certificates").args(arguments).output().unwrap()
}

/// What one prints that succeeds.
fn told(scene: &Scene, arguments: &[&str]) -> String {
    let output = run(scene, arguments);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn certificate(scene: &Scene) -> Vec<u8> {
    std::fs::read(scene.state("a.pem")).unwrap()
}

#[test]
fn a_certificate_that_is_to_be_renewed_is_ordered_by_the_running_server_although_it_was_an_hour_ago() {
    let scene = Scene::new();
    let (mut program, _) = scene.start_until("a.test,www.a.test", ISSUED);
    until("the record is written", || scene.record()["is_issued"].as_bool().filter(|is_issued| *is_issued));
    let before = certificate(&scene);
    let text = told(&scene, &["renew", "WWW.a.test"]);
    assert_eq!(text, "a.test, www.a.test is ordered within a minute, or at the next start of the server\n");
    program.until_logged(ISSUED);
    assert_ne!(certificate(&scene), before);
    assert_eq!(scene.pebble.orders(), 2);
}

#[test]
fn a_certificate_is_revoked_for_a_reason_and_another_one_is_ordered() {
    let scene = Scene::new();
    drop(scene.start_until("a.test,www.a.test", ISSUED));
    let before = certificate(&scene);
    let text = told(&scene, &["revoke", "a", "--reason", "key-compromise"]);
    assert!(text.starts_with("the certificate for a.test, www.a.test is void"), "{text}");
    until("the authority has noted it", || scene.pebble.was_asked("POST /revoke-cert").then_some(()));
    let (_program, _) = scene.start_until("a.test,www.a.test", ISSUED);
    assert_ne!(certificate(&scene), before);
}

#[test]
fn the_commands_of_the_guide_renew_and_revoke_a_certificate_and_change_the_key_of_the_account() {
    let scene = Scene::new();
    drop(scene.start_until("a.test,www.a.test", ISSUED));
    let test = "the_commands_of_the_guide_renew_and_revoke_a_certificate_and_change_the_key_of_the_account";
    let shown = blocks("https.md", test).concat().replace("foobar.com", "a.test");
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    for (line, outcome) in shown.lines().zip(["is ordered within a minute", "is void", "the account has another key"]) {
        let line = words(line);
        assert_eq!(line[..2], ["foobar", "certificates"]);
        let text = told(&scene, &line[2..].iter().map(String::as_str).collect::<Vec<_>>());
        assert!(text.contains(outcome), "{line:?}: {text}");
    }
    assert_eq!(shown.lines().count(), 3);
    assert!(scene.pebble.was_asked("POST /revoke-cert"));
}

#[test]
fn a_certificate_that_is_void_already_counts_as_revoked() {
    let scene = Scene::new();
    drop(scene.start_until("a.test,www.a.test", ISSUED));
    let first = told(&scene, &["revoke", "a"]);
    assert_eq!(told(&scene, &["revoke", "a"]), first);
}

#[test]
fn a_certificate_is_not_revoked_while_there_is_no_room_to_note_it() {
    let scene = Scene::new();
    drop(scene.start_until("a.test,www.a.test", ISSUED));
    std::fs::create_dir(scene.state("a.new")).unwrap(); // where it would be written
    let output = run(&scene, &["revoke", "a"]);
    assert!(!output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("a.json"), "{output:?}");
    assert!(!scene.pebble.was_asked("POST /revoke-cert"));
}

#[test]
fn the_account_gets_another_key_by_which_challenges_are_answered_and_orders_made() {
    let scene = Scene::new();
    let (mut program, _) = scene.start_until("a.test,www.a.test", ISSUED);
    let answer = || scene.over_http("/.well-known/acme-challenge/token").lines().last().unwrap().to_owned();
    let before = answer();
    assert_eq!(told(&scene, &["change-account-key"]), "the account has another key\n");
    told(&scene, &["renew", "a"]);
    program.until_logged(ISSUED);
    assert_ne!(answer(), before);
}

#[test]
fn what_cannot_be_done_says_why() {
    let scene = Scene::new();
    for (arguments, why) in [
        (&["renew", "b.test"][..], "no site with `ssl_certificate = \"auto\"` has the label or the name \"b.test\""),
        (&["revoke", "a"], "a.pem has no certificate"),
        (&["revoke", "a", "--reason", "boredom"], "write \"unspecified\", \"key-compromise\""),
        (&["change-account-key"], "there is no account at https://"),
        (&["change-account-key", "other"], "no site has `ssl_certificate = \"auto:other\"`"),
    ] {
        let output = run(&scene, arguments);
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && text.contains(why), "{arguments:?}: {text}");
    }
    assert_eq!(scene.pebble.orders(), 0);
}
