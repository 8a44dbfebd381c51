//! What the guide says of deployments is taken by the programs that it is written for: systemd and nginx.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

use crate::support::{Client, Program, Wire, until};

/// The blocks of a page of the guide that say that this test tries them.
pub(super) fn blocks(page: &str, test: &str) -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/src").join(page);
    let text = std::fs::read_to_string(page).unwrap();
    let note = format!("<!-- tested: {test} -->\n");
    let after = text.split(&note).skip(1);
    let blocks: Vec<_> =
        after.filter_map(|rest| rest.split_once('\n')?.1.split("```").next()).map(str::to_owned).collect();
    assert!(!blocks.is_empty(), "no block says that it is tested by {test}");
    blocks
}

#[test]
fn systemd_accepts_the_units_of_the_guide() {
    let folder = tempfile::tempdir().unwrap();
    let units = blocks("deployment.md", "systemd_accepts_the_units_of_the_guide");
    for (name, unit) in ["shop.service", "shop.socket"].iter().zip(&units) {
        let unit = unit.replace("/usr/local/bin/shop", "/bin/true"); // it looks whether the program is there
        std::fs::write(folder.path().join(name), unit).unwrap();
    }
    assert_eq!(units.len(), 2);
    assert!(units[0].contains("\nExecReload=/bin/kill -HUP $MAINPID\n"), "{}", units[0]);
    for name in ["shop.service", "shop.socket"] {
        systemd_accepts(&folder.path().join(name));
    }
}

#[test]
fn systemd_accepts_the_units_of_the_folder_deploy() {
    let folder = tempfile::tempdir().unwrap();
    let service = include_str!("../../deploy/foobar.service").replace("/usr/local/bin/foobar", "/bin/true");
    std::fs::write(folder.path().join("foobar.service"), service).unwrap();
    std::fs::write(folder.path().join("foobar.socket"), include_str!("../../deploy/foobar.socket")).unwrap();
    for name in ["foobar.service", "foobar.socket"] {
        systemd_accepts(&folder.path().join(name));
    }
}

#[test]
fn the_units_have_the_same_settings() {
    let settings = |unit: &str, name: &str| {
        let service = unit.split_once("[Service]").unwrap().1.replace("foobar.toml", "TOML").replace(name, "NAME");
        service.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect::<Vec<_>>()
    };
    let of_deploy = settings(include_str!("../../deploy/foobar.service"), "foobar");
    assert_eq!(settings(include_str!("../../examples/site/deploy/site.service"), "site"), of_deploy);
    assert_eq!(settings(include_str!("../../templates/all/deploy/app.service"), "{{name}}"), of_deploy);
}

#[test]
fn systemd_accepts_the_unit_of_the_example_site() {
    let unit = include_str!("../../examples/site/deploy/site.service");
    systemd_accepts_and_reloads("site", unit);
}

#[test]
fn systemd_accepts_the_unit_of_a_new_package() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Program::foobar(folder.path()).args(["new", "blog"]).output().unwrap().status.success());
    let unit = std::fs::read_to_string(folder.path().join("blog/deploy/blog.service")).unwrap();
    systemd_accepts_and_reloads("blog", &unit);
}

/// The unit of this program, which `systemctl reload` has read its configuration again.
fn systemd_accepts_and_reloads(name: &str, unit: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(format!("{name}.service"));
    std::fs::write(&file, unit.replace(&format!("/usr/local/bin/{name}"), "/bin/true")).unwrap();
    systemd_accepts(&file);
    assert!(unit.contains("\nExecReload=/bin/kill -HUP $MAINPID\n"), "{unit}");
}

fn systemd_accepts(unit: &Path) {
    let output = Command::new("systemd-analyze").arg("verify").arg(unit).output();
    let output = output.expect("systemd-analyze is installed (tests/run does it on Debian)");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), &*said), (Some(0), ""), "{}", unit.display());
}

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
    std::fs::write(folder.join("foobar.com.pem"), issued.cert.pem()).unwrap();
    std::fs::write(folder.join("foobar.com.key"), issued.signing_key.serialize_pem()).unwrap();
    issued.cert.der().clone()
}

#[test]
fn nginx_accepts_the_file_that_the_guide_turns_into_toml() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path());
    let place = folder.path().display().to_string();
    std::fs::write(folder.path().join("mime.types"), "types { text/html html; }").unwrap();
    let [text] = &blocks("from-nginx.md", "nginx_accepts_the_file_that_the_guide_turns_into_toml")[..] else {
        panic!("there is one")
    };
    let text = text.replace("/etc/foobar/", &format!("{place}/")).replace("/var/log/nginx/", &format!("{place}/"));
    let text = text.replace("listen 80;", &format!("listen unix:{place}/80;"));
    let text = text.replace("listen 443 ", &format!("listen unix:{place}/443 "));
    std::fs::write(folder.path().join("nginx.conf"), format!("pid {place}/pid;\n{text}")).unwrap();
    let mut command = Command::new("/usr/sbin/nginx");
    command.arg("-t").arg("-p").arg(folder.path()).arg("-c").arg(folder.path().join("nginx.conf"));
    let output = command.args(["-e", "stderr"]).output().expect("nginx is installed (tests/run does it on Debian)");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("[emerg]"), "{said}");
    assert!((50..=70).contains(&text.lines().count()), "it is a file of some 60 lines");
}

/// nginx in front of a program, on a port that was free. Killed when dropped.
struct Proxy {
    child: Child,
    port: u16,
}

impl Proxy {
    /// Starts it with these blocks of the guide; another port where somebody was faster.
    fn start(folder: &Path, text: &str) -> Self {
        until("nginx listens", || {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let text = text.replace("listen 443 ", &format!("listen 127.0.0.1:{port} "));
            std::fs::write(folder.join("nginx.conf"), format!("{}{text}}}\n", surroundings(folder))).unwrap();
            let mut command = Command::new("/usr/sbin/nginx");
            command.arg("-p").arg(folder).arg("-c").arg(folder.join("nginx.conf")).args(["-e", "stderr"]);
            let child = command.stdin(Stdio::null()).spawn().expect("nginx is installed (tests/run does it on Debian)");
            Self { child, port }.once_it_listens()
        })
    }

    fn once_it_listens(mut self) -> Option<Self> {
        until("nginx listens, or ends", || {
            let ended = self.child.try_wait().unwrap().is_some();
            let listens = std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok();
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

#[test]
fn nginx_of_the_guide_passes_on_who_asked_and_how() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = certificate(folder.path());
    let mut command = Program::example("proving", folder.path());
    command.env("FOOBAR__WEB__TRUSTED_PROXIES", "127.0.0.1").env("FOOBAR__SITES__DEFAULT__HSTS", "365d");
    command.env("FOOBAR__WEB__ACCESS_LOG", "stdout").env("FOOBAR__WEB__LOG_FORMAT", "json");
    let mut program = Program::start(&mut command);
    let [text] = &blocks("deployment.md", "nginx_of_the_guide_passes_on_who_asked_and_how")[..] else {
        panic!("there is one")
    };
    let text = text.replace("127.0.0.1:8080", &program.address);
    let proxy = Proxy::start(folder.path(), &text.replace("/etc/foobar/", &format!("{}/", folder.path().display())));

    let answer = proxy.curl("/", &["X-Forwarded-For: 192.0.2.1", "X-Forwarded-Host: other.example"]);
    assert!(answer.contains("strict-transport-security"), "the scheme is known: {answer}");
    let line: serde_json::Value = serde_json::from_str(&program.line()).unwrap();
    assert_eq!((&line["remote"], &line["host"]), (&"127.0.0.2".into(), &"foobar.com".into()), "{line}");

    let mut client = proxy.client(&certificate);
    let fields = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                  Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    client.send(format!("GET /socket HTTP/1.1\r\nHost: foobar.com\r\n{fields}\r\n"));
    assert_eq!(client.interim("GET").status, 101);
}
