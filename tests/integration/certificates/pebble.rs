use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use crate::support::until;

/// An address of the loopback that no other test uses, and its ports. They lie below those that the system gives to
/// whoever asks for any: a port that was asked for and let go might be given again, or be held by a process that is just
/// being started.
pub(super) struct Place {
    pub(super) address: String,
    ports: AtomicU16,
}

/// Let's Encrypt's server for tests, with its server of names, which says of each that it is at one [`Place`]. Killed when
/// dropped.
pub(super) struct Pebble {
    children: Vec<Child>,
    pub(super) folder: tempfile::TempDir,
    /// Where it listens.
    pub(super) address: String,
    management: String,
    /// Where the server of names is told what to say.
    pub(super) names: String,
    /// What it has been asked.
    asked: Arc<Mutex<Vec<String>>>,
}

/// What is special about one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Usual,
    /// It makes accounts only for those who have one already: `kid-1`, with [`EAB_KEY`].
    AsksForAccount,
    /// The certificate of its own server is good for twelve hours before and after now.
    OfToday,
    /// It refuses half of the nonces.
    RefusesNonces,
    /// Its chains lead to three roots.
    OffersRoots,
    /// It asks the name server at the address that the place gives as [`name_server`](Place::name_server).
    AsksOwnNameServer,
}

pub(super) const EAB_KEY: &str = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";

static COUNT: AtomicU32 = AtomicU32::new(0);

impl Place {
    pub(super) fn new() -> Self {
        let (process, count) = (std::process::id(), COUNT.fetch_add(1, Relaxed));
        let address = format!("127.{}.{}.{}", 64 + process % 128, process / 128 % 256, 1 + count % 250);
        Self { address, ports: AtomicU16::new(20_000) }
    }

    /// One that nobody else has.
    pub(super) fn port(&self) -> u16 {
        self.ports.fetch_add(1, Relaxed)
    }

    /// Where a server under test may serve names.
    pub(super) fn name_server(&self) -> String {
        format!("{}:19999", self.address)
    }

    fn at(&self) -> String {
        format!("{}:{}", self.address, self.port())
    }
}

/// An authority for the servers of tests: its certificate, and one for this address with its key, in PEM.
pub(super) fn authority(address: &str) -> [String; 3] {
    authority_for(&CertificateParams::new(vec![address.to_owned()]).unwrap())
}

/// The same with another certificate.
fn authority_for(own: &CertificateParams) -> [String; 3] {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Authority of tests");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let own = own.signed_by(&key, &issuer).unwrap();
    [issuer.pem(), own.pem(), key.serialize_pem()]
}

impl Pebble {
    /// Starts one that looks for names at these ports of the place.
    pub(super) fn start(place: &Place, http: u16, tls: u16, kind: Kind) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let mut own = CertificateParams::new(vec![place.address.clone()]).unwrap();
        if kind == Kind::OfToday {
            let (now, half) = (SystemTime::now(), Duration::from_secs(12 * 60 * 60));
            (own.not_before, own.not_after) = ((now - half).into(), (now + half).into());
        }
        for (name, content) in ["ca.pem", "own.pem", "own.key"].iter().zip(authority_for(&own)) {
            std::fs::write(path(name), content).unwrap();
        }
        let (address, management, resolver, names) = (place.at(), place.at(), place.at(), place.at());
        let mut config = serde_json::json!({ "pebble": {
            "listenAddress": address,
            "managementListenAddress": management,
            "certificate": path("own.pem"),
            "privateKey": path("own.key"),
            "httpPort": http,
            "tlsPort": tls,
            "domainBlocklist": ["blocked.test"],
        } });
        if kind == Kind::AsksForAccount {
            config["pebble"]["externalAccountBindingRequired"] = true.into();
            config["pebble"]["externalAccountMACKeys"] = serde_json::json!({ "kid-1": EAB_KEY });
        }
        std::fs::write(path("pebble.json"), config.to_string()).unwrap();
        let mut server = Command::new("pebble-challtestsrv");
        server.args(["-http01", "", "-https01", "", "-tlsalpn01", "", "-dns01", &resolver, "-management", &names]);
        server.args(["-defaultIPv4", &place.address, "-defaultIPv6", ""]).stdout(Stdio::null()).stderr(Stdio::null());
        let mut pebble = Command::new("pebble");
        let asked = if kind == Kind::AsksOwnNameServer { place.name_server() } else { resolver };
        pebble.arg("-config").arg(path("pebble.json")).args(["-dnsserver", &asked]);
        if kind == Kind::OffersRoots {
            pebble.env("PEBBLE_ALTERNATE_ROOTS", "2");
        }
        let nonces = if kind == Kind::RefusesNonces { "50" } else { "0" };
        pebble.env("PEBBLE_VA_NOSLEEP", "1").env("PEBBLE_WFE_NONCEREJECT", nonces).env("PEBBLE_AUTHZREUSE", "0");
        let server = server.spawn().expect("pebble is installed (tests/run does it on Debian)");
        let mut child = pebble.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("pebble is installed");
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let (log, lines) = (BufReader::new(child.stdout.take().unwrap()), asked.clone());
        std::thread::spawn(move || log.lines().map_while(Result::ok).for_each(|line| lines.lock().unwrap().push(line)));
        until("pebble listens", || {
            assert_eq!(child.try_wait().unwrap(), None, "pebble has ended");
            TcpStream::connect(&address)
                .and_then(|_| TcpStream::connect(&management))
                .and_then(|_| TcpStream::connect(&names))
                .ok()
        });
        Self { children: vec![child, server], folder, address, management, names, asked }
    }

    pub(super) fn directory(&self) -> String {
        format!("https://{}/dir", self.address)
    }

    /// Who has signed its own certificate.
    pub(super) fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// The file of the authority that signs what is ordered.
    pub(super) fn root(&self) -> PathBuf {
        self.root_of_chain(0)
    }

    /// The same of another chain.
    pub(super) fn root_of_chain(&self, number: usize) -> PathBuf {
        let path = self.folder.path().join(format!("root{number}.pem"));
        let url = format!("https://{}/roots/{number}", self.management);
        let output = curl(&self.authority(), &["-o", path.to_str().unwrap(), &url]);
        assert_eq!(output, "");
        path
    }

    /// From now on a name leads to where nobody listens.
    pub(super) fn leads_elsewhere(&self, name: &str) {
        let request = format!("{{\"host\": \"{name}.\", \"addresses\": [\"127.0.0.2\"]}}");
        let url = format!("http://{}/add-a", self.names);
        assert_eq!(curl(&self.authority(), &["-d", &request, &url]), "");
    }

    /// Whether it has been asked for this.
    pub(super) fn was_asked(&self, what: &str) -> bool {
        self.asked.lock().unwrap().iter().any(|line| line.contains(what))
    }

    /// How many orders it has been sent.
    pub(super) fn orders(&self) -> usize {
        self.count("POST /order-plz")
    }

    /// How many accounts it has been asked to make.
    pub(super) fn accounts(&self) -> usize {
        self.count("POST /sign-me-up")
    }

    fn count(&self, what: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|line| line.contains(what)).count()
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        for child in &mut self.children {
            drop(child.kill()); // it may have ended
            drop(child.wait());
        }
    }
}

/// What curl says, which trusts this authority.
pub(super) fn curl(authority: &Path, options: &[&str]) -> String {
    let mut command = Command::new("curl");
    command.args(["-sS", "--max-time", "60", "--cacert"]).arg(authority).args(options);
    let output = command.output().expect("curl is installed");
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).trim().to_owned()
}
