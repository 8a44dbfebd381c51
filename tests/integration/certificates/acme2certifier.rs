//! The second implementation of an authority, acme2certifier, which offers kinds of certificates (profiles) and says when to
//! renew (RFC 9773). It takes everybody's word for the names: those are pebble's to look at.

use std::fs::{self, File};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, IsCa, KeyIdMethod, KeyPair,
    KeyUsagePurpose, SerialNumber,
};

use super::pebble::Place;
use super::scene::{ISSUED, Scene};
use crate::support::{Program, until};

/// A running one; killed when dropped.
struct Acme2certifier {
    folder: tempfile::TempDir,
    address: String,
    child: Child,
}

impl Acme2certifier {
    fn start(place: &Place) -> Self {
        let folder = tempfile::tempdir().unwrap();
        make_authority(folder.path(), &place.address);
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("saved")).unwrap();
        fs::write(path("acme_srv.cfg"), configuration(folder.path())).unwrap();
        let python = root().join("target/tools/acme2certifier/bin/python");
        assert!(python.exists(), "acme2certifier is missing: run tests/run, which installs it");
        let port = place.port();
        let mut command = Command::new(python);
        command.arg(root().join("tests/programs/acme_server.py")).arg(&place.address).arg(port.to_string());
        command.arg(path("own.pem")).arg(path("own.key")).current_dir(folder.path());
        command.env("ACME_SRV_CONFIGFILE", path("acme_srv.cfg")).env("ACME2CERTIFIER_I_KNOW_THE_RISK", "1");
        let log = File::create(path("log")).unwrap();
        let mut child = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let address = format!("{}:{port}", place.address);
        until("acme2certifier listens", || {
            let log = || fs::read_to_string(path("log")).unwrap();
            assert_eq!(child.try_wait().unwrap(), None, "it has ended: {}", log());
            TcpStream::connect(&address).ok()
        });
        Self { folder, address, child }
    }

    /// What its database says.
    fn rows(&self, query: &str) -> String {
        let output = Command::new("sqlite3").arg(self.folder.path().join("acme.db")).arg(query).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

impl Drop for Acme2certifier {
    fn drop(&mut self) {
        drop(self.child.kill()); // it may have ended
        drop(self.child.wait());
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What signs, its list of what it has revoked, and the certificate of its own server.
fn make_authority(folder: &Path, address: &str) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let issuer =
        CertifiedIssuer::self_signed(params, KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap()).unwrap();
    let revoked = CertificateRevocationListParams {
        this_update: rcgen::date_time_ymd(2020, 1, 1),
        next_update: rcgen::date_time_ymd(2120, 1, 1),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: Vec::new(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    let key = KeyPair::generate().unwrap();
    let own = CertificateParams::new(vec![address.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    for (name, content) in [
        ("ca.pem", issuer.pem()),
        ("ca.key", issuer.key().serialize_pem()),
        ("crl.pem", revoked.signed_by(&issuer).unwrap().pem().unwrap()),
        ("own.pem", own.pem()),
        ("own.key", key.serialize_pem()),
    ] {
        fs::write(folder.join(name), content).unwrap();
    }
}

fn configuration(folder: &Path) -> String {
    format!(
        r#"
[DEFAULT]
debug: False

[CAhandler]
handler_module: acme2certifier.cahandlers.openssl_ca_handler
issuing_ca_key: {folder}/ca.key
issuing_ca_cert: {folder}/ca.pem
issuing_ca_crl: {folder}/crl.pem
cert_save_path: {folder}/saved
cert_validity_days: 30

[DBhandler]
handler: wsgi
dbfile: {folder}/acme.db

[Challenge]
challenge_validation_disable: True

[Order]
profiles: {{"classic": "https://foobar.com/classic", "shortlived": "https://foobar.com/shortlived"}}

[Renewalinfo]
"#,
        folder = folder.display()
    )
}

/// A server whose authority is that one.
fn scene() -> (Scene, Acme2certifier) {
    let mut scene = Scene::new();
    let authority = Acme2certifier::start(&scene.place);
    scene.directory = format!("https://{}/directory", authority.address);
    scene.authority = authority.folder.path().join("ca.pem");
    (scene, authority)
}

fn start(scene: &Scene) -> Program {
    let mut command = scene.command("a.test");
    Program::start(command.env("FOOBAR__ACME__PROFILE", "shortlived").env("FOOBAR__ACME__CONTACT", "admin@foobar.com"))
}

fn certificate(scene: &Scene) -> PathBuf {
    scene.state("a.pem")
}

#[test]
fn another_authority_issues_the_kind_that_is_wanted_and_says_when_it_is_renewed() {
    let (scene, authority) = scene();
    let mut program = start(&scene);
    program.until_logged(ISSUED);
    let renews = until("the authority has been asked when", || scene.record()["renew_at"].as_u64());
    let output =
        Command::new("openssl").args(["x509", "-noout", "-checkend", "0", "-in"]).arg(certificate(&scene)).output();
    assert!(output.unwrap().status.success(), "the file is a certificate, and has not expired");
    let (day, issued) = (24 * 60 * 60, scene.record()["last_order"].as_u64().unwrap());
    let window = issued + 25 * day..=issued + 30 * day + 60;
    assert!(window.contains(&renews), "{renews} is not in the last 15 % of 30 days after {issued}");
    assert_eq!(authority.rows("SELECT profile FROM orders"), "shortlived\n");
    assert!(authority.log().contains("/acme/renewal-info/"), "{}", authority.log());
}

#[test]
fn a_renewal_succeeds_at_once_at_an_authority_that_does_not_repeat_what_the_order_replaces() {
    let (scene, authority) = scene();
    let mut program = start(&scene);
    program.until_logged(ISSUED);
    until("the authority has been asked when", || scene.record()["renew_at"].as_u64());
    let before = fs::read(certificate(&scene)).unwrap();
    drop(program);
    let mut record = scene.record();
    (record["last_order"], record["renew_at"]) = (0.into(), 0.into());
    fs::write(scene.state("a.json"), record.to_string()).unwrap();
    let mut program = start(&scene);
    program.until_logged(ISSUED);
    assert_ne!(fs::read(certificate(&scene)).unwrap(), before);
    assert_eq!(scene.record()["failures"], 0);
    assert_eq!(authority.rows("SELECT count(*) FROM certificate"), "2\n");
}
