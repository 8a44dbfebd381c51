//! Certificates whose files have become worse than what is in use.

use std::fs;
use std::time::{Duration, SystemTime};

use foobar::{Chain, Running, Server};
use rcgen::{CertificateParams, KeyPair};

use super::{Site, embedded, get};

/// Puts a certificate for these names there that is good from one day to another, counted from today.
fn issue(site: &Site, names: &[&str], from: i8, to: i8) {
    let names: Vec<String> = names.iter().copied().map(str::to_owned).collect();
    let (mut params, key) = (CertificateParams::new(names).unwrap(), KeyPair::generate().unwrap());
    let at = |days: i8| {
        let days_away = Duration::from_secs(24 * 60 * 60) * u32::from(days.unsigned_abs());
        if days < 0 { SystemTime::now() - days_away } else { SystemTime::now() + days_away }
    };
    (params.not_before, params.not_after) = (at(from).into(), at(to).into());
    fs::write(site.path("pem"), params.self_signed(&key).unwrap().pem()).unwrap();
    fs::write(site.path("key"), key.serialize_pem()).unwrap();
}

/// A site of that certificate, under this path of it.
fn page(site: &Site, text: &str, certificate: &str) -> String {
    named_page(site, &["a.test"], text, certificate)
}

/// The same with these names.
fn named_page(site: &Site, names: &[&str], text: &str, certificate: &str) -> String {
    let (pem, key) = (site.path(certificate), site.path("key"));
    format!(
        "[sites.main]\nserver_name = {names:?}\ndefault = true\nhttps = 'keep'\nssl_certificate = {pem:?}\n\
         ssl_certificate_key = {key:?}\n[sites.main.routes.'/page']\nrespond = 200\nbody = '{text}'\n"
    )
}

#[tokio::test]
async fn a_reload_takes_no_certificate_that_has_expired_for_a_good_one_of_the_same_file() {
    let site = Site::new("");
    issue(&site, &["a.test"], -1, 60);
    site.write(&page(&site, "version 1", "pem"));
    let running = embedded(&site.path("foobar.toml"), Server::new()).await;
    issue(&site, &["a.test"], -60, -1);
    site.write(&page(&site, "version 2", "pem"));
    let error = running.reload().await.unwrap_err();
    let told = Chain(&error).to_string();
    assert!(told.contains("`sites.main.ssl_certificate`: ") && told.contains("the certificate has expired"), "{told}");
    assert_eq!(get(&running, "/page"), "version 1");
    fs::rename(site.path("pem"), site.path("other.pem")).unwrap();
    site.write(&page(&site, "version 3", "other.pem"));
    let warnings = running.reload().await.unwrap().warnings;
    assert!(warnings.iter().any(|warning| warning.contains("the certificate has expired")), "{warnings:?}");
    assert_eq!(get(&running, "/page"), "version 3", "another path is what the configuration says");
    running.stop().await;
}

/// A server whose certificate was for both names, and now, in the same file, is for the first one alone.
async fn with_a_name_less() -> (Site, Running) {
    let site = Site::new("");
    issue(&site, BOTH, -1, 60);
    site.write(&named_page(&site, BOTH, "version 1", "pem"));
    let running = embedded(&site.path("foobar.toml"), Server::new()).await;
    issue(&site, &BOTH[..1], -1, 60);
    (site, running)
}

const BOTH: &[&str] = &["a.test", "b.test"];

#[tokio::test]
async fn a_reload_that_takes_a_name_away_takes_a_certificate_without_it() {
    let (site, running) = with_a_name_less().await;
    site.write(&named_page(&site, &BOTH[..1], "version 2", "pem"));
    let reloaded = running.reload().await.unwrap();
    assert!(reloaded.changed.contains(&"sites.main.server_name".to_owned()), "{reloaded:?}");
    assert_eq!(get(&running, "/page"), "version 2");
    running.stop().await;
}

#[tokio::test]
async fn a_reload_takes_no_certificate_without_a_name_that_the_site_keeps() {
    let (site, running) = with_a_name_less().await;
    site.write(&named_page(&site, BOTH, "version 2", "pem"));
    let told = Chain(&running.reload().await.unwrap_err()).to_string();
    assert!(told.contains("the certificate is not for \"b.test\", as the one in use is"), "{told}");
    assert_eq!(get(&running, "/page"), "version 1");
    running.stop().await;
}
