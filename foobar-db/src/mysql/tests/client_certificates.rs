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
    let (_server, _network, mut settings) = server_for(folder).await;
    let unknown = started(&settings).await.unwrap_err();
    let expected = "where the server wants a certificate of this user (REQUIRE X509), set `database.tls_cert` and";
    assert!(unknown.contains("Access denied") && unknown.contains(expected), "{unknown}");
    for (certificate, key, begin) in [
        ("client", "client", "-----BEGIN PRIVATE KEY-----"),
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
    std::fs::write(folder.join("any.pem"), "").unwrap();
    openssl(folder, "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out p256.key");
    openssl(folder, "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.key");
    let take = |key: &str, chosen: Option<&CryptoProvider>| {
        let options = Options::new(&with_key(folder, key)).unwrap();
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
