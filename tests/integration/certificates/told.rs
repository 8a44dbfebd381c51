//! What operators are told of certificates: by the command, by `/readyz` and by the figures.

use std::process::Command;

use super::scene::{ISSUED, REFUSED, Scene};
use crate::support::guide::blocks;
use crate::support::{Program, at_clock, until};

/// What `certificates` prints.
fn listed(command: &mut Command) -> String {
    let output = command.arg("certificates").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The lines without what differs from one certificate to the next.
fn shape(text: &str) -> Vec<String> {
    let line = |line: &str| match line.split_once("   ") {
        Some((name, value)) => {
            format!("{name} {}", value.split_once(" GMT (in ").map_or("", |(_, days)| &days[days.find(' ').unwrap()..]))
        }
        None => line.to_owned(),
    };
    text.lines().map(line).collect()
}

#[test]
fn the_command_lists_names_issuers_ends_and_the_next_orders() {
    let scene = Scene::new();
    let (program, _) = scene.start_until("a.test,www.a.test", ISSUED);
    let record =
        until("the record is written", || scene.record()["is_issued"].as_bool().filter(|is_issued| *is_issued));
    assert!(record);
    drop(program);
    let mut command = scene.command("a.test,www.a.test");
    command.env("FOOBAR__SITES__B__SERVER_NAME", "b.test").env("FOOBAR__SITES__B__SSL_CERTIFICATE", "internal");
    let text = listed(&mut command);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "site a  a.test www.a.test");
    assert!(lines[1].starts_with("  issuer       CN=Pebble Intermediate CA"), "{text}");
    assert!(lines[2].starts_with("  expires      ") && lines[2].contains(" GMT (in "), "{text}");
    assert!(lines[3].starts_with("  next order   ") && lines[3].contains(" GMT (in "), "{text}");
    let [shown] = blocks("https.md", "the_command_lists_names_issuers_ends_and_the_next_orders").try_into().unwrap();
    assert_eq!(
        shape(&shown),
        shape(&lines[..4].join("\n").replace("a.test", "foobar.com").replace("site a", "site www"))
    );
    assert_eq!(lines[4], "site b  b.test localhost 127.0.0.1 ::1", "{text}");
    assert_eq!(lines[5], "  issuer       none has been issued yet", "{text}");
}

#[test]
fn the_command_says_what_went_wrong_with_the_last_order() {
    let scene = Scene::without_authority();
    drop(scene.start_until("a.test", REFUSED));
    until("the record is written", || scene.state("a.json").exists().then_some(()));
    let text = listed(&mut scene.command("a.test"));
    assert!(text.contains("issuer       none has been issued yet"), "{text}");
    assert!(text.contains("  last error   ") && text.contains("refused"), "{text}");
}

#[test]
fn readyz_and_the_figures_tell_of_a_certificate_that_is_missing_and_of_when_it_expires() {
    let scene = Scene::without_authority();
    let (program, _) = scene.start_until("a.test", REFUSED);
    let ready = program.until_ready(200).text().to_owned();
    assert!(
        ready.contains("web: look at this: `sites.a.ssl_certificate`: no certificate has been issued yet"),
        "{ready}"
    );
    let figure = "foobar_web_certificate_failed_orders{site=\"a\"} 1";
    until("the failure is counted", || program.admin("/metrics").text().contains(figure).then_some(()));
    assert!(!program.admin("/metrics").text().contains("certificate_expiry"));
    drop(program);

    let scene = Scene::new();
    let (program, _) = scene.start_until("a.test", ISSUED);
    scene.until_served("a.test");
    let metrics = program.admin("/metrics").text().to_owned();
    assert!(metrics.contains("foobar_web_certificate_expiry_timestamp_seconds{site=\"a\"} 1"), "{metrics}");
    assert!(!program.until_ready(200).text().contains("look at this"));
}

#[test]
fn readyz_and_the_log_tell_in_time_of_a_certificate_that_is_not_renewed() {
    let mut scene = Scene::new();
    drop(scene.start_until("a.test", ISSUED));
    let text = listed(&mut scene.command("a.test"));
    let expires = text.lines().find(|line| line.trim().starts_with("expires ")).unwrap();
    let days: u64 = expires.split("(in ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    scene.directory = format!("https://{}:{}/dir", scene.place.address, scene.place.port()); // from now on it is down
    let clock = format!("+{}d", days - days / 20);
    let mut program = Program::start(&mut at_clock(&clock, &scene.command("a.test")));
    let line = program.until_logged("the certificate expires in");
    assert!(line.contains("sites.a.ssl_certificate") && line.contains("renew it"), "{line}");
    let ready = program.until_ready(200).text().to_owned();
    assert!(ready.contains("look at this: `sites.a.ssl_certificate`") && ready.contains("expires in"), "{ready}");
}

/// What the doctor says of certificates.
fn examined(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter(|line| line.contains(" certificates ")).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_doctor_tells_of_a_certificate_that_is_missing_and_why() {
    let scene = Scene::without_authority();
    let told = examined(scene.command("a.test").arg("doctor"));
    assert!(told.starts_with("ok ") && told.contains("`sites.a.ssl_certificate`: none for a.test yet"), "{told}");
    drop(scene.start_until("a.test", REFUSED));
    let told = examined(scene.command("a.test").arg("doctor"));
    assert!(
        told.starts_with("problem ") && told.contains("there is none for a.test; the next order is due on 20"),
        "{told}"
    );
    assert!(told.contains("; the last has failed: ") && told.contains("refused"), "{told}");
}

#[test]
fn the_doctor_tells_until_when_a_certificate_is_good_and_of_one_that_has_expired() {
    let scene = Scene::new();
    drop(scene.start_until("a.test", ISSUED));
    let told = examined(scene.command("a.test").arg("doctor"));
    assert!(told.starts_with("ok ") && told.contains("the one for a.test is good until 20"), "{told}");
    let told = examined(&mut at_clock("+20y", scene.command("a.test").arg("doctor")));
    assert!(told.starts_with("problem ") && told.contains("the one for a.test has expired on 20"), "{told}");
}
