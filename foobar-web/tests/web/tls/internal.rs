//! Certificates by the server's own authority.

#![expect(clippy::unwrap_used, reason = "a failure here is one of the test that asks")]

use super::*;

use foobar_core::Tier;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// A state folder, and the servers that have it.
struct State(tempfile::TempDir);

impl State {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join("state/internal").join(name)
    }

    fn toml(&self, site: &str) -> String {
        let folder = self.0.path().join("state");
        format!("{LISTEN}state_dir = {folder:?}\n[sites.a]\nssl_certificate = \"internal\"\n{site}\n")
    }

    fn server(&self, site: &str) -> Server {
        Server::start(&self.toml(site))
    }

    /// What keeps a server from starting.
    fn error(&self, site: &str) -> String {
        let (web, sites) = settings(&self.toml(site));
        let web = match Web::new(&web, &sites, None) {
            Ok(web) => web,
            Err(error) => return error.to_string(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(web.start()).unwrap_err().to_string()
    }

    /// A client that trusts the authority.
    fn client(&self) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.path("ca.pem")).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap();
        Arc::new(config.with_root_certificates(roots).with_no_client_auth())
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }
}

const NAMES: &str = "server_name = [\"a.test\", \"*.b.test\", \"bücher.test\"]\nwww = \"remove\"";

#[test]
fn a_site_has_a_certificate_by_the_local_authority_for_its_names_and_for_localhost() {
    let state = State::new();
    let server = state.server(NAMES);
    let client = state.client();
    let names = ["a.test", "www.a.test", "x.b.test", "xn--bcher-kva.test", "localhost", "127.0.0.1", "::1"];
    for name in names {
        let mut client = server.connect_tls(&client, name).expect(name);
        assert_eq!(client.get("a.test", "/app").1, b"GET /app", "{name}");
    }
    assert!(alert(server.connect_tls(&client, "other.test")).contains("UnrecognisedName"));
}

#[test]
fn a_site_without_a_name_has_one_for_this_machine() {
    let state = State::new();
    let server = state.server("");
    server.connect_tls(&state.client(), "localhost").unwrap();
}

#[test]
fn the_keys_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let state = State::new();
    drop(state.server(NAMES));
    for name in ["ca.key", "a.pem"] {
        assert_eq!(fs::metadata(state.path(name)).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }
    let folder = state.0.path().join("state");
    assert_eq!(fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn a_further_start_makes_nothing_new_unless_the_names_are_others() {
    let state = State::new();
    drop(state.server(NAMES));
    let (authority, certificate) = (state.file("ca.pem"), state.file("a.pem"));
    drop(state.server(NAMES));
    assert_eq!((state.file("ca.pem"), state.file("a.pem")), (authority.clone(), certificate.clone()));
    let server = state.server("server_name = \"c.test\"");
    assert_eq!(state.file("ca.pem"), authority, "clients trust it already");
    server.connect_tls(&state.client(), "c.test").unwrap();
    assert_ne!(state.file("a.pem"), certificate);
}

#[test]
fn a_certificate_that_is_cut_off_or_of_another_authority_is_made_anew() {
    let (state, other) = (State::new(), State::new());
    drop((state.server(NAMES), other.server(NAMES)));
    let own = state.file("a.pem");
    for content in [String::new(), own[..own.len() / 2].to_owned(), "-----BEGIN".to_owned(), other.file("a.pem")] {
        fs::write(state.path("a.pem"), content).unwrap();
        let server = state.server(NAMES);
        server.connect_tls(&state.client(), "a.test").unwrap();
    }
}

#[test]
fn an_authority_that_cannot_be_used_ends_the_start_and_stays_as_it_is() {
    let (state, other) = (State::new(), State::new());
    drop((state.server(NAMES), other.server(NAMES)));
    let key = state.file("ca.key");
    for content in [String::new(), key[..key.len() / 2].to_owned(), other.file("ca.key")] {
        fs::write(state.path("ca.key"), &content).unwrap();
        let error = state.error(NAMES);
        assert!(error.contains("remove ca.pem and ca.key"), "{error}");
        assert_eq!(state.file("ca.key"), content);
    }
}

#[test]
fn a_state_folder_that_cannot_be_made_ends_the_start() {
    let state = State::new();
    fs::write(state.0.path().join("state"), "a file").unwrap();
    let error = state.error(NAMES);
    assert!(error.contains("`web.state_dir`") && error.contains("may read and write"), "{error}");
}

#[test]
fn a_state_folder_whose_keys_would_be_served_is_refused() {
    let state = State::new();
    let root = state.0.path();
    fs::create_dir(root.join("state")).unwrap();
    let routes = format!("[sites.a.routes.\"/x/\"]\nfiles = {:?}", root.join("state"));
    for site in [format!("root = {root:?}"), format!("root = {:?}", root.join(".")), routes] {
        let error = state.error(&site);
        assert!(error.contains("`web.state_dir`") && error.contains("whose files are served"), "{error}");
    }
}

#[test]
fn the_word_stands_alone_and_without_a_key() {
    let state = State::new();
    let error = |site: &str| {
        let (web, sites) = settings(&format!("{LISTEN}[sites.a]\n{site}\n"));
        Web::new(&web, &sites, None).err().expect("it is refused").to_string()
    };
    let refused = error("ssl_certificate = [\"a.pem\", \"internal\"]\nssl_certificate_key = [\"a.key\", \"b.key\"]");
    assert!(refused.contains("`sites.a.ssl_certificate`: \"internal\" stands alone"), "{refused}");
    let refused = error("ssl_certificate = \"internal\"\nssl_certificate_key = \"a.key\"");
    assert!(refused.contains("`sites.a.ssl_certificate_key`") && refused.contains("leave this out"), "{refused}");
    let refused = state.error("www = \"add\"");
    assert!(refused.contains("`www` needs the site's names"), "{refused}");
    let refused = error("ssl_certificate = \"./internal\"\nssl_certificate_key = \"a.key\"");
    assert!(refused.contains("cannot open ./internal"), "{refused}");
}
