//! TLS: the certificate for a name, the stream under HTTP, what is wrong with certificates.

mod acme;
mod certified_names;
mod chain;
mod https;
mod internal;
mod provider;
mod tickets;

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use foobar_web::{Web, WebTier};
use rustls::{HandshakeKind, SignatureScheme};

use super::support::tls::{Authority, Files, VALID, alert, write};
use super::support::{STEP, Server, settings, wait_until};

const LISTEN: &str = "[web]\nlisten = [\"127.0.0.1:0 ssl\"]\n";

/// A server of one site at `a.test`, whose folder has these files.
fn server(authority: &Authority, web: &str, files: &[(&str, &[u8])]) -> Server {
    let certificate = authority.issue("a", &["a.test"]);
    let root = authority.path("root");
    fs::create_dir_all(&root).expect("the temporary folder is writable");
    files.iter().for_each(|(name, content)| fs::write(root.join(name), content).expect("a file can be written"));
    Server::start(&format!(
        "{LISTEN}{web}[sites.a]\nserver_name = \"a.test\"\nroot = {root:?}\n{}",
        certificate.settings()
    ))
}

#[test]
fn files_and_the_application_are_answered_over_tls_as_without() {
    let authority = Authority::new();
    let large: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let server =
        server(&authority, "", &[("small.txt", b"small"), ("large.bin", &large), ("kept.bin", &large[..900_000])]);
    let config = Arc::new(authority.client());
    let mut client = server.connect_tls(&config, "a.test").unwrap();
    for _ in 0..2 {
        assert_eq!(client.get("a.test", "/small.txt").1, b"small");
        assert!(client.get("a.test", "/kept.bin").1 == large[..900_000]);
        assert!(client.get("a.test", "/large.bin").1 == large);
        assert_eq!(client.get("a.test", "/app?x").1, b"GET /app?x");
    }
    client.send("POST /echo HTTP/1.1\r\nHost: a.test\r\nContent-Length: 900000\r\n\r\n");
    client.send(&large[..900_000]);
    assert!(client.answer().1 == large[..900_000]);
    client.send("GET /small.txt HTTP/1.1\r\nHost: a.test\r\n\r\nGET /small.txt HTTP/1.1\r\nHost: a.test\r\n\r\n");
    assert_eq!((client.answer().1, client.answer().1), (b"small".to_vec(), b"small".to_vec()));
}

#[test]
fn a_large_answer_reaches_a_client_that_reads_slowly() {
    let authority = Authority::new();
    let large: Vec<u8> = (0..20_000_000_u32).map(|n| (n % 251) as u8).collect();
    let server = server(&authority, "", &[("large.bin", &large)]);
    let mut client = server.connect_tls(&Arc::new(authority.client()), "a.test").unwrap();
    client.send("GET /large.bin HTTP/1.1\r\nHost: a.test\r\n\r\n");
    let mut got = Vec::new();
    let mut piece = [0; 5_000];
    while got.len() < large.len() / 2 {
        let read = client.stream.read(&mut piece).unwrap();
        got.extend_from_slice(&piece[..read]);
    }
    let head = got.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
    let mut body = got.split_off(head);
    let read = body.len();
    body.resize(large.len(), 0);
    client.stream.read_exact(&mut body[read..]).unwrap();
    assert!(body == large);
}

#[test]
fn a_url_that_is_redirected_keeps_its_https() {
    let authority = Authority::new();
    let certificate = authority.issue("a", &["a.test", "www.a.test"]);
    let server = Server::start(&format!(
        "{LISTEN}[sites.a]\nserver_name = \"a.test\"\nwww = \"add\"\n{}",
        certificate.settings()
    ));
    let mut client = server.connect_tls(&Arc::new(authority.client()), "a.test").unwrap();
    let (head, _) = client.get("a.test", "/x?y");
    assert!(head.contains("\r\nlocation: https://www.a.test/x?y\r\n"), "{head}");
}

#[test]
fn each_name_gets_its_certificate_and_a_name_without_one_an_alert() {
    let authority = Authority::new();
    let names = [("exact", "a.test"), ("wild", "*.b.test"), ("main", "main.test")];
    let files = names.map(|(file, name)| authority.issue(file, &[name]));
    let site = |label: &str, name: &str, files: &Files| {
        format!("[sites.{label}]\nserver_name = {name:?}\n{}", files.settings())
    };
    let server = Server::start(&format!(
        "{LISTEN}{}{}{}default = true\n[sites.bare]\nserver_name = \"bare.test\"\n",
        site("exact", "a.test", &files[0]),
        site("wild", "*.b.test", &files[1]),
        site("main", "main.test", &files[2]),
    ));
    let config = Arc::new(authority.client());
    for (name, files) in
        [("a.test", &files[0]), ("A.TEST", &files[0]), ("x.b.test", &files[1]), ("main.test", &files[2])]
    {
        assert!(server.connect_tls(&config, name).unwrap().was_shown(files), "{name}");
    }
    for name in ["other.test", "bare.test", "a.test.test", &format!("{}.test", ["a"; 100].join("."))] {
        let told = alert(server.connect_tls(&config, name));
        assert!(told.contains("Unrecogni"), "{name}: {told}");
    }
    let mut nameless = authority.client();
    nameless.enable_sni = false;
    assert!(server.connect_tls(&Arc::new(nameless), "main.test").unwrap().was_shown(&files[2]));
}

#[test]
fn a_name_that_the_default_certificate_is_for_is_not_refused_and_none_is_without_ssl_reject_handshake() {
    let authority = Authority::new();
    let files = authority.issue("a", &["a.test", "*.tenants.test"]);
    let site = format!("[sites.a]\nserver_name = \"a.test\"\n{}", files.settings());
    let config = Arc::new(authority.client());
    let server = Server::start(&format!("{LISTEN}{site}"));
    assert!(server.connect_tls(&config, "x.tenants.test").unwrap().was_shown(&files));
    assert!(alert(server.connect_tls(&config, "other.test")).contains("Unrecogni"));
    let server = Server::start(&format!("{LISTEN}ssl_reject_handshake = false\n{site}"));
    let told = alert(server.connect_tls(&config, "other.test"));
    assert!(told.contains("certificate not valid for name"), "{told}");
}

#[test]
fn of_two_certificates_a_client_gets_the_one_that_it_can_verify() {
    let authority = Authority::new();
    let rsa = authority.issue_by("rsa", &["a.test"], VALID, &rcgen::PKCS_RSA_SHA256);
    let ecdsa = authority.issue("ecdsa", &["a.test"]);
    let list = |paths: [&Path; 2]| format!("{paths:?}");
    let server = Server::start(&format!(
        "{LISTEN}[sites.a]\nssl_certificate = {}\nssl_certificate_key = {}\n",
        list([&rsa.certificate, &ecdsa.certificate]),
        list([&rsa.key, &ecdsa.key])
    ));
    assert!(server.connect_tls(&Arc::new(authority.client()), "a.test").unwrap().was_shown(&ecdsa));
    let config = Arc::new(of_rsa_alone(&authority));
    assert!(server.connect_tls(&config, "a.test").unwrap().was_shown(&rsa));
    let without = Server::start(&format!("{LISTEN}[sites.a]\n{}", ecdsa.settings()));
    assert!(alert(without.connect_tls(&config, "a.test")).contains("HandshakeFailure"));
}

/// A client that verifies no signature but those by RSA.
fn of_rsa_alone(authority: &Authority) -> rustls::ClientConfig {
    let mut old = rustls::crypto::aws_lc_rs::default_provider();
    old.signature_verification_algorithms.mapping = old
        .signature_verification_algorithms
        .mapping
        .iter()
        .filter(|(scheme, _)| matches!(scheme, SignatureScheme::RSA_PSS_SHA256 | SignatureScheme::RSA_PKCS1_SHA256))
        .copied()
        .collect::<Vec<_>>()
        .leak();
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(old)).with_safe_default_protocol_versions();
    let config = config.expect("the versions are the usual ones");
    config.with_root_certificates(authority.roots()).with_no_client_auth()
}

#[test]
fn tls_1_2_and_1_3_are_spoken_or_what_ssl_protocols_says() {
    let authority = Authority::new();
    let with = |versions| {
        let config =
            rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
        let config = config.with_protocol_versions(&[versions]).unwrap();
        Arc::new(config.with_root_certificates(authority.roots()).with_no_client_auth())
    };
    let (old, new) = (with(&rustls::version::TLS12), with(&rustls::version::TLS13));
    let both = server(&authority, "", &[("a.txt", b"a")]);
    for config in [&old, &new] {
        assert_eq!(both.connect_tls(config, "a.test").unwrap().get("a.test", "/a.txt").1, b"a");
    }
    let only = server(&authority, "ssl_protocols = \"TLSv1.3\"\n", &[]);
    assert!(only.connect_tls(&new, "a.test").is_ok());
    assert!(alert(only.connect_tls(&old, "a.test")).contains("ProtocolVersion"));
}

#[test]
fn sessions_are_resumed_by_ticket_on_any_worker_unless_tickets_are_off() {
    let authority = Authority::new();
    for (setting, resumed) in [("workers = 2\n", true), ("ssl_session_tickets = false\n", false)] {
        let server = server(&authority, setting, &[("a.txt", b"a")]);
        let config = Arc::new(authority.client());
        for number in 0..10 {
            let mut client = server.connect_tls(&config, "a.test").unwrap();
            assert_eq!(client.get("a.test", "/a.txt").1, b"a");
            let kind = client.stream.get_ref().conn.handshake_kind().unwrap();
            assert_eq!(kind == HandshakeKind::Resumed, resumed && number > 0, "{kind:?} in connection {number}");
        }
    }
}

#[test]
fn the_end_of_a_connection_is_announced_however_it_comes() {
    let authority = Authority::new();
    let server = server(&authority, "keepalive_timeout = \"1s\"\n", &[("a.txt", b"a"), ("b.bin", &[b'b'; 50_000])]);
    let config = Arc::new(authority.client());
    for path in ["/a.txt", "/b.bin", "/app", "/missing\u{7f}"] {
        let mut client = server.connect_tls(&config, "a.test").unwrap();
        client.send(format!("GET {path} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"));
        assert!(client.rest().unwrap().starts_with("HTTP/1.1 "), "{path}");
    }
    let mut client = server.connect_tls(&config, "a.test").unwrap();
    client.get("a.test", "/a.txt");
    server.time_until(|| server.is_alone());
    assert_eq!(client.rest().unwrap(), "");
    let mut client = server.connect_tls(&config, "a.test").unwrap();
    client.get("a.test", "/a.txt");
    server.drain_at_leisure();
    assert_eq!(client.rest().unwrap(), "");
}

#[test]
fn a_handshake_that_is_not_done_in_time_is_closed_and_one_that_has_not_begun_ends_with_a_drain() {
    let authority = Authority::new();
    let server = server(&authority, "ssl_handshake_timeout = \"3s\"\n", &[]);
    let before = server.figure("connections_total");
    let mut sockets = [server.tls_socket(), server.tls_socket(), server.tls_socket()];
    wait_until("they are accepted", || server.figure("connections_total") == before + 3);
    sockets[1].write_all(&[22, 3, 1, 0, 200, 1]).unwrap();
    sockets[2].write_all(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").unwrap();
    let mut told = String::new();
    sockets[2].read_to_string(&mut told).unwrap();
    assert!(told.starts_with("HTTP/1.1 400 "), "{told}");
    let time = server.time_until(|| server.is_alone());
    assert!(time >= Duration::from_secs(3) - STEP && time <= Duration::from_secs(3) + 2 * STEP, "{time:?}");
    assert_eq!(server.figure("tls_handshakes_failed_total"), 3);
    let silent = server.tls_socket();
    wait_until("it is accepted", || !server.is_alone());
    server.drain_at_leisure();
    drop(silent);
}

#[test]
fn what_makes_a_certificate_unusable_is_an_error_that_names_file_and_remedy() {
    let authority = Authority::new();
    let (good, other) = (authority.issue("good", &["a.test"]), authority.issue("other", &["a.test"]));
    let text = |path: &Path| fs::read_to_string(path).unwrap();
    let file = |name: &str, content: &str| {
        write(&authority.path(name), content, 0o600);
        authority.path(name)
    };
    let reversed = text(&good.certificate);
    let (own, signer) = reversed.split_at(reversed.rfind("-----BEGIN").unwrap());
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIG=\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES\n\nMIG=\n-----END RSA PRIVATE KEY-----\n";
    let cases = [
        (good.certificate.clone(), other.key, "_key", "the key does not fit the certificate in"),
        (good.certificate.clone(), file("e.key", encrypted), "_key", "the key is encrypted"),
        (good.certificate.clone(), file("o.key", old), "_key", "the key is encrypted"),
        (good.certificate.clone(), file("empty", ""), "_key", "the file is empty"),
        (good.certificate.clone(), good.certificate.clone(), "_key", "the file has no `PRIVATE KEY` but `CERTIFICATE`"),
        (good.key.clone(), good.key.clone(), "", "the file has no `CERTIFICATE` but `PRIVATE KEY`"),
        (file("der", "\u{0}0\u{1}"), good.key.clone(), "", "the file is not PEM"),
        (file("cut", &own[..own.len() - 40]), good.key.clone(), "", "the file is damaged"),
        (file("bad", &own.replacen("MI", "M!", 1)), good.key.clone(), "", "the file is damaged"),
        (
            file("none", "-----BEGIN CERTIFICATE-----\nMIGG\n-----END CERTIFICATE-----\n"),
            good.key.clone(),
            "",
            "is not an X.509",
        ),
        (
            file("swapped", &format!("{signer}{own}")),
            good.key.clone(),
            "",
            "the key fits certificate 2 of the file; put that one first",
        ),
        ("/no/such/file".into(), good.key, "", "cannot open /no/such/file"),
    ];
    for (certificate, key, suffix, message) in cases {
        let files = Files::of(certificate, key);
        let (web, sites) = settings(&format!("{LISTEN}[sites.a]\n{}", files.settings()));
        let error = Web::new(&web, &sites, None).err().expect("the certificate is bad").to_string();
        assert!(error.contains(message) && error.starts_with(&format!("`sites.a.ssl_certificate{suffix}`")), "{error}");
    }
}

#[test]
fn what_clients_will_not_like_of_a_certificate_is_a_warning_and_the_server_starts() {
    let authority = Authority::new();
    let issue =
        |file: &str, names: &[&str], years| authority.issue_by(file, names, years, &rcgen::PKCS_ECDSA_P256_SHA256);
    let public = issue("public", &["a.test"], VALID);
    write(&public.key, &fs::read_to_string(&public.key).unwrap(), 0o644);
    let stray = issue("stray", &["a.test"], VALID);
    let text = fs::read_to_string(&stray.certificate).unwrap();
    write(
        &stray.certificate,
        &text.replacen("-----END CERTIFICATE-----\n", "-----END CERTIFICATE-----\ngarbage\n", 1),
        0o644,
    );
    for (files, message) in [
        (issue("expired", &["a.test"], (1971, 1980)), "has expired"),
        (issue("future", &["a.test"], (3000, 4000)), "is not valid yet"),
        (issue("nobody", &[], VALID), "is for no name"),
        (issue("wrong", &["b.test"], VALID), "is not for \"a.test\""),
        (public, "set the mode of the file to 0600"),
        (stray, "belongs to no certificate"),
    ] {
        let (web, sites) = settings(&format!("{LISTEN}[sites.a]\nserver_name = \"a.test\"\n{}", files.settings()));
        let web = Web::new(&web, &sites, None).expect("the server starts");
        let warnings = web.warnings();
        assert_eq!(warnings.len(), 1, "{message}: {warnings:?}");
        assert!(warnings[0].key.starts_with("sites.a.ssl_certificate"), "{warnings:?}");
        assert!(warnings[0].message.contains(message), "{message}: {warnings:?}");
    }
}

#[test]
fn a_listener_and_a_certificate_that_miss_each_other_are_told_of() {
    let authority = Authority::new();
    let files = authority.issue("a", &["a.test"]);
    let web = |listen: &str, site: &str| {
        let (web, sites) = settings(&format!("[web]\nlisten = [{listen:?}]\n[sites.a]\n{site}"));
        Web::new(&web, &sites, None)
    };
    let error = web("127.0.0.1:443 ssl", "").err().expect("there is no certificate").to_string();
    assert!(
        error.starts_with("`web.listen`: \"127.0.0.1:443 ssl\" needs a certificate, and no site has one"),
        "{error}"
    );
    let plain = web("127.0.0.1:443", "").unwrap();
    assert!(plain.warnings()[0].message.contains("write \"127.0.0.1:443 ssl\""), "{:?}", plain.warnings());
    let unused = web("127.0.0.1:0", &files.settings()).unwrap();
    assert!(unused.warnings()[0].message.contains("has the word `ssl`"), "{:?}", unused.warnings());
    let uneven = web("127.0.0.1:0 ssl", &format!("ssl_certificate = {:?}", files.certificate));
    assert!(uneven.err().unwrap().to_string().contains("there are not as many keys (0) as certificates (1)"));
}

#[test]
fn a_changed_certificate_is_shown_without_a_restart() {
    let authority = Authority::new();
    let server = server(&authority, "", &[]);
    let config = Arc::new(authority.client());
    let before = server.connect_tls(&config, "a.test").unwrap();
    let files = authority.issue("a", &["a.test"]);
    assert!(!before.was_shown(&files));
    wait_until("the new certificate is shown", || server.connect_tls(&config, "a.test").unwrap().was_shown(&files));
}

#[test]
fn a_session_is_resumed_on_another_server_with_the_same_ticket_key() {
    let authority = Authority::new();
    let key = authority.path("ticket.key");
    fs::write(&key, [7; 80]).unwrap();
    let config = Arc::new(authority.client());
    let resumed = |server: &Server| {
        let mut client = server.connect_tls(&config, "a.test").unwrap();
        client.get("a.test", "/a.txt");
        client.stream.get_ref().conn.handshake_kind() == Some(HandshakeKind::Resumed)
    };
    let setting = format!("ssl_session_ticket_key = {key:?}\n");
    assert!(!resumed(&server(&authority, &setting, &[("a.txt", b"a")])));
    assert!(resumed(&server(&authority, &setting, &[])));
    assert!(!resumed(&server(&authority, "", &[])), "it has a key of its own");
}
