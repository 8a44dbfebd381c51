//! A proxy in front, by the lines of the guide.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

use crate::support::guide::blocks;
use crate::support::{Client, Program, Wire, until};

/// The start of a file for nginx that keeps what it writes in `folder`.
fn surroundings(folder: &Path) -> String {
    let folder = folder.display();
    let paths =
        ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|of| format!("{of}_temp_path {folder}/{of};\n"));
    format!(
        "daemon off;\nmaster_process off;\npid {folder}/pid;\nevents {{}}\nhttp {{\naccess_log off;\n{}",
        paths.concat()
    )
}

/// A certificate, and its key: `foobar.com.pem` and `foobar.com.key` of a folder.
fn certificate(folder: &Path) -> CertificateDer<'static> {
    let names = ["foobar.com", "127.0.0.1"].map(str::to_owned);
    let issued = rcgen::generate_simple_self_signed(names).unwrap();
    fs::write(folder.join("foobar.com.pem"), issued.cert.pem()).unwrap();
    fs::write(folder.join("foobar.com.key"), issued.signing_key.serialize_pem()).unwrap();
    issued.cert.der().clone()
}

#[test]
fn nginx_accepts_the_file_that_the_guide_turns_into_toml() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path());
    let place = folder.path().display().to_string();
    fs::write(folder.path().join("mime.types"), "types { text/html html; }").unwrap();
    let [text] = &blocks("from-nginx.md", "nginx_accepts_the_file_that_the_guide_turns_into_toml")[..] else {
        panic!("there is one")
    };
    let text = text.replace("/etc/foobar/", &format!("{place}/")).replace("/var/log/nginx/", &format!("{place}/"));
    let text = text.replace("listen 80;", &format!("listen unix:{place}/80;"));
    let text = text.replace("listen 443 ", &format!("listen unix:{place}/443 "));
    fs::write(folder.path().join("nginx.conf"), format!("pid {place}/pid;\n{text}")).unwrap();
    let mut command = Command::new("/usr/sbin/nginx");
    command.arg("-t").arg("-p").arg(folder.path()).arg("-c").arg(folder.path().join("nginx.conf"));
    let output = command.args(["-e", "stderr"]).output().expect("nginx is installed (tests/run does it on Debian)");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("[emerg]"), "{said}");
    assert!((50..=70).contains(&text.lines().count()), "it is a file of some 60 lines");
}

/// A proxy in front of a program, on a port that was free. Killed when dropped.
struct Proxy {
    child: Child,
    port: u16,
}

impl Proxy {
    /// Starts the command for a port; for another port where somebody was faster.
    fn start(command: impl Fn(u16) -> Command) -> Self {
        until("the proxy listens", || {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let child = command(port).stdin(Stdio::null()).spawn();
            let child = child.expect("nginx and Caddy are installed (tests/run does it on Debian)");
            Self { child, port }.once_it_listens()
        })
    }

    /// nginx with these blocks of the guide.
    fn nginx(folder: &Path, text: &str) -> Self {
        Self::start(|port| {
            let text = text.replace("listen 443 ", &format!("listen 127.0.0.1:{port} "));
            fs::write(folder.join("nginx.conf"), format!("{}{text}}}\n", surroundings(folder))).unwrap();
            let mut command = Command::new("/usr/sbin/nginx");
            command.arg("-p").arg(folder).arg("-c").arg(folder.join("nginx.conf")).args(["-e", "stderr"]);
            command
        })
    }

    /// Caddy with this block of the guide, and the certificate of the folder in place of one of an authority.
    fn caddy(folder: &Path, text: &str) -> Self {
        Self::start(|port| {
            let place = folder.display();
            let tls = format!("tls {place}/foobar.com.pem {place}/foobar.com.key");
            let site = format!("https://foobar.com:{port} {{\n    bind 127.0.0.1\n    {tls}\n");
            let text = text.replace("foobar.com {\n", &site);
            let options = "{\n    admin off\n    auto_https off\n    log {\n        level ERROR\n    }\n}\n";
            fs::write(folder.join("Caddyfile"), format!("{options}{text}")).unwrap();
            let mut command = Command::new("caddy");
            command.args(["run", "--adapter", "caddyfile", "--config"]).arg(folder.join("Caddyfile"));
            command.env("HOME", folder).env_remove("XDG_DATA_HOME").env_remove("XDG_CONFIG_HOME");
            command
        })
    }

    fn once_it_listens(mut self) -> Option<Self> {
        until("the proxy listens, or ends", || {
            let ended = self.child.try_wait().unwrap().is_some();
            let listens = TcpStream::connect(("127.0.0.1", self.port)).is_ok();
            (ended || listens).then_some(!ended)
        })
        .then_some(self)
    }

    /// What curl prints of an answer, asked for from another address of this machine.
    fn curl(&self, path: &str, fields: &[&str]) -> String {
        let mut command = Command::new("curl");
        command.args(["-sSki", "--interface", "127.0.0.2", "--connect-to"]);
        command.arg(format!("::127.0.0.1:{}", self.port)).arg(format!("https://foobar.com{path}"));
        fields.iter().for_each(|field| _ = command.args(["-H", field]));
        let output = command.output().expect("curl is installed (tests/run does it on Debian)");
        String::from_utf8(output.stdout).unwrap()
    }

    /// A connection over TLS.
    fn client(&self, certificate: &CertificateDer<'static>) -> Client {
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap();
        let config = config.with_root_certificates(roots).with_no_client_auth();
        Client::over(Wire::tls(&format!("127.0.0.1:{}", self.port), &Arc::new(config)))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.child.kill()); // it may have ended
        drop(self.child.wait());
    }
}

/// What a client says of itself, which nobody may believe.
const CLAIMS: [&str; 4] = [
    "X-Forwarded-For: 192.0.2.1",
    "X-Forwarded-Host: other.example",
    "X-Forwarded-Proto: http",
    "Forwarded: for=192.0.2.1;host=other.example;proto=http",
];

/// With the block of the guide that `test` tries in front of a program, that knows who has asked, and how.
fn it_is_known_who_asks_and_how(test: &str, start: impl Fn(&Path, &str) -> Proxy) {
    let folder = tempfile::tempdir().unwrap();
    let certificate = certificate(folder.path());
    let mut command = Program::example("proving", folder.path());
    command.env("FOOBAR__WEB__TRUSTED_PROXIES", "127.0.0.1").env("FOOBAR__SITES__DEFAULT__HSTS", "365d");
    command.env("FOOBAR__WEB__ACCESS_LOG", "stdout").env("FOOBAR__WEB__LOG_FORMAT", "json");
    let mut program = Program::start(&mut command);
    let [text] = &blocks("deployment.md", test)[..] else { panic!("there is one") };
    let text = text.replace("127.0.0.1:8080", &program.address);
    let proxy = start(folder.path(), &text.replace("/etc/foobar/", &format!("{}/", folder.path().display())));

    let answer = proxy.curl("/", &CLAIMS);
    assert!(answer.contains("strict-transport-security"), "the scheme is known: {answer}");
    let line: serde_json::Value = serde_json::from_str(&program.line()).unwrap();
    assert_eq!((&line["remote"], &line["host"]), (&"127.0.0.2".into(), &"foobar.com".into()), "{line}");

    let mut client = proxy.client(&certificate);
    let fields = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                  Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    client.send(format!("GET /socket HTTP/1.1\r\nHost: foobar.com\r\n{fields}\r\n"));
    assert_eq!(client.interim("GET").status, 101);
}

#[test]
fn nginx_of_the_guide_passes_on_who_asked_and_how() {
    it_is_known_who_asks_and_how("nginx_of_the_guide_passes_on_who_asked_and_how", Proxy::nginx);
}

#[test]
fn caddy_of_the_guide_passes_on_who_asked_and_how() {
    it_is_known_who_asks_and_how("caddy_of_the_guide_passes_on_who_asked_and_how", Proxy::caddy);
}
