//! Certificates whose files have become worse than what is in use.

use std::fs;
use std::time::{Duration, SystemTime};

use foobar::{Chain, Server};
use rcgen::{CertificateParams, KeyPair};

use super::{Site, embedded, get};

/// Puts a certificate there that is good from one day to another, counted from today.
fn issue(site: &Site, from: i8, to: i8) {
    let (mut params, key) = (CertificateParams::new(["a.test".to_owned()]).unwrap(), KeyPair::generate().unwrap());
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
    let (pem, key) = (site.path(certificate), site.path("key"));
    format!(
        "[sites.main]\nserver_name = 'a.test'\ndefault = true\nhttps = 'keep'\nssl_certificate = {pem:?}\n\
         ssl_certificate_key = {key:?}\n[sites.main.routes.'/page']\nrespond = 200\nbody = '{text}'\n"
    )
}

#[tokio::test]
async fn a_reload_takes_no_certificate_that_has_expired_for_a_good_one_of_the_same_file() {
    let site = Site::new("");
    issue(&site, -1, 60);
    site.write(&page(&site, "version 1", "pem"));
    let running = embedded(&site.path("foobar.toml"), Server::new()).await;
    issue(&site, -60, -1);
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
