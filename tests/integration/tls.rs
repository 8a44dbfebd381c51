//! HTTPS as others speak it: curl and openssl, with each kind of key and version, with and without a certificate of their
//! own. `tests/tls` has the programs that judge a server.

mod observatory;
mod stalled;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use foobar::actix_web::web::{self, ReqData};
use foobar::request::ClientCertificate;
use foobar::tiers::rustls::{CipherSuite, crypto::aws_lc_rs};
use foobar::{App, Running, Server};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair, KeyUsagePurpose,
    SignatureAlgorithm,
};

use crate::support::{Call, Program, Trace};

/// Says who asks.
struct Told;

impl App for Told {
    fn routes(&self, routes: &mut web::ServiceConfig) {
        let tell = async |certificate: Option<ReqData<ClientCertificate>>| {
            certificate.as_deref().map_or("nobody", ClientCertificate::subject).to_owned()
        };
        routes.route("/", web::get().to(tell));
    }
}

/// An authority, with its certificate in `ca.pem` of a folder.
struct Authority {
    folder: tempfile::TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { folder, issuer }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The files of a certificate for `localhost` and its key.
    fn issue(&self, name: &str, algorithm: &'static SignatureAlgorithm, subject: DistinguishedName) -> [String; 2] {
        self.write(name, ["localhost"].as_slice(), algorithm, subject)
    }

    /// The same for these names.
    fn issue_for(&self, names: &[&str], subject: DistinguishedName) -> [String; 2] {
        self.write(names[0], names, &rcgen::PKCS_ECDSA_P256_SHA256, subject)
    }

    fn write(
        &self,
        name: &str,
        names: &[&str],
        algorithm: &'static SignatureAlgorithm,
        subject: DistinguishedName,
    ) -> [String; 2] {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name = subject;
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let files = [(".pem", certificate.pem()), (".key", key.serialize_pem())];
        files.map(|(end, text)| {
            let path = self.path(&format!("{name}{end}"));
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        })
    }
}

fn named(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}

async fn start(settings: &[(&str, &str)]) -> Running {
    start_as(Server::new(), settings).await
}

async fn start_as(server: Server, settings: &[(&str, &str)]) -> Running {
    let server = server.app(Told).set("web.access_log", "off").set("admin.listen", "off");
    let server = server.set("web.listen", "127.0.0.1:0 ssl");
    settings.iter().fold(server, |server, (key, value)| server.set(key, *value)).start().await.unwrap()
}

fn port(running: &Running) -> u16 {
    running.addresses()[0].to_string().rsplit(':').next().unwrap().parse().unwrap()
}

fn text(output: Output) -> String {
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

fn curl(authority: &Path, options: &[&str], url: &str) -> String {
    let mut command = Command::new("curl");
    command.args(["-sS", "--max-time", "60", "--cacert"]).arg(authority).args(options).arg(url);
    text(command.output().expect("curl is installed"))
}

/// What `openssl s_client` says of the connection.
fn openssl(port: u16, authority: &Path, options: &[&str]) -> String {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", &format!("127.0.0.1:{port}"), "-servername", "localhost", "-brief"]);
    command.args(["-verify_return_error", "-CAfile"]).arg(authority).args(options).stdin(Stdio::null());
    text(command.output().expect("openssl is installed"))
}

#[tokio::test]
async fn curl_and_openssl_connect_with_each_version_and_each_kind_of_key() {
    let authority = Authority::new();
    let ca = authority.path("ca.pem");
    for (kind, algorithm, shown) in [
        ("rsa", &rcgen::PKCS_RSA_SHA256, "RSA-PSS"),
        ("p256", &rcgen::PKCS_ECDSA_P256_SHA256, "ECDSA"),
        ("p384", &rcgen::PKCS_ECDSA_P384_SHA384, "ECDSA"),
        ("ed25519", &rcgen::PKCS_ED25519, "ed25519"),
    ] {
        let [certificate, key] = authority.issue(kind, algorithm, named(kind));
        let files = [("sites.a.ssl_certificate", certificate.as_str()), ("sites.a.ssl_certificate_key", key.as_str())];
        let running = start(&files).await;
        let url = format!("https://localhost:{}/", port(&running));
        for (version, protocol) in [("1.2", "TLSv1.2"), ("1.3", "TLSv1.3")] {
            let tls = format!("--tlsv{version}");
            assert_eq!(curl(&ca, &[&tls, "--tls-max", version], &url), "nobody", "{kind} {version}");
            let said = openssl(port(&running), &ca, &[&format!("-tls{}", version.replace('.', "_"))]);
            assert!(said.contains(&format!("Protocol version: {protocol}")), "{kind} {version}: {said}");
            assert!(said.contains("Verification: OK"), "{kind} {version}: {said}");
            assert!(said.contains(&format!("Signature type: {shown}")), "{kind} {version}: {said}");
        }
        running.stop().await;
    }
}

#[tokio::test]
async fn the_subject_of_a_client_is_written_as_by_openssl() {
    let authority = Authority::new();
    let ca = authority.path("ca.pem");
    let [certificate, key] = authority.issue("own", &rcgen::PKCS_ECDSA_P256_SHA256, named("own"));
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CountryName, "DE");
    subject.push(DnType::OrganizationName, "Bücher, Bytes + \"Söhne\"");
    subject.push(DnType::CommonName, "#Ann; <a> \\ b ");
    let [client, client_key] = authority.issue("client", &rcgen::PKCS_ECDSA_P256_SHA256, subject);
    let running = start(&[
        ("sites.a.ssl_certificate", &certificate),
        ("sites.a.ssl_certificate_key", &key),
        ("sites.a.ssl_verify_client", "on"),
        ("sites.a.ssl_client_certificate", &ca.display().to_string()),
    ])
    .await;
    let url = format!("https://localhost:{}/", port(&running));
    let mut command = Command::new("openssl");
    command.args(["x509", "-noout", "-subject", "-nameopt", "RFC2253,-esc_msb,utf8", "-in", &client]);
    let subject = text(command.output().expect("openssl is installed"));
    for version in ["1.2", "1.3"] {
        let options = ["--tls-max", version, "--cert", &client, "--key", &client_key];
        assert_eq!(format!("subject={}\n", curl(&ca, &options, &url)), subject);
        let refused = curl(&ca, &["--tls-max", version], &url);
        assert!(refused.starts_with("curl: (") && refused.contains("alert"), "{refused}");
    }
    let refused = openssl(port(&running), &ca, &["-tls1_2"]);
    assert!(refused.contains("alert number 116"), "{refused}");
    running.stop().await;
}

#[tokio::test]
async fn the_admin_listener_speaks_tls() {
    let authority = Authority::new();
    let ca = authority.path("ca.pem");
    let [certificate, key] = authority.issue("admin", &rcgen::PKCS_ECDSA_P256_SHA256, named("admin"));
    let running = start(&[
        ("web.listen", "127.0.0.1:0"),
        ("admin.listen", "127.0.0.1:0 ssl"),
        ("admin.ssl_certificate", &certificate),
        ("admin.ssl_certificate_key", &key),
    ])
    .await;
    let address = running.admin_address().expect("it is on").to_string();
    let port = address.strip_prefix("https://127.0.0.1:").expect("it speaks TLS");
    assert_eq!(curl(&ca, &[], &format!("https://localhost:{port}/livez")), "alive\n");
    let to = format!("evil.test:{port}:127.0.0.1");
    let elsewhere = curl(&ca, &["-k", "--resolve", &to], &format!("https://evil.test:{port}/livez"));
    assert!(elsewhere.starts_with("curl: (35)"), "{elsewhere}");
    let options = ["-H", "Host: evil.test"];
    let elsewhere = curl(&ca, &options, &format!("https://localhost:{port}/livez"));
    assert!(elsewhere.contains("admin.server_name"), "{elsewhere}");
    running.stop().await;
}

#[tokio::test]
async fn the_sites_and_the_admin_listener_speak_the_cipher_suites_of_the_programs_provider_alone() {
    let authority = Authority::new();
    let ca = authority.path("ca.pem");
    let [certificate, key] = authority.issue("both", &rcgen::PKCS_ECDSA_P256_SHA256, named("both"));
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites.retain(|suite| suite.suite() == CipherSuite::TLS13_AES_256_GCM_SHA384);
    let settings = [
        ("admin.listen", "127.0.0.1:0 ssl"),
        ("sites.a.ssl_certificate", &certificate),
        ("sites.a.ssl_certificate_key", &key),
        ("admin.ssl_certificate", &certificate),
        ("admin.ssl_certificate_key", &key),
    ];
    let running = start_as(Server::new().crypto_provider(Arc::new(provider)), &settings).await;
    let admin = running.admin_address().expect("it is on").to_string();
    let admin = admin.rsplit(':').next().unwrap().parse().unwrap();
    for port in [port(&running), admin] {
        let said = openssl(port, &ca, &[]);
        assert!(said.contains("Ciphersuite: TLS_AES_256_GCM_SHA384"), "{said}");
        let refused = openssl(port, &ca, &["-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"]);
        assert!(refused.contains("alert number 40"), "{refused}");
    }
    running.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_the_certificate_of_the_admin_listener_is_said_of_its_own_key() {
    for (key, value, message) in [
        ("admin.listen", "127.0.0.1:0 ssl", "`admin.listen`: it needs a certificate for TLS"),
        (
            "admin.ssl_certificate",
            "/no/such",
            "`admin.ssl_certificate`: there are not as many keys (0) as certificates (1);",
        ),
        (
            "admin.ssl_certificate_key",
            "/no/such",
            "`admin.ssl_certificate_key`: there are not as many keys (1) as certificates (0);",
        ),
        ("admin.listen", "127.0.0.1:0 proxy_protocol", "`admin.listen`: "),
    ] {
        let server = Server::new().app(Told).set("admin.listen", "127.0.0.1:0").set(key, value);
        let error = server.start().await.err().expect("it does not start");
        let told = foobar::Chain(&error).to_string();
        assert!(told.contains(message), "{told}");
    }
}

/// What `openssl s_client` says of a connection in which it asks for another handshake.
fn renegotiate(port: u16, authority: &Path) -> String {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", &format!("127.0.0.1:{port}"), "-servername", "localhost", "-tls1_2"]);
    command.arg("-CAfile").arg(authority).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("openssl is installed");
    child.stdin.take().unwrap().write_all(b"R\n").unwrap();
    text(child.wait_with_output().unwrap())
}

#[tokio::test]
async fn another_handshake_in_a_connection_is_refused_and_others_are_served() {
    let authority = Authority::new();
    let ca = authority.path("ca.pem");
    let [certificate, key] = authority.issue("own", &rcgen::PKCS_ECDSA_P256_SHA256, named("own"));
    let files = [("sites.a.ssl_certificate", certificate.as_str()), ("sites.a.ssl_certificate_key", key.as_str())];
    let running = start(&files).await;
    for _ in 0..3 {
        let said = renegotiate(port(&running), &ca);
        assert!(said.contains("RENEGOTIATING") && said.contains("no renegotiation"), "{said}");
        assert_eq!(curl(&ca, &[], &format!("https://localhost:{}/", port(&running))), "nobody");
    }
    running.stop().await;
}

fn descriptor(call: &Call) -> &str {
    call.rest.split([',', ')']).next().expect("split gives one at least")
}

/// One packet carries an answer from the cache, the announcement of the end and the end: they are written as one, with more
/// to come, and the end of this side follows. The first look is at the disk.
#[test]
fn the_answer_the_announcement_of_the_end_and_the_end_go_out_together() {
    let authority = Authority::new();
    let ca = authority.path("ca.pem");
    let [certificate, key] = authority.issue("own", &rcgen::PKCS_ECDSA_P256_SHA256, named("own"));
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("root")).unwrap();
    std::fs::write(folder.path().join("root/file.txt"), "a file\n").unwrap();
    let mut command = Program::foobar(folder.path());
    for (key, value) in [
        ("WEB__LISTEN", r#"["127.0.0.2:0", "127.0.0.1:0 ssl"]"#),
        ("WEB__WORKERS", "1"),
        ("SITES__A__ROOT", "root"),
        ("SITES__A__SSL_CERTIFICATE", &certificate),
        ("SITES__A__SSL_CERTIFICATE_KEY", &key),
    ] {
        command.env(format!("FOOBAR__{key}"), value);
    }
    let (mut command, trace) = Trace::of(&command, &[], folder.path());
    let program = Program::start(&mut command);
    let listening = program.banner.iter().find_map(|line| line.rsplit_once("https://127.0.0.1:"));
    let url = format!("https://localhost:{}/file.txt", listening.expect("it speaks TLS").1);
    for version in ["1.2", "1.2", "1.3"] {
        assert_eq!(curl(&ca, &["--http1.1", "--tls-max", version, "-H", "Connection: close"], &url), "a file\n");
    }
    program.signal("TERM");
    assert!(program.wait().0.success());
    let calls = trace.calls();
    // A connection's end is the first `shutdown` after it was written to. It may fail with ENOTCONN: on a busy machine the
    // client has all of it and is gone before.
    let ends: Vec<_> = (1..calls.len())
        .filter(|at| calls[*at].name == "shutdown")
        .filter_map(|at| {
            let is_of_it = |call: &&Call| (call.thread, descriptor(call)) == (calls[at].thread, descriptor(&calls[at]));
            let of_sending =
                |call: &&Call| call.name.starts_with("send") || ["shutdown", "close"].contains(&&*call.name);
            let before = calls[..at].iter().rev().filter(is_of_it).find(of_sending)?;
            before.name.starts_with("send").then_some(before)
        })
        .collect();
    assert_eq!(ends.len(), 3, "{calls:#?}");
    for before in ends.into_iter().skip(1) {
        assert!(before.name == "sendto" && before.rest.contains("MSG_MORE"), "{before:?}");
        let sent: usize = before.rest.rsplit("= ").next().unwrap().parse().unwrap();
        assert!(sent > 200, "more than the announcement: {before:?}");
    }
}
