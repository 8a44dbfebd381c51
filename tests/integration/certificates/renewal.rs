//! When a certificate is renewed: as its authority says (RFC 9773), within its life.

use std::time::{Duration, SystemTime};

use super::meddler::answer;
use super::scene::{ISSUED, Scene, seconds};
use crate::support::until;

/// The answers of an authority that says this of when to renew; it gives the fields too.
fn renewals(line: &str, real: &str, said: impl Fn() -> (&'static str, &'static str, String)) -> Option<String> {
    let path = line.split(' ').nth(1)?;
    if path.starts_with("/renewal/") {
        let (status, fields, content) = said();
        return Some(answer(status, fields, &content));
    }
    let (head, body) = real.split_once("\r\n\r\n").filter(|_| path == "/dir")?;
    let host = body.split("https://").nth(1)?.split('/').next()?;
    let body = body.replacen('{', &format!("{{\"renewalInfo\":\"https://{host}/renewal\","), 1);
    let fields = head.lines().filter(|line| line.starts_with("Replay-Nonce")).map(|line| format!("{line}\r\n"));
    Some(answer("200 OK", &fields.collect::<String>(), &body))
}

const DAY: f64 = 24.0;

/// From so many hours from now to so many.
fn window(from: f64, to: f64) -> String {
    format!("{{\"suggestedWindow\":{{\"start\":\"{}\",\"end\":\"{}\"}}}}", rfc3339(from), rfc3339(to))
}

fn rfc3339(hours: f64) -> String {
    let text = httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds(hours)));
    let [_, day, month, year, time, _] = text.split(' ').collect::<Vec<_>>()[..] else { panic!("{text}") };
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = months.iter().position(|name| *name == month).unwrap() + 1;
    format!("{year}-{month:02}-{day}T{time}Z")
}

/// What `certificates` says of the next order.
fn next_order(scene: &Scene) -> SystemTime {
    let output = scene.command("a.test").arg("certificates").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find_map(|line| line.trim().strip_prefix("next order ")).expect("there is one");
    httpdate::parse_http_date(line.trim().split(" (").next().unwrap()).unwrap()
}

fn is_within(time: SystemTime, from: f64, to: f64) -> bool {
    (seconds(from)..=seconds(to)).contains(&time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs())
}

/// Until the authority has been asked.
fn asked(scene: &Scene) -> serde_json::Value {
    until("the authority has been asked", || Some(scene.record()).filter(|record| !record["ask_at"].is_null()))
}

#[test]
fn the_authority_says_when_a_certificate_is_renewed() {
    let (scene, _meddler) = Scene::meddled(|line, real| {
        renewals(line, real, || ("200 OK", "Retry-After: 7200\r\n", window(100.0 * DAY, 101.0 * DAY)))
    });
    let (_program, _) = scene.start_until("a.test", ISSUED);
    let ask_at = asked(&scene)["ask_at"].as_u64().unwrap();
    assert!((seconds(1.9)..=seconds(2.0)).contains(&ask_at), "{ask_at}");
    assert!(is_within(next_order(&scene), 99.9 * DAY, 101.1 * DAY), "{:?}", next_order(&scene));
}

#[test]
fn a_time_beyond_the_certificates_life_is_not_waited_for() {
    let (scene, _meddler) = Scene::meddled(|line, real| {
        renewals(line, real, || ("200 OK", "Retry-After: 7200\r\n", window(36_500.0 * DAY, 36_501.0 * DAY)))
    });
    let (_program, _) = scene.start_until("a.test", ISSUED);
    asked(&scene);
    let output = scene.command("a.test").arg("certificates").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let days = |name: &str| -> u64 {
        let line = text.lines().find(|line| line.trim().starts_with(name)).unwrap();
        line.split("(in ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap()
    };
    assert!(days("next order") <= days("expires") * 91 / 100, "{text}");
}

#[test]
fn an_authority_that_does_not_say_when_to_ask_again_is_asked_after_six_hours() {
    let (scene, _meddler) =
        Scene::meddled(|line, real| renewals(line, real, || ("200 OK", "", window(100.0 * DAY, 101.0 * DAY))));
    let (_program, _) = scene.start_until("a.test", ISSUED);
    let record = asked(&scene);
    let (ask_at, renew_at) = (record["ask_at"].as_u64().unwrap(), record["renew_at"].as_u64().unwrap());
    assert!((seconds(5.9)..=seconds(6.0)).contains(&ask_at), "{record}");
    assert!((seconds(99.9 * DAY)..=seconds(101.1 * DAY)).contains(&renew_at), "{record}");
}

#[test]
fn a_certificate_that_is_to_be_renewed_now_is_ordered_an_hour_after_the_last_order_and_says_what_it_replaces() {
    let (scene, meddler) = Scene::meddled(|line, real| {
        renewals(line, real, || ("200 OK", "Retry-After: 7200\r\n", window(-2.0 * DAY, -DAY)))
    });
    let (program, _) = scene.start_until("a.test", ISSUED);
    asked(&scene);
    assert!(is_within(next_order(&scene), 0.9, 1.0), "{:?}", next_order(&scene));
    drop(program);
    let before = meddler.payloads("/order-plz");
    assert!(before.iter().all(|order| !order.contains("replaces")), "{before:?}");
    let mut record = scene.record();
    record["last_order"] = seconds(-2.0).into();
    std::fs::write(scene.state("a.json"), record.to_string()).unwrap();
    let (_program, _) = scene.start_until("a.test", ISSUED);
    let renewed = &meddler.payloads("/order-plz")[before.len()..];
    assert!(renewed[0].contains("\"replaces\":"), "{renewed:?}");
}

#[test]
fn an_authority_that_knows_nothing_of_a_certificate_or_answers_nonsense_is_asked_later() {
    let no = |line: &str, real: &str| {
        renewals(line, real, || {
            let problem = "{\"type\":\"urn:ietf:params:acme:error:malformed\",\"detail\":\"unknown\"}";
            ("404 Not Found", "", problem.to_owned())
        })
    };
    let garbage = |line: &str, real: &str| {
        renewals(line, real, || ("200 OK", "Retry-After: soon\r\n", "<h1>hello</h1>".to_owned()))
    };
    for meddle in [no as super::meddler::Meddle, garbage] {
        let (scene, _meddler) = Scene::meddled(meddle);
        let (_program, _) = scene.start_until("a.test", ISSUED);
        let record = asked(&scene);
        let ask_at = record["ask_at"].as_u64().unwrap();
        assert!((seconds(5.9)..=seconds(6.0)).contains(&ask_at) && record["renew_at"].is_null(), "{record}");
        assert!(is_within(next_order(&scene), 2.0, 365.0 * 10.0 * DAY), "by its life");
    }
}
