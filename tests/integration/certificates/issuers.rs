//! Several authorities, and what they ask for and offer.

use std::process::Command;

use super::meddler::answer;
use super::pebble::{EAB_KEY, Kind, Pebble};
use super::scene::{ISSUED, REFUSED, Scene};
use crate::support::{Program, until};

#[test]
fn each_site_has_its_certificate_from_the_authority_that_it_names_and_each_of_these_looks_at_its_own() {
    let scene = Scene::new();
    let other = Pebble::start(&scene.place, scene.http, scene.tls, Kind::Usual);
    let mut command = scene.command("a.test");
    command.env("FOOBAR__ACME__OTHER__DIRECTORY", other.directory());
    command.env("FOOBAR__ACME__OTHER__SSL_TRUSTED_CERTIFICATE", other.authority());
    command.env("FOOBAR__ACME__OTHER__ACCEPT_TERMS_OF_SERVICE", "true");
    command.env("FOOBAR__SITES__B__SERVER_NAME", "b.test").env("FOOBAR__SITES__B__SSL_CERTIFICATE", "auto:other");
    command.env("FOOBAR__SITES__B__ROOT", "public");
    let _program = Program::start(&mut command);
    for (name, root) in [("a.test", scene.pebble.root()), ("b.test", other.root())] {
        let url = format!("https://{name}:{}/", scene.tls);
        until(&format!("{name} has a certificate"), || Some(scene.curl(&root, &[&url])).filter(|text| text == "hello"));
    }
    assert_eq!((scene.pebble.orders(), other.orders()), (1, 1));
}

#[test]
fn the_challenge_that_is_wanted_is_the_one_that_the_authority_is_asked_for() {
    for (challenge, is_by_http) in [("tls-alpn-01", false), ("http-01", true)] {
        let scene = Scene::new();
        let mut program = Program::start(scene.command("a.test").env("FOOBAR__ACME__CHALLENGE", challenge));
        program.until_logged(ISSUED);
        scene.until_served("a.test");
        assert_eq!(scene.pebble.was_asked("validate w/ HTTP"), is_by_http, "{challenge}");
    }
}

#[test]
fn an_authority_that_refuses_half_of_the_nonces_signs_by_one_order() {
    let scene = Scene::with(Kind::RefusesNonces);
    let (_program, _) = scene.start_until("a.test,b.test,c.test", ISSUED);
    scene.until_served("c.test");
    assert_eq!(scene.record()["failures"], 0);
}

#[test]
fn a_certificate_is_for_a_hundred_names_by_one_order() {
    let scene = Scene::new();
    let names: Vec<String> = (0..100).map(|number| format!("n{number}.test")).collect();
    let (_program, _) = scene.start_until(&names.join(","), ISSUED);
    scene.until_served("n99.test");
    assert_eq!(scene.pebble.orders(), 1);
}

#[test]
fn an_account_that_the_user_has_before_is_named_to_an_authority_that_asks_for_it() {
    let scene = Scene::with(Kind::AsksForAccount);
    let (program, line) = scene.start_until("a.test", REFUSED);
    let what_to_do = "write the key that it has given you to `acme.eab_key_id` and `acme.eab_hmac_key`";
    assert!(line.contains(what_to_do), "{line}");
    drop(program);

    std::fs::remove_dir_all(scene.folder.path().join("state")).unwrap();
    let secret = scene.folder.path().join("eab");
    std::fs::write(&secret, EAB_KEY).unwrap();
    let mut command = scene.command("a.test");
    command.env("FOOBAR__ACME__EAB_KEY_ID", "kid-1").env("FOOBAR__ACME__EAB_HMAC_KEY_FILE", &secret);
    let mut program = Program::start(&mut command);
    program.until_logged(ISSUED);
    scene.until_served("a.test");
}

#[test]
fn a_profile_that_the_authority_offers_is_ordered_and_another_one_is_an_error_that_lists_them() {
    fn with_profiles(line: &str, real: &str) -> Option<String> {
        let (head, body) = real.split_once("\r\n\r\n").filter(|_| line.contains(" /dir "))?;
        let profiles = "\"profiles\":{\"classic\":\"usual\",\"shortlived\":\"six days\"},";
        let body = body.replacen("\"meta\": {", &format!("\"meta\": {{{profiles}"), 1);
        assert!(body.contains("shortlived"), "{body}");
        let fields = head.lines().filter(|line| line.starts_with("Replay-Nonce")).map(|line| format!("{line}\r\n"));
        Some(answer("200 OK", &fields.collect::<String>(), &body))
    }
    let (scene, _meddler) = Scene::meddled(with_profiles);
    let mut program = Program::start(scene.command("a.test").env("FOOBAR__ACME__PROFILE", "short"));
    let line = program.until_logged(REFUSED);
    let why = "the authority has no profile \"short\", and offers classic, shortlived; change `acme.profile`";
    assert!(line.contains(why) && scene.pebble.orders() == 0, "{line}");
    drop(program);
    std::fs::remove_dir_all(scene.folder.path().join("state")).unwrap();
    let mut program = Program::start(scene.command("a.test").env("FOOBAR__ACME__PROFILE", "shortlived"));
    program.until_logged(ISSUED);
}

/// The name (CN) of a certificate's subject.
fn name(certificate: &std::path::Path) -> String {
    let mut openssl = Command::new("openssl");
    let output = openssl.args(["x509", "-noout", "-subject", "-nameopt", "multiline", "-in"]).arg(certificate).output();
    let text = String::from_utf8(output.expect("openssl is installed").stdout).unwrap();
    let line = text.lines().find_map(|line| line.trim().strip_prefix("commonName"));
    line.and_then(|line| line.split_once("= ")).expect("it has a name").1.to_owned()
}

#[test]
fn the_chain_to_the_preferred_root_is_used_where_the_authority_offers_it() {
    let scene = Scene::with(Kind::OffersRoots);
    let roots = [0, 1, 2].map(|number| scene.pebble.root_of_chain(number));
    let preferred = name(&roots[2]);
    let mut program = Program::start(scene.command("a.test").env("FOOBAR__ACME__PREFERRED_CHAIN", &preferred));
    program.until_logged(ISSUED);
    let url = format!("https://a.test:{}/", scene.tls);
    until("it is served", || Some(scene.curl(&roots[2], &[&url])).filter(|text| text == "hello"));
    assert!(!scene.curl(&roots[0], &[&url]).contains("hello"));
    drop(program);

    let scene = Scene::new();
    let mut program = Program::start(scene.command("a.test").env("FOOBAR__ACME__PREFERRED_CHAIN", "None Such"));
    program.until_logged("`acme.preferred_chain`: the authority offers no chain to \"None Such\"");
    scene.until_served("a.test");
}
