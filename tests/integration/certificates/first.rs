//! From a configuration and an empty folder to a certificate that is served.

use std::path::Path;
use std::time::Instant;

use super::scene::Scene;
use crate::support::{Program, until};

#[test]
fn two_lines_and_an_empty_folder_come_to_a_certificate_that_is_served() {
    let scene = Scene::new();
    let folder = scene.folder.path();
    let configuration = "
        acme.accept_terms_of_service = true
        sites.a = { server_name = 'a.test', ssl_certificate = 'auto', routes.'/' = { respond = 200, body = 'hello' } }
    ";
    std::fs::write(folder.join("foobar.toml"), configuration).unwrap();
    let mut command = Program::foobar(folder);
    scene.surround(&mut command);
    let started = Instant::now();
    let _program = Program::start(&mut command);
    scene.until_served("a.test");
    println!("from the start of the program to a certificate that is served: {:?}", started.elapsed());
}

#[test]
fn the_example_site_gets_its_certificate_by_its_own_configuration() {
    let scene = Scene::new();
    let mut command = Program::example("site", scene.folder.path());
    command.arg("--config").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/site/foobar.toml"));
    scene.surround(&mut command);
    command.env("FOOBAR__WEB__STATE_DIR", scene.folder.path().join("state"));
    command.env("FOOBAR__ACME__ACCEPT_TERMS_OF_SERVICE", "true").env("FOOBAR__SITES__WWW__SSL_CERTIFICATE", "auto");
    let started = Instant::now();
    let _program = Program::start(&mut command);
    let page = until("the site has its certificate", || {
        Some(scene.over_tls("www.foobar.com")).filter(|answer| answer.contains("Foobar"))
    });
    println!("from the start of the site to its certificate: {:?}", started.elapsed());
    assert!(page.contains("strict-transport-security: max-age=31536000"), "{page}");
    let without_www = scene.over_tls("foobar.com");
    assert!(without_www.starts_with("HTTP/1.1 301 "), "of the same certificate: {without_www}");
    let plain = scene.curl(&scene.authority, &["-i", &format!("http://www.foobar.com:{}/", scene.http)]);
    assert!(plain.starts_with("HTTP/1.1 308 ") && plain.contains("location: https://www.foobar.com"), "{plain}");
}
