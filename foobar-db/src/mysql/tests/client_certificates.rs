//! The certificates by which a server knows this program, with keys of each kind.

use std::path::Path;

use rustls::crypto::{CryptoProvider, aws_lc_rs};

use super::proof::{certificates, choose_a_provider, openssl, started};
use super::*;
use crate::testing::network::Network;

/// A server that knows the authority in `folder`, and settings for a user there who has to show a certificate.
async fn server_for(folder: &Path) -> (MysqlServer, Network, DatabaseSettings) {
    let files = [("ca", "ca.pem"), ("cert", "server.pem"), ("key", "server.key")];
    let options = files.map(|(option, name)| format!("--ssl-{option}={}", folder.join(name).display()));
    let server = MysqlServer::start_with(&options.each_ref().map(String::as_str)).unwrap();
    let root = server.url("mysql");
    let create = "CREATE USER known@localhost REQUIRE X509; GRANT ALL ON *.* TO known@localhost";
    let create = move || MysqlConnection::establish(&root).unwrap().batch_execute(create).unwrap();
    thread::run("foobar-db-test", create).await.unwrap();
    let network = Network::to(&server.url("mysql"), Duration::ZERO);
    let url = network.url(&server.url("mysql")).replace("root@127.0.0.1", "known@localhost") + "?ssl-mode=required";
    let settings = DatabaseSettings {
        url: Some(Secret::new(url)),
        tls_ca: Some(folder.join("ca.pem")),
        ..DatabaseSettings::default()
    };
    (server, network, settings)
}

/// Gives a key of the name `name`, in PKCS#8, a certificate.
fn certify(folder: &Path, name: &str) {
    openssl(folder, &format!("req -new -key {name}.key -out {name}.csr -subj /CN={name}"));
    let sign = "x509 -req -CA ca.pem -CAkey ca.key -CAcreateserial -days 9 -extfile names";
    openssl(folder, &format!("{sign} -in {name}.csr -out {name}.pem"));
}

const CURVES: [(&str, &str); 3] = [("p256", "P-256"), ("p384", "P-384"), ("p521", "P-521")];

/// Keys of elliptic curves in PKCS#8, with certificates; those of NIST's curves also in SEC1.
fn make_keys(folder: &Path) {
    for (name, curve) in CURVES {
        openssl(folder, &format!("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:{curve} -out {name}.key"));
        openssl(folder, &format!("ec -in {name}.key -out {name}-sec1.key"));
        certify(folder, name);
    }
    openssl(folder, "genpkey -algorithm ED25519 -out ed25519.key");
    certify(folder, "ed25519");
}

#[tokio::test]
async fn a_server_that_wants_a_certificate_gets_it_over_tls() {
    choose_a_provider();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    certificates(folder);
    make_keys(folder);
    openssl(folder, "x509 -in client.pem -outform DER -out client.der.pem");
    let (_server, _network, mut settings) = server_for(folder).await;
    let unknown = started(&settings).await.unwrap_err();
    let expected = "where the server wants a certificate of this user (REQUIRE X509), set `database.tls_cert` and";
    assert!(unknown.contains("Access denied") && unknown.contains(expected), "{unknown}");
    for (certificate, key, begin) in [
        ("client", "client", "-----BEGIN PRIVATE KEY-----"),
        ("client.der", "client", "-----BEGIN PRIVATE KEY-----"),
        ("client", "client-traditional", "-----BEGIN RSA PRIVATE KEY-----"),
        ("p256", "p256", "-----BEGIN PRIVATE KEY-----"),
        ("p256", "p256-sec1", "-----BEGIN EC PRIVATE KEY-----"),
        ("p384", "p384", "-----BEGIN PRIVATE KEY-----"),
        ("p384", "p384-sec1", "-----BEGIN EC PRIVATE KEY-----"),
        ("p521", "p521", "-----BEGIN PRIVATE KEY-----"),
        ("p521", "p521-sec1", "-----BEGIN EC PRIVATE KEY-----"),
        ("ed25519", "ed25519", "-----BEGIN PRIVATE KEY-----"),
    ] {
        settings.tls_cert = Some(folder.join(format!("{certificate}.pem")));
        let key = folder.join(format!("{key}.key"));
        assert!(std::fs::read_to_string(&key).unwrap().starts_with(begin), "{}", key.display());
        settings.tls_key = Some(key.clone());
        let db = started(&settings).await.unwrap_or_else(|error| panic!("{}: {error}", key.display()));
        one(&db).await.unwrap();
    }
}

/// Settings with this key in `folder`, whose certificate nobody looks at.
fn with_key(folder: &Path, key: &str) -> DatabaseSettings {
    DatabaseSettings {
        url: Some(Secret::new("mysql://u@h/d?ssl-mode=required")),
        tls_cert: Some(folder.join("any.pem")),
        tls_key: Some(folder.join(key)),
        ..DatabaseSettings::default()
    }
}

#[test]
fn a_key_that_cannot_be_used_is_refused_when_the_database_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("any.pem"), "").unwrap();
    openssl(folder, "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1 -out bitcoin.key");
    openssl(folder, "genpkey -algorithm ED448 -out ed448.key");
    openssl(folder, "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out short.key");
    std::fs::write(folder.join("empty.key"), "").unwrap();
    std::fs::write(folder.join("broken.key"), "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
        .unwrap();
    for (key, expected) in [
        ("bitcoin.key", "has a key that cannot be used; an RSA key has 2048 to 8192 bits"),
        ("ed448.key", "has a key that cannot be used; an RSA key has 2048 to 8192 bits"),
        ("short.key", "has a key that cannot be used; an RSA key has 2048 to 8192 bits"),
        ("broken.key", "has a key that cannot be used; an RSA key has 2048 to 8192 bits"),
        ("empty.key", "has no private key in PEM"),
    ] {
        let error = Db::open(&with_key(folder, key)).unwrap_err().to_string();
        assert!(error.starts_with("`database.tls_key` ") && error.contains(expected), "{error}");
    }
}

/// Which another package of the workspace may have chosen for these tests, so it is given.
#[test]
fn a_provider_of_others_takes_keys_of_rsa_alone_and_the_error_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    openssl(folder, "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out p256.key");
    openssl(folder, "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.key");
    for name in ["p256", "rsa"] {
        openssl(folder, &format!("req -x509 -key {name}.key -out {name}.key.pem -subj /CN={name} -days 9"));
    }
    let take = |key: &str, chosen: Option<&CryptoProvider>| {
        let tls_cert = Some(folder.join(format!("{key}.pem")));
        let options = Options::new(&DatabaseSettings { tls_cert, ..with_key(folder, key) }).unwrap();
        options.for_connection_by(chosen).map(drop).map_err(|error| error.to_string())
    };
    let (ours, other) = (crypto_provider(), aws_lc_rs::default_provider());
    for chosen in [None, Some(&other), Some(&ours)] {
        take("rsa.key", chosen).unwrap();
    }
    take("p256.key", Some(&ours)).unwrap();
    for chosen in [None, Some(&other)] {
        let error = take("p256.key", chosen).unwrap_err();
        assert!(error.contains("call `foobar::tiers::crypto_provider().install_default()`"), "{error}");
    }
}

/// What is wrong with these three files of those in `folder`: the authority, the certificate and its key.
fn wrong_with(folder: &Path, [ca, cert, key]: [&str; 3]) -> String {
    let [tls_ca, tls_cert, tls_key] = [ca, cert, key].map(|name| Some(folder.join(name)));
    let url = Some(Secret::new("mysql://u@h/d?ssl-mode=required"));
    Db::open(&DatabaseSettings { url, tls_ca, tls_cert, tls_key, ..DatabaseSettings::default() })
        .unwrap_err()
        .to_string()
}

const NOT_USABLE: &str = "has a certificate that cannot be used; it has to be one of X.509 in its version 3";

#[test]
fn a_file_of_certificates_or_a_key_that_is_wrong_is_named_with_its_setting_before_a_server_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    certificates(folder);
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (name, text) in [("empty", ""), ("words", "no certificate at all\n"), ("broken", broken)] {
        std::fs::write(folder.join(name), text).unwrap();
    }
    openssl(folder, "x509 -req -CA ca.pem -CAkey ca.key -CAcreateserial -days 9 -in client.csr -out old.pem");
    std::fs::write(folder.join("cut"), "-----BEGIN CERTIFICATE-----\nMIIB\n").unwrap();
    for (files, key, file, why) in [
        (["empty", "client.pem", "client.key"], "tls_ca", "empty", "has no certificate in PEM"),
        (["words", "client.pem", "client.key"], "tls_ca", "words", "has no certificate in PEM"),
        (["client.key", "client.pem", "client.key"], "tls_ca", "client.key", "has no certificate in PEM"),
        (["broken", "client.pem", "client.key"], "tls_ca", "broken", "has a certificate that cannot be read"),
        (["cut", "client.pem", "client.key"], "tls_ca", "cut", "has a certificate that cannot be read"),
        (["ca.pem", "empty", "client.key"], "tls_cert", "empty", "has no certificate in PEM"),
        (["ca.pem", "words", "client.key"], "tls_cert", "words", "has no certificate in PEM"),
        (["ca.pem", "client.key", "client.key"], "tls_cert", "client.key", "has no certificate in PEM"),
        (["ca.pem", "cut", "client.key"], "tls_cert", "cut", "has a certificate that cannot be read"),
        (["ca.pem", "broken", "client.key"], "tls_cert", "broken", NOT_USABLE),
        (["ca.pem", "old.pem", "client.key"], "tls_cert", "old.pem", NOT_USABLE),
        (["ca.pem", "client.pem", "client.pem"], "tls_key", "client.pem", "has no private key in PEM"),
        (["ca.pem", "client.pem", "words"], "tls_key", "words", "has no private key in PEM"),
        (
            ["ca.pem", "client.pem", "server.key"],
            "tls_key",
            "server.key",
            "has the key of another certificate than the first one in `database.tls_cert`",
        ),
    ] {
        let expected = format!("`database.{key}` {} {why}", folder.join(file).display());
        assert_eq!(wrong_with(folder, files), expected);
    }
}

#[test]
fn an_authority_may_be_in_der_and_several_in_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    certificates(folder);
    openssl(folder, "x509 -in ca.pem -outform DER -out ca.der");
    let twice = std::fs::read_to_string(folder.join("ca.pem")).unwrap().repeat(2);
    std::fs::write(folder.join("twice.pem"), twice).unwrap();
    for name in ["ca.der", "twice.pem"] {
        let url = Some(Secret::new("mysql://u@h/d?ssl-mode=required"));
        let tls_ca = Some(folder.join(name));
        Db::open(&DatabaseSettings { url, tls_ca, ..DatabaseSettings::default() }).unwrap();
    }
}

/// A certificate of the client that has expired, of the same authority.
fn certify_expired(folder: &Path) {
    let config = "[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nnew_certs_dir=.\nrand_serial=yes\ndefault_md=sha256\n\
                  policy=p\nunique_subject=no\n[p]\ncommonName=supplied\n";
    std::fs::write(folder.join("index.txt"), "").unwrap();
    std::fs::write(folder.join("ca.cnf"), config).unwrap();
    let dates = "-startdate 20200101000000Z -enddate 20210101000000Z";
    let sign = "ca -batch -config ca.cnf -cert ca.pem -keyfile ca.key -notext -extfile names";
    openssl(folder, &format!("{sign} {dates} -in client.csr -out expired.pem"));
}

#[tokio::test]
async fn a_certificate_that_the_server_does_not_take_is_named_with_its_setting() {
    choose_a_provider();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    certificates(folder);
    certify_expired(folder);
    openssl(folder, "req -x509 -key client.key -out foreign.pem -subj /CN=client -days 9");
    let (_server, _network, mut settings) = server_for(folder).await;
    settings.tls_key = Some(folder.join("client.key"));
    for (certificate, is_waited_for) in [("expired.pem", true), ("foreign.pem", false)] {
        settings.tls_cert = Some(folder.join(certificate));
        let options = Options::new(&settings).unwrap();
        let expected = format!("the server does not take `database.tls_cert` {}", folder.join(certificate).display());
        let (words, patience) = (expected.clone(), Instant::now() + PATIENCE);
        // The server may have closed the connection before its word was read, which the pool tries again.
        let connect = move || loop {
            let error = MysqlConnection::connect(&options).map(drop).unwrap_err();
            if error.to_string().starts_with(&words) || Instant::now() > patience {
                return error;
            }
        };
        let error = thread::run("foobar-db-test", connect).await.unwrap();
        assert!(error.to_string().starts_with(&expected), "{certificate}: {error:?}");
        assert_eq!(matches!(error, ConnectError::Unreachable(_)), is_waited_for, "{error:?}");
    }
}
