//! Certificates of clients: who gets in, what the application is told, and which connections serve which site.

#![expect(clippy::unwrap_used, reason = "a failure here is one of the test that asks")]

use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use foobar_core::{ClientCertificate, Request, Response, ResponseBody, Tier, handler_fn};
use foobar_web::{InProcess, Web};
use rustls::{ClientConfig, HandshakeKind};

use super::support::tls::{Authority, Files, write};
use super::support::{Server, log_of, settings, wait_until};

const LISTEN: &str = "[web]\nlisten = [\"127.0.0.1:0\", \"127.0.0.2:0 ssl\"]\n";

/// Says who asks.
async fn told(request: Request) -> Response {
    let certificate = request.extensions().get::<ClientCertificate>();
    let told = certificate.map_or("nobody".to_owned(), |certificate| {
        format!("{} of {}", certificate.subject(), certificate.chain().len())
    });
    let is_said = |name: &str| name.contains("cert") || name.contains("ssl");
    assert!(!request.headers().keys().any(|name| is_said(name.as_str())), "{:?}", request.headers());
    Response::new(ResponseBody::full(told))
}

fn start(toml: &str) -> Server {
    Server::with(toml, Some(Arc::new(handler_fn(told))))
}

/// A site that asks for certificates of this authority.
fn site(name: &str, own: &Authority, clients: &Authority, verify: &str) -> String {
    let files = own.issue(name, &[&format!("{name}.test")]);
    format!(
        "[sites.{name}]\nserver_name = '{name}.test'\nssl_verify_client = '{verify}'\nssl_client_certificate = {:?}\n{}\
         routes.'/fast'.respond = 200\n",
        clients.root(),
        files.settings()
    )
}

/// What is told to a client that asks once; its handshake may seem to be done before the server has seen the certificate.
fn ask(server: &Server, config: &Arc<ClientConfig>, name: &str) -> io::Result<String> {
    let mut client = server.connect_tls(config, name)?;
    client.send(format!("GET /app HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n"));
    client.rest().map(|answer| answer.rsplit("\r\n\r\n").next().unwrap_or_default().to_owned())
}

fn both(authority: &Authority, files: Option<&Files>) -> [Arc<ClientConfig>; 2] {
    [&rustls::version::TLS12, &rustls::version::TLS13].map(|version| {
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
        let config = config.with_protocol_versions(&[version]).unwrap().with_root_certificates(authority.roots());
        Arc::new(match files {
            None => config.with_no_client_auth(),
            Some(files) => {
                let mut with = authority.client_with(files);
                let mut without = config.with_no_client_auth();
                std::mem::swap(&mut without.client_auth_cert_resolver, &mut with.client_auth_cert_resolver);
                without
            }
        })
    })
}

#[test]
fn a_site_that_wants_certificates_refuses_who_has_none_or_a_strangers_and_tells_the_application_of_others() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let (good, bad) = (authority.issue("Ann", &[]), stranger.issue("Eve", &[]));
    for (verify, nobody) in [("on", None), ("optional", Some("nobody"))] {
        let server = start(&format!("{LISTEN}{}", site("a", &authority, &authority, verify)));
        for config in both(&authority, Some(&good)) {
            assert_eq!(ask(&server, &config, "a.test").unwrap(), "CN=Ann of 2");
        }
        for config in both(&authority, Some(&bad)) {
            let told = ask(&server, &config, "a.test").unwrap_err().to_string();
            assert!(told.contains("UnknownCA") || told.contains("DecryptError"), "{told}");
        }
        for config in both(&authority, None) {
            match (ask(&server, &config, "a.test"), nobody) {
                (Ok(told), Some(nobody)) => assert_eq!(told, nobody),
                (Err(error), None) => assert!(error.to_string().contains("CertificateRequired"), "{error}"),
                (told, _) => panic!("{verify}: {told:?}"),
            }
        }
    }
}

#[test]
fn a_certificate_that_has_expired_or_was_revoked_is_refused_and_lists_may_be_in_pem_or_der() {
    let authority = Authority::new();
    let (good, bad) = (authority.issue("good", &[]), authority.issue("bad", &[]));
    let expired = authority.issue_by("old", &[], (1971, 1980), &rcgen::PKCS_ECDSA_P256_SHA256);
    for list in [authority.revoke("pem", &[&bad], 4000), authority.revoke_in_der("der", &[&bad], 4000)] {
        let site = site("a", &authority, &authority, "on");
        let server = start(&format!("{LISTEN}{site}ssl_crl = {list:?}\n"));
        let ask = |files| ask(&server, &Arc::new(authority.client_with(files)), "a.test");
        assert_eq!(ask(&good).unwrap(), "CN=good of 2");
        assert!(ask(&bad).unwrap_err().to_string().contains("CertificateRevoked"));
        assert!(ask(&expired).unwrap_err().to_string().contains("CertificateExpired"));
    }
}

#[test]
fn a_changed_list_or_authority_counts_without_a_restart_and_a_bad_one_does_not() {
    let (authority, other) = (Authority::new(), Authority::new());
    let (first, second) = (authority.issue("first", &[]), other.issue("second", &[]));
    let list = authority.revoke("list", &[], 4000);
    let server = start(&format!("{LISTEN}{}ssl_crl = {list:?}\n", site("a", &authority, &authority, "on")));
    let is_served = |files: &Files| ask(&server, &Arc::new(authority.client_with(files)), "a.test").is_ok();
    assert!(is_served(&first) && !is_served(&second));
    authority.revoke("list", &[&first], 4000);
    wait_until("it is revoked", || !is_served(&first));
    fs::write(&list, "nothing").unwrap();
    authority.revoke("list", &[], 1980); // expired
    assert!(!is_served(&first));
    let lists = fs::read_to_string(authority.revoke("own", &[], 4000)).unwrap();
    let others = fs::read_to_string(other.revoke("own", &[], 4000)).unwrap();
    fs::write(&list, lists + &others).unwrap();
    wait_until("it is good again", || is_served(&first));
    let roots = [authority.root(), other.root()].map(|root| fs::read_to_string(root).unwrap());
    write(&authority.path("root.pem"), &roots.concat(), 0o644);
    wait_until("the other is known", || is_served(&second));
    assert!(is_served(&first));
}

#[test]
fn a_connection_serves_the_sites_with_the_rules_of_its_name_and_no_others() {
    let (authority, other) = (Authority::new(), Authority::new());
    let plain = |name: &str| {
        let files = authority.issue(name, &[&format!("{name}.test")]);
        format!("[sites.{name}]\nserver_name = '{name}.test'\n{}routes.'/fast'.respond = 200\n", files.settings())
    };
    let server = start(&format!(
        "{LISTEN}{}{}{}{}{}{}[sites.bare]\nserver_name = 'bare.test'\nroutes.'/fast'.respond = 200\n",
        plain("open"),
        plain("free"),
        site("on", &authority, &authority, "on"),
        site("same", &authority, &authority, "on"),
        site("maybe", &authority, &authority, "optional"),
        site("else", &authority, &other, "on"),
    ));
    let config = Arc::new(authority.client_with(&authority.issue("Ann", &[])));
    for (name, served) in [
        ("open", &["open", "free"][..]),
        ("free", &["open", "free"]),
        ("on", &["on", "same"]),
        ("same", &["on", "same"]),
        ("maybe", &["maybe"]),
    ] {
        let mut over_http1 = server.connect_tls(&config, &format!("{name}.test")).unwrap();
        let mut over_http2 = server.http2_over_tls(&config, &format!("{name}.test"));
        for host in ["open", "free", "on", "same", "maybe", "else", "bare", "unknown"] {
            for path in ["/fast", "/app", "/fast"] {
                let status = if served.contains(&host) { 200 } else { 421 };
                let (head, _) = over_http1.get(&format!("{host}.test"), path);
                assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{host} at {name}: {head}");
                let request = http::Request::get(format!("https://{host}.test{path}")).body(()).unwrap();
                let answer = over_http2.ask(request).unwrap();
                assert_eq!(answer.status(), status, "{host} at {name} over HTTP/2");
            }
        }
    }
    assert!(ask(&server, &config, "else.test").unwrap_err().to_string().contains("UnknownCA"));
}

#[test]
fn over_http2_the_application_is_told_of_the_certificate_and_a_refused_request_leaves_the_others() {
    let authority = Authority::new();
    let sites = ["on", "optional"].map(|verify| site(verify, &authority, &authority, verify));
    let server = start(&format!("{LISTEN}{}", sites.concat()));
    let ann = authority.client_with(&authority.issue("Ann", &[]));
    let mut client = server.http2_over_tls(&ann, "on.test");
    for _ in 0..2 {
        for (host, status, body) in [("on", 200, "CN=Ann of 2"), ("optional", 421, "other rules for TLS")] {
            let post = http::Request::post(format!("https://{host}.test/app")).body(()).unwrap();
            let mut stream = client.open(post, false);
            stream.sending.send_data("something".into(), true).unwrap();
            let answer = client.answer(stream).unwrap();
            let text = String::from_utf8_lossy(answer.body());
            assert!(answer.status() == status && text.contains(body), "{host}: {answer:?}: {text}");
        }
    }
}

#[test]
fn a_session_is_resumed_at_sites_without_certificates_of_clients_alone() {
    let authority = Authority::new();
    let open = authority.issue("open", &["open.test"]);
    let server = start(&format!(
        "{LISTEN}[sites.open]\nserver_name = 'open.test'\n{}{}{}",
        open.settings(),
        site("on", &authority, &authority, "on"),
        site("maybe", &authority, &authority, "optional"),
    ));
    let ann = authority.issue("Ann", &[]);
    let kind = |config: &Arc<ClientConfig>, name: &str| {
        let mut client = server.connect_tls(config, name).unwrap();
        assert!(client.get(name, "/app").0.starts_with("HTTP/1.1 200 "));
        client.stream.get_ref().conn.handshake_kind().unwrap()
    };
    for config in [Arc::new(authority.client_with(&ann)), Arc::clone(&both(&authority, Some(&ann))[0])] {
        for name in ["on.test", "maybe.test"] {
            for _ in 0..3 {
                assert_ne!(kind(&config, name), HandshakeKind::Resumed, "{name}");
            }
        }
        kind(&config, "open.test");
        assert_eq!(kind(&config, "open.test"), HandshakeKind::Resumed);
    }
}

/// A client whose sessions of one name are offered to another.
#[derive(Debug)]
struct OneName(Arc<dyn rustls::client::ClientSessionStore>);

impl rustls::client::ClientSessionStore for OneName {
    fn set_kx_hint(&self, _: rustls::pki_types::ServerName<'static>, group: rustls::NamedGroup) {
        self.0.set_kx_hint(one(), group);
    }
    fn kx_hint(&self, _: &rustls::pki_types::ServerName<'_>) -> Option<rustls::NamedGroup> {
        self.0.kx_hint(&one())
    }
    fn set_tls12_session(
        &self,
        _: rustls::pki_types::ServerName<'static>,
        value: rustls::client::Tls12ClientSessionValue,
    ) {
        self.0.set_tls12_session(one(), value);
    }
    fn tls12_session(&self, _: &rustls::pki_types::ServerName<'_>) -> Option<rustls::client::Tls12ClientSessionValue> {
        self.0.tls12_session(&one())
    }
    fn remove_tls12_session(&self, _: &rustls::pki_types::ServerName<'static>) {
        self.0.remove_tls12_session(&one());
    }
    fn insert_tls13_ticket(
        &self,
        _: rustls::pki_types::ServerName<'static>,
        value: rustls::client::Tls13ClientSessionValue,
    ) {
        self.0.insert_tls13_ticket(one(), value);
    }
    fn take_tls13_ticket(
        &self,
        _: &rustls::pki_types::ServerName<'static>,
    ) -> Option<rustls::client::Tls13ClientSessionValue> {
        self.0.take_tls13_ticket(&one())
    }
}

fn one() -> rustls::pki_types::ServerName<'static> {
    rustls::pki_types::ServerName::try_from("one.test").unwrap()
}

#[test]
fn a_ticket_of_a_site_without_certificates_opens_no_site_that_wants_them() {
    let authority = Authority::new();
    let open = authority.issue("open", &["open.test"]);
    let server = start(&format!(
        "{LISTEN}[sites.open]\nserver_name = 'open.test'\n{}{}",
        open.settings(),
        site("on", &authority, &authority, "on"),
    ));
    for config in both(&authority, None) {
        let mut config = (*config).clone();
        let store = Arc::new(rustls::client::ClientSessionMemoryCache::new(8));
        config.resumption = rustls::client::Resumption::store(Arc::new(OneName(store)));
        let config = Arc::new(config);
        for _ in 0..2 {
            assert_eq!(ask(&server, &config, "open.test").unwrap(), "nobody");
        }
        let error = ask(&server, &config, "on.test").unwrap_err().to_string();
        assert!(error.contains("CertificateRequired"), "{error}");
    }
}

#[test]
fn a_site_that_wants_certificates_is_not_reached_without_tls() {
    let authority = Authority::new();
    let root = authority.path("files");
    fs::create_dir_all(root.join(".well-known/acme-challenge")).unwrap();
    fs::write(root.join(".well-known/acme-challenge/token"), "token").unwrap();
    fs::write(root.join("secret.txt"), "secret").unwrap();
    let site = format!("{}root = {root:?}\nhttps = 'keep'\n", site("a", &authority, &authority, "on"));
    let server = start(&format!("{LISTEN}trusted_proxies = '127.0.0.1'\n{site}"));
    let get = |path: &str, fields: &str| {
        server.talk(format!("GET {path} HTTP/1.1\r\nHost: a.test\r\n{fields}Connection: close\r\n\r\n"))
    };
    for path in [
        "/secret.txt",
        "/fast",
        "/app",
        "/.well-known/acme-challenge/../../secret.txt",
        "/.well-known/acme-challenge/%2e%2e/%2e%2e/secret.txt",
        "/.well-known//acme-challenge/../x",
        "*",
    ] {
        for fields in ["", "X-Forwarded-Proto: https\r\n"] {
            let answer = get(path, fields);
            assert!(answer.starts_with("HTTP/1.1 421 ") || answer.starts_with("HTTP/1.1 400 "), "{path}: {answer}");
        }
    }
    assert!(get("/.well-known/acme-challenge/token", "").ends_with("token"));
}

#[tokio::test]
async fn without_sockets_a_request_says_that_its_client_has_shown_a_certificate() {
    let authority = Authority::new();
    let (web, sites) = settings(&format!("{LISTEN}{}", site("a", &authority, &authority, "on")));
    let web = InProcess::new(&web, &sites, Some(Arc::new(handler_fn(told)))).unwrap();
    web.start().await.unwrap();
    let request = |url: &str| http::Request::get(url).body(bytes::Bytes::new()).unwrap();
    let mut shown = request("https://a.test/app");
    shown.extensions_mut().insert(ClientCertificate::new(vec![vec![0x30, 0]], "CN=Ann".to_owned()));
    assert_eq!(web.handle(shown).await.body(), "CN=Ann of 1");
    assert_eq!(web.handle(request("https://a.test/app")).await.status(), 421);
    assert_eq!(web.handle(request("http://a.test/app")).await.status(), 308);
    web.drain(std::time::Instant::now()).await;
}

#[test]
fn what_cannot_verify_anybody_is_an_error_that_names_key_and_file() {
    let authority = Authority::new();
    let own = authority.issue("a", &["a.test"]).settings();
    let root = format!("ssl_client_certificate = {:?}\n", authority.root());
    let file = |name: &str, content: &[u8]| {
        fs::write(authority.path(name), content).unwrap();
        authority.path(name)
    };
    let list = authority.revoke("good", &[], 4000);
    let cut = fs::read(authority.revoke_in_der("cut", &[], 4000)).unwrap();
    let crl = |path: &Path| format!("{own}{root}ssl_verify_client = 'on'\nssl_crl = {path:?}\n");
    let authorities = |path: &Path| format!("{own}ssl_verify_client = 'on'\nssl_client_certificate = {path:?}\n");
    for (site, key, message) in [
        (format!("{own}{root}"), "ssl_client_certificate", "it verifies nothing without `ssl_verify_client`"),
        (format!("{own}ssl_crl = {list:?}\n"), "ssl_crl", "it verifies nothing without `ssl_verify_client`"),
        (
            format!("{own}ssl_verify_client = 'on'\n"),
            "ssl_verify_client",
            "name their files in `ssl_client_certificate`",
        ),
        (format!("{root}ssl_verify_client = 'on'\n"), "ssl_verify_client", "the site has no `ssl_certificate`"),
        (authorities(&file("empty", b"")), "ssl_client_certificate", "the file is empty"),
        (authorities(&list), "ssl_client_certificate", "has no `CERTIFICATE` but `X509 CRL`"),
        (authorities(Path::new("/no/such")), "ssl_client_certificate", "cannot open /no/such"),
        (
            authorities(&file("none", b"-----BEGIN CERTIFICATE-----\nMIGG\n-----END CERTIFICATE-----\n")),
            "ssl_client_certificate",
            "no certificate of an authority",
        ),
        (crl(&authority.root()), "ssl_crl", "the file has no `X509 CRL` but `CERTIFICATE`"),
        (crl(&file("empty", b"")), "ssl_crl", "the file is empty"),
        (crl(&file("text", b"nothing")), "ssl_crl", "the file is not PEM"),
        (crl(&file("cut", &cut[..cut.len() - 9])), "ssl_crl", "what is no list of revoked certificates"),
        (crl(&file("bad", &[&cut[..], b"0"].concat())), "ssl_crl", "CRL"),
        (crl(&authority.revoke("old", &[], 1980)), "ssl_crl", "the list has expired"),
    ] {
        let (web, sites) = settings(&format!("{LISTEN}[sites.a]\n{site}"));
        let error = Web::new(&web, &sites, None).err().unwrap_or_else(|| panic!("{key}: {message}")).to_string();
        assert!(error.starts_with(&format!("`sites.a.{key}`: ")) && error.contains(message), "{error}");
    }
    let (web, sites) = settings(&format!("[sites.a]\n{own}{root}ssl_verify_client = 'on'\n"));
    let error = Web::new(&web, &sites, None).err().expect("nobody speaks TLS").to_string();
    assert!(error.starts_with("`sites.a.ssl_verify_client`: ") && error.contains("the word `ssl`"), "{error}");
}

#[test]
fn http_without_tls_where_tls_is_spoken_is_told_so_and_tls_where_it_is_not_gets_an_error() {
    let authority = Authority::new();
    let log = tempfile::NamedTempFile::new().unwrap();
    let files = authority.issue("a", &["a.test"]);
    let path = log.path().display();
    let server = start(&format!("{LISTEN}access_log = '{path}'\n[sites.a]\n{}", files.settings()));
    for request in [
        "GET /x HTTP/1.1\r\nHost: a.test\r\nAccept: text/html\r\n\r\n",
        "POST /y HTTP/1.1\r\nHost: a.test\r\nContent-Length: 9\r\n\r\n",
        "HEAD /z HTTP/1.0\r\n\r\n",
    ] {
        let mut socket = server.tls_socket();
        io::Write::write_all(&mut socket, request.as_bytes()).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("\r\nconnection: close\r\n"), "{answer}");
        let is_head = request.starts_with("HEAD");
        assert_eq!(answer.contains("The plain HTTP request was sent to HTTPS port"), !is_head, "{answer}");
    }
    let answer = server.talk(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03abcdefghijklmnopqrstuvwxyz\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    server.drain_at_leisure();
    let text = log_of(&server, log.path());
    for line in ["\"GET /x HTTP/1.1\" 400", "\"POST /y HTTP/1.1\" 400", "\"HEAD /z HTTP/1.0\" 400", "\"\\x16\\x03\\x01"]
    {
        assert!(text.contains(line), "{line}: {text}");
    }
}
