use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use foobar::Server;

use super::meddler::{Meddle, Meddler};
use super::pebble::{Kind, Pebble, Place, curl};
use crate::support::{Program, on_a_small_disk_as, until};

/// A server whose site gets its certificate from an authority.
pub(super) struct Scene {
    pub(super) folder: tempfile::TempDir,
    pub(super) place: Place,
    pub(super) http: u16,
    pub(super) tls: u16,
    pub(super) pebble: Pebble,
    /// Where the server finds its authority, and who vouches for that.
    pub(super) directory: String,
    pub(super) authority: PathBuf,
}

impl Scene {
    pub(super) fn new() -> Self {
        Self::with(Kind::Usual)
    }

    /// One with an authority of this kind.
    pub(super) fn with(kind: Kind) -> Self {
        let place = Place::new();
        let (http, tls) = (place.port(), place.port());
        let pebble = Pebble::start(&place, http, tls, kind);
        let (directory, authority) = (pebble.directory(), pebble.authority());
        Self { folder: tempfile::tempdir().unwrap(), place, http, tls, pebble, directory, authority }
    }

    /// One whose authority is down.
    pub(super) fn without_authority() -> Self {
        let mut scene = Self::new();
        scene.directory = format!("https://{}:{}/dir", scene.place.address, scene.place.port());
        scene
    }

    /// One before whose authority there is a meddler.
    pub(super) fn meddled(meddle: Meddle) -> (Self, Meddler) {
        let mut scene = Self::new();
        let meddler = Meddler::start(&scene.place, &scene.pebble, meddle);
        (scene.directory, scene.authority) = (meddler.directory(), meddler.authority());
        (scene, meddler)
    }

    pub(super) fn command(&self, names: &str) -> Command {
        let mut command = Program::foobar(self.folder.path());
        self.surround(&mut command);
        command.env("FOOBAR__ACME__ACCEPT_TERMS_OF_SERVICE", "true").env("FOOBAR__ACME__CONTACT", "admin@a.test");
        command.env("FOOBAR__SITES__A__SERVER_NAME", names).env("FOOBAR__SITES__A__SSL_CERTIFICATE", "auto");
        command.env("FOOBAR__SITES__A__ROOT", "public").env("FOOBAR__SITES__A__HSTS", "1d");
        std::fs::create_dir_all(self.folder.path().join("public")).unwrap();
        std::fs::write(self.folder.path().join("public/index.html"), "hello").unwrap();
        command
    }

    /// Where the program of this command listens, and which authority it asks.
    pub(super) fn surround(&self, command: &mut Command) {
        let address = &self.place.address;
        command.env("FOOBAR__WEB__LISTEN", format!("{address}:{},{address}:{} ssl", self.http, self.tls));
        command.env("FOOBAR__ACME__DIRECTORY", &self.directory);
        command.env("FOOBAR__ACME__SSL_TRUSTED_CERTIFICATE", &self.authority).env_remove("STATE_DIRECTORY");
    }

    /// The server of a site for this process.
    pub(super) fn server(&self, name: &str) -> Server {
        let (address, folder) = (&self.place.address, self.folder.path());
        Server::new()
            .set("web.access_log", "off")
            .set("admin.listen", "off")
            .set("web.listen", format!("{address}:{},{address}:{} ssl", self.http, self.tls))
            .set("web.state_dir", folder.join("state").display().to_string())
            .set("acme.accept_terms_of_service", "true")
            .set("acme.directory", self.directory.clone())
            .set("acme.ssl_trusted_certificate", self.authority.display().to_string())
            .set("sites.a.server_name", name)
            .set("sites.a.ssl_certificate", "auto")
    }

    pub(super) fn start(&self, names: &str) -> Program {
        Program::start(&mut self.command(names))
    }

    /// Starts it, and waits for the line of the log that says this.
    pub(super) fn start_until(&self, names: &str, words: &str) -> (Program, String) {
        let mut program = self.start(names);
        let line = program.until_logged(words);
        (program, line)
    }

    /// Runs it where there is no room on the disk, until it says what becomes of the certificate; what it has said.
    pub(super) fn on_a_full_disk(&self, names: &str) -> String {
        let script = r#"mkdir public state && { cat /dev/zero >full 2>&1; true; } && {
            timeout 100 "$0" 2>&1 & echo "program $!"; wait
        } | while read -r line; do
            echo "$line"
            case $line in
                program\ *) program=${line#program } ;;
                *ssl_certificate*) kill "$program" ;;
            esac
        done"#;
        let output = on_a_small_disk_as(&self.command(names), script);
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    }

    pub(super) fn state(&self, name: &str) -> PathBuf {
        self.folder.path().join("state/acme").join(name)
    }

    pub(super) fn record(&self) -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(self.state("a.json")).unwrap()).unwrap()
    }

    /// Has the certificate be due for renewal.
    pub(super) fn make_due(&self) {
        let mut record = self.record();
        record["last_order"] = seconds(-2.0).into();
        record["renew_at"] = seconds(-1.0).into();
        std::fs::write(self.state("a.json"), record.to_string()).unwrap();
    }

    /// What a client gets over HTTP.
    pub(super) fn over_http(&self, path: &str) -> String {
        let url = format!("http://a.test:{}{path}", self.http);
        self.curl(&self.authority, &["-i", &url])
    }

    /// What one gets that trusts the authority, over TLS.
    pub(super) fn over_tls(&self, name: &str) -> String {
        self.curl(&self.pebble.root(), &["-i", "--no-alpn", &format!("https://{name}:{}/", self.tls)])
    }

    pub(super) fn curl(&self, authority: &Path, options: &[&str]) -> String {
        let resolve = |port: u16| format!("*:{port}:{}", self.place.address);
        curl(authority, &[&["--resolve", &resolve(self.http), "--resolve", &resolve(self.tls)], options].concat())
    }

    /// Waits until clients see the certificate.
    pub(super) fn until_served(&self, name: &str) -> String {
        until(&format!("{name} has a certificate"), || {
            Some(self.over_tls(name)).filter(|answer| answer.contains("hello"))
        })
    }
}

/// So many hours from now, or before, in seconds since 1970.
pub(super) fn seconds(hours: f64) -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    (now.as_secs_f64() + hours * 3600.0) as u64
}

pub(super) const ISSUED: &str = "has been issued";
pub(super) const REFUSED: &str = "no certificate for";
