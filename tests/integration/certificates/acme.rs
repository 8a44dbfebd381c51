//! Certificates of an authority that speaks ACME: of pebble, and of a server before it that answers otherwise.

use super::meddler::answer;
use super::pebble::curl;
use super::scene::{ISSUED, REFUSED, Scene, seconds};
use crate::support::{Program, until};

#[test]
fn a_site_gets_its_certificate_over_http_and_sends_its_clients_to_https_from_then_on() {
    use std::os::unix::fs::PermissionsExt;
    let scene = Scene::new();
    let (_program, _) = scene.start_until("a.test,www.a.test", ISSUED);
    for name in ["a.test", "www.a.test"] {
        let answer = scene.until_served(name);
        assert!(answer.contains("strict-transport-security: max-age=86400"), "{answer}");
    }
    let answer = scene.over_http("/");
    assert!(answer.starts_with("HTTP/1.1 308 "), "{answer}");
    let files: Vec<_> = std::fs::read_dir(scene.state("")).unwrap().map(|entry| entry.unwrap()).collect();
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
    }
}

#[test]
fn where_the_server_listens_with_tls_alone_the_authority_looks_in_a_handshake() {
    let scene = Scene::new();
    let mut command = scene.command("a.test,www.a.test");
    command.env("FOOBAR__WEB__LISTEN", format!("{}:{} ssl", scene.place.address, scene.tls));
    let mut program = Program::start(&mut command);
    program.until_logged(ISSUED);
    scene.until_served("www.a.test");
}

#[test]
fn a_further_start_orders_nothing_and_serves_the_certificate_at_once() {
    let scene = Scene::new();
    let (program, _) = scene.start_until("a.test", ISSUED);
    drop(program);
    let orders = scene.pebble.orders();
    let certificate = std::fs::read(scene.state("a.pem")).unwrap();
    let _program = scene.start("a.test");
    let answer = scene.over_tls("a.test");
    assert!(answer.contains("hello"), "{answer}");
    assert_eq!((scene.pebble.orders(), std::fs::read(scene.state("a.pem")).unwrap()), (orders, certificate));
}

#[test]
fn while_the_authority_is_down_http_is_served_and_the_log_says_why_there_is_no_certificate() {
    let scene = Scene::without_authority();
    let (_program, line) = scene.start_until("a.test", REFUSED);
    assert!(line.contains("sites.a.ssl_certificate") && line.contains("refused"), "{line}");
    assert!(line.contains("is the network up, and `acme.directory` right?"), "{line}");
    let answer = scene.over_http("/");
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("hello"), "{answer}");
    let url = format!("https://a.test:{}/", scene.tls);
    let answer = scene.curl(&scene.authority, &["-k", "-i", &url]);
    assert!(answer.contains("hello") && !answer.contains("strict-transport-security"), "{answer}");
    assert!(!scene.over_tls("a.test").contains("hello"), "nobody has signed it");
    let record = scene.record();
    assert!(record["last_order"].is_null(), "nobody was asked for one: {record}");
    assert!(record["next_try"].as_u64().unwrap() <= seconds(0.03), "{record}");
}

#[test]
fn an_authority_that_never_answers_holds_up_neither_the_start_nor_a_request_nor_the_stop() {
    let mut scene = Scene::new();
    let silent = std::net::TcpListener::bind((scene.place.address.as_str(), 0)).unwrap();
    scene.directory = format!("https://{}/dir", silent.local_addr().unwrap());
    let program = scene.start("a.test");
    let (_asked, _) = silent.accept().unwrap();
    assert!(scene.over_http("/").contains("hello"));
    program.signal("TERM");
    let (status, log) = program.wait();
    assert!(status.success() && !log.contains("ERROR"), "{log}");
}

#[test]
fn of_several_names_one_that_the_authority_refuses_is_left_out() {
    for refused in ["blocked.test", "elsewhere.test"] {
        let scene = Scene::new();
        if refused == "elsewhere.test" {
            scene.pebble.leads_elsewhere(refused);
        }
        let names = format!("a.test,b.test,c.test,{refused}");
        let (_program, line) = scene.start_until(&names, "it is not for");
        assert!(line.contains(&format!("it is not for {refused}: ")), "{line}");
        let advice = "does the name lead to this server? `check --dns` says so";
        assert_eq!(line.contains(advice), refused == "elsewhere.test", "{line}");
        for name in ["a.test", "b.test", "c.test"] {
            scene.until_served(name);
        }
        let record = scene.record();
        assert_eq!(record["refused"], serde_json::json!([refused]));
        assert!(record["next_try"].as_u64().unwrap() > seconds(0.0), "{record}");
    }
}

#[test]
fn names_that_are_refused_for_several_reasons_are_left_out_one_order_after_the_other() {
    let scene = Scene::new();
    scene.pebble.leads_elsewhere("elsewhere.test");
    let (_program, line) = scene.start_until("a.test,b.test,blocked.test,elsewhere.test", "it is not for");
    assert!(line.contains("it is not for blocked.test, elsewhere.test: "), "{line}");
    for name in ["a.test", "b.test"] {
        scene.until_served(name);
    }
    assert_eq!(scene.record()["refused"], serde_json::json!(["blocked.test", "elsewhere.test"]));
    assert_eq!(scene.pebble.orders(), 3, "one for all, one for each that is left out");
}

#[test]
fn several_names_that_lead_elsewhere_are_left_out_whichever_the_authority_looks_at_first() {
    let scene = Scene::new();
    let elsewhere = ["e.test", "f.test", "g.test"];
    elsewhere.iter().for_each(|name| scene.pebble.leads_elsewhere(name));
    let (_program, line) = scene.start_until("a.test,e.test,f.test,g.test", ISSUED);
    assert!(line.contains("a certificate for a.test has been issued"), "{line}");
    let mut refused: Vec<_> = scene.record()["refused"].as_array().unwrap().clone();
    refused.sort_by_key(ToString::to_string);
    assert_eq!(refused, elsewhere);
    assert!((2..=4).contains(&scene.pebble.orders()), "{}", scene.pebble.orders());
}

#[test]
fn a_server_that_is_started_again_and_again_orders_once() {
    let scene = Scene::new();
    // Before that an account may fail: on a busy machine the authority may not answer in time.
    drop(scene.start_until("blocked.test", "rejectedIdentifier"));
    for _ in 0..10 {
        let _program = scene.start("blocked.test");
        assert!(scene.over_http("/").contains("hello"));
    }
    assert_eq!(scene.pebble.orders(), 1, "{}", scene.record());
}

#[test]
fn an_authority_that_says_when_to_come_again_is_obeyed() {
    for status in ["429 Too Many Requests", "503 Service Unavailable"] {
        let meddle = match status {
            "429 Too Many Requests" => |line: &str, _: &str| {
                let problem = "{\"type\":\"urn:ietf:params:acme:error:rateLimited\",\"detail\":\"too many\"}";
                line.contains("/order-plz").then(|| answer("429 Too Many Requests", "Retry-After: 36000\r\n", problem))
            },
            _ => |line: &str, _: &str| {
                line.contains("/dir")
                    .then(|| answer("503 Service Unavailable", "Retry-After: 36000\r\n", "<h1>Later</h1>"))
            },
        };
        let (scene, meddler) = Scene::meddled(meddle);
        let (program, line) = scene.start_until("a.test", REFUSED);
        assert!(line.contains("too many") || line.contains("503"), "{line}");
        let next = until("the record is written", || scene.record()["next_try"].as_u64());
        assert!((seconds(9.0)..=seconds(10.01)).contains(&next), "{next}");
        drop(program);
        let asked = meddler.answered();
        let _program = scene.start("a.test");
        assert!(scene.over_http("/").contains("hello"));
        assert_eq!(meddler.answered(), asked);
    }
}

#[test]
fn an_authority_that_says_when_to_come_again_is_left_alone_by_all_sites_of_the_account_after_a_restart() {
    let (scene, meddler) = Scene::meddled(|line, _| {
        let problem = "{\"type\":\"urn:ietf:params:acme:error:rateLimited\",\"detail\":\"too many\"}";
        line.contains("/order-plz").then(|| answer("429 Too Many Requests", "Retry-After: 36000\r\n", problem))
    });
    let mut command = scene.command("a.test");
    command.env("FOOBAR__SITES__B__SERVER_NAME", "b.test").env("FOOBAR__SITES__B__SSL_CERTIFICATE", "auto");
    command.env("FOOBAR__SITES__B__ROOT", "public");
    let mut program = Program::start(&mut command);
    program.until_logged(REFUSED);
    drop(program);
    for _ in 0..2 {
        let program = Program::start(&mut command);
        let looked_at = "foobar_web_certificate_failed_orders{site=\"b\"} 0";
        until("b is looked at", || program.admin("/metrics").text().contains(looked_at).then_some(()));
    }
    assert_eq!(meddler.answered(), 1, "it is asked once, for the first site");
    let output = command.arg("certificates").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (_, b) = text.split_once("site b  ").unwrap();
    let next = b.lines().find_map(|line| line.trim().strip_prefix("next order ")).unwrap();
    let next = httpdate::parse_http_date(next.trim().split(" (").next().unwrap()).unwrap();
    assert!(next.duration_since(std::time::SystemTime::now()).unwrap().as_secs() > 9 * 3600, "{text}");
}

#[test]
fn an_authority_that_sends_a_certificate_for_others_is_not_believed() {
    fn other(line: &str, real: &str) -> Option<String> {
        let [_, other, _] = super::pebble::authority("other.test");
        let is_one = line.contains("/certZ/") && real.contains("BEGIN CERTIFICATE");
        is_one.then(|| answer("200 OK", "Content-Type: application/pem-certificate-chain\r\n", &other))
    }
    let (scene, _meddler) = Scene::meddled(other);
    let (_program, line) = scene.start_until("a.test", REFUSED);
    assert!(line.contains("for other names or another key"), "{line}");
    assert!(!scene.state("a.pem").exists());
}

/// The file of the only account.
fn account(scene: &Scene) -> std::path::PathBuf {
    let files = std::fs::read_dir(scene.state("")).unwrap().map(|entry| entry.unwrap().path());
    let accounts: Vec<_> = files.filter(|path| path.to_str().unwrap().contains("account")).collect();
    assert_eq!(accounts.len(), 1, "{accounts:?}");
    accounts[0].clone()
}

#[test]
fn a_certificate_is_renewed_in_time_and_the_account_is_the_same() {
    let scene = Scene::new();
    drop(scene.start_until("a.test", ISSUED));
    let (certificate, before) = (scene.state("a.pem"), account(&scene));
    let read = || (std::fs::read(&certificate).unwrap(), std::fs::read(&before).unwrap());
    let old = read();
    scene.make_due();
    let (_program, _) = scene.start_until("a.test", ISSUED);
    let new = read();
    assert!(new.0 != old.0 && new.1 == old.1);
    assert_eq!((account(&scene), scene.pebble.orders()), (before, 2));
}

#[test]
fn an_account_that_the_authority_does_not_know_is_replaced() {
    let (scene, other) = (Scene::new(), Scene::new());
    for scene in [&scene, &other] {
        drop(scene.start_until("a.test", ISSUED));
    }
    let elsewhere = std::fs::read_to_string(account(&other)).unwrap();
    let unknown = elsewhere.replace(&other.pebble.address, &scene.pebble.address);
    std::fs::write(account(&scene), &unknown).unwrap();
    scene.make_due();
    let (_program, _) = scene.start_until("a.test", ISSUED);
    assert_ne!(std::fs::read_to_string(account(&scene)).unwrap(), unknown);
}

#[test]
fn an_account_that_is_closed_or_whose_key_was_lost_in_a_change_is_told_with_the_file_to_move_away() {
    fn closed(line: &str, _: &str) -> Option<String> {
        let problem = "{\"type\":\"urn:ietf:params:acme:error:unauthorized\",\"detail\":\"Account is deactivated\"}";
        line.contains("/order-plz").then(|| answer("403 Forbidden", "", problem))
    }
    fn another_key(line: &str, _: &str) -> Option<String> {
        let problem = "{\"type\":\"urn:ietf:params:acme:error:malformed\",\"detail\":\"JWS verification error\"}";
        line.contains("/order-plz").then(|| answer("400 Bad Request", "", problem))
    }
    for meddle in [closed, another_key] {
        let (scene, _meddler) = Scene::meddled(meddle);
        let (_program, line) = scene.start_until("a.test", REFUSED);
        let file = account(&scene);
        let advice = format!("move state/acme/{} away", file.file_name().unwrap().to_str().unwrap());
        assert!(line.contains(&advice), "{line}");
    }
}

#[test]
fn a_state_of_another_authority_or_cut_off_is_no_hindrance_and_what_was_served_is_served() {
    let scene = Scene::new();
    let (program, _) = scene.start_until("a.test", ISSUED);
    drop(program);
    let whole: Vec<_> = ["a.pem", "a.json"].map(|name| std::fs::read(scene.state(name)).unwrap()).into();
    let certificate = String::from_utf8(whole[0].clone()).unwrap();

    let mut other = Scene::new();
    other.folder = scene.folder;
    let (program, _) = other.start_until("a.test", ISSUED);
    other.until_served("a.test");
    drop(program);
    assert_ne!(std::fs::read_to_string(other.state("a.pem")).unwrap(), certificate);

    for (name, length) in [("a.json", 40), ("a.json", 0)] {
        let content = std::fs::read(other.state(name)).unwrap();
        std::fs::write(other.state(name), &content[..length]).unwrap();
        let (_program, line) = other.start_until("a.test", "cannot be read");
        assert!(line.contains("a.json"), "{line}");
        assert!(other.over_tls("a.test").contains("hello"));
    }
}

#[test]
fn a_state_of_a_newer_program_is_left_alone_and_what_was_served_is_served() {
    let scene = Scene::new();
    let (program, _) = scene.start_until("a.test", ISSUED);
    drop(program);
    let newer = "{\"version\": 9, \"unknown\": true}";
    std::fs::write(scene.state("a.json"), newer).unwrap();
    let (_program, line) = scene.start_until("a.test", "newer version");
    assert!(line.contains("a.json"), "{line}");
    assert!(scene.over_tls("a.test").contains("hello"));
    assert_eq!((std::fs::read_to_string(scene.state("a.json")).unwrap(), scene.pebble.orders()), (newer.to_owned(), 1));
}

#[test]
fn a_certificate_that_is_cut_off_is_ordered_again_an_hour_after_the_last_order_and_http_is_served() {
    let scene = Scene::new();
    drop(scene.start_until("a.test", ISSUED));
    let whole = std::fs::read(scene.state("a.pem")).unwrap();
    std::fs::write(scene.state("a.pem"), &whole[..whole.len() / 3]).unwrap();
    let program = scene.start("a.test");
    assert!(scene.over_http("/").starts_with("HTTP/1.1 200 "), "nobody is sent to a certificate that is not there");
    assert_eq!(scene.pebble.orders(), 1);
    drop(program);
    scene.make_due();
    let (_program, _) = scene.start_until("a.test", ISSUED);
    scene.until_served("a.test");
}

#[test]
fn an_account_that_is_cut_off_is_replaced_and_one_of_a_newer_program_is_left_alone() {
    let scene = Scene::new();
    drop(scene.start_until("a.test", ISSUED));
    let file = account(&scene);
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    scene.make_due();
    let (mut program, line) = scene.start_until("a.test", "another account is made");
    assert!(line.contains("account-"), "{line}");
    program.until_logged(ISSUED);
    drop(program);
    assert_eq!(scene.pebble.accounts(), 2);

    let newer = "{\"version\": 9, \"unknown\": true}";
    std::fs::write(&file, newer).unwrap();
    scene.make_due();
    let (_program, line) = scene.start_until("a.test", "newer version");
    assert!(line.contains("account-"), "{line}");
    assert!(scene.over_tls("a.test").contains("hello"));
    assert_eq!((std::fs::read_to_string(&file).unwrap().as_str(), scene.pebble.accounts()), (newer, 2));
}

#[test]
fn orders_that_were_noted_and_cannot_be_read_any_more_are_no_hindrance() {
    let scene = Scene::new();
    drop(scene.start_until("a.test", ISSUED));
    let files = std::fs::read_dir(scene.state("")).unwrap().map(|entry| entry.unwrap().path());
    let orders = files.into_iter().find(|path| path.to_str().unwrap().contains("orders-")).expect("they are noted");
    std::fs::write(orders, [0xff, 0xfe, b'\n', b'1']).unwrap();
    scene.make_due();
    drop(scene.start_until("a.test", ISSUED));
}

#[test]
fn where_the_state_cannot_be_written_nothing_is_ordered() {
    let scene = Scene::new();
    std::fs::create_dir_all(scene.state("a.new")).unwrap(); // in the place of the file that is written first
    let (_program, line) = scene.start_until("a.test", "web.state_dir");
    assert!(line.contains("may read and write"), "{line}");
    assert!(scene.over_http("/").contains("hello"));
    assert_eq!(scene.pebble.orders(), 0);
}

#[test]
fn where_the_account_cannot_be_written_none_is_made() {
    let scene = Scene::new();
    drop(scene.start_until("a.test", ISSUED));
    let account = account(&scene);
    std::fs::remove_file(&account).unwrap();
    std::fs::create_dir(account.with_extension("new")).unwrap();
    std::fs::remove_file(scene.state("a.json")).unwrap();
    let made = scene.pebble.accounts();
    let (_program, line) = scene.start_until("a.test", REFUSED);
    assert!(line.contains("web.state_dir") && line.contains("account-"), "{line}");
    assert_eq!((scene.pebble.accounts(), scene.pebble.orders()), (made, 1));
    assert!(scene.over_tls("a.test").contains("hello"), "what was served is still served");
}

#[test]
fn on_a_full_disk_no_account_is_made_however_often_it_is_tried_and_the_log_says_to_make_room() {
    let scene = Scene::new();
    let text = scene.on_a_full_disk("a.test");
    assert!(text.contains("make room there") && text.contains("No space left on device"), "{text}");
    assert_eq!((scene.pebble.accounts(), scene.pebble.orders()), (0, 0));
}

#[test]
fn of_two_servers_with_one_state_folder_one_orders_and_both_serve() {
    let scene = Scene::new();
    let second = scene.place.port();
    let mut command = scene.command("a.test");
    command.env("FOOBAR__WEB__LISTEN", format!("{}:{second} ssl", scene.place.address));
    let _programs = [scene.start("a.test"), Program::start(&mut command)];
    scene.until_served("a.test");
    let root = scene.pebble.root();
    let resolve = format!("*:{second}:{}", scene.place.address);
    let url = format!("https://a.test:{second}/");
    until("the second serves it too", || {
        Some(curl(&root, &["--resolve", &resolve, &url])).filter(|answer| answer.contains("hello"))
    });
    assert_eq!(scene.pebble.orders(), 1, "{}", scene.record());
}

#[test]
fn a_challenge_is_answered_before_any_redirect_and_for_sites_with_such_certificates_alone() {
    let scene = Scene::new();
    let mut command = scene.command("a.test");
    command.env("FOOBAR__SITES__A__WWW", "add").env("FOOBAR__SITES__B__SERVER_NAME", "b.test");
    let other = scene.folder.path().join("other/.well-known/acme-challenge");
    std::fs::create_dir_all(&other).unwrap();
    std::fs::write(other.join("Some-token_1"), "other").unwrap();
    command.env("FOOBAR__SITES__B__ROOT", "other");
    let mut program = Program::start(&mut command);
    program.until_logged(ISSUED);
    scene.until_served("www.a.test");
    let found = scene.over_http("/.well-known/acme-challenge/Some-token_1");
    assert!(found.starts_with("HTTP/1.1 200 ") && found.contains("Some-token_1."), "{found}");
    assert!(found.contains("content-type: text/plain") && found.contains("cache-control: no-store"), "{found}");
    let none = scene.over_http("/.well-known/acme-challenge/no%2Ftoken");
    assert!(!none.contains("token."), "{none}");
    let url = format!("http://b.test:{}/.well-known/acme-challenge/Some-token_1", scene.http);
    assert_eq!(scene.curl(&scene.authority, &[&url]), "other");
}
