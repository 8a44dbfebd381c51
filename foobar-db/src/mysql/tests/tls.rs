//! What `ssl-mode` demands of a server, and what it does not.

use std::path::Path;

use super::proof::{certificates, choose_a_provider, openssl};
use super::*;
use crate::testing::network::Network;

/// A server with this certificate of those in `folder`.
fn server_with(folder: &Path, certificate: &str) -> MysqlServer {
    let files = [("ca", "ca.pem"), ("cert", certificate), ("key", "server.key")];
    let options = files.map(|(option, name)| format!("--ssl-{option}={}", folder.join(name).display()));
    MysqlServer::start_with(&options.each_ref().map(String::as_str)).unwrap()
}

/// A certificate of the server's for no name at all, such as MySQL makes by itself.
fn certify_no_name(folder: &Path) {
    std::fs::write(folder.join("nothing"), "basicConstraints=CA:FALSE").unwrap();
    let sign = "x509 -req -CA ca.pem -CAkey ca.key -CAcreateserial -days 9 -extfile nothing";
    openssl(folder, &format!("{sign} -in server.csr -out nameless.pem"));
}

/// The cipher of a new connection by an address; empty without TLS.
fn cipher(network: &Network, server: &MysqlServer, mode: &str, authority: Option<&Path>) -> Result<String, String> {
    let url = format!("{}?ssl-mode={mode}", network.url(&server.url("mysql")));
    let tls_ca = authority.map(Path::to_owned);
    let settings = DatabaseSettings { url: Some(Secret::new(url)), tls_ca, ..DatabaseSettings::default() };
    let mut conn = MysqlConnection::connect(&Options::new(&settings).unwrap()).map_err(|error| error.to_string())?;
    let status = diesel::sql_query("SHOW SESSION STATUS LIKE 'Ssl_cipher'");
    Ok(status.get_result::<Status>(&mut conn).unwrap().value)
}

#[test]
fn with_verify_ca_the_authority_counts_and_not_the_name() {
    choose_a_provider();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    certificates(folder);
    certify_no_name(folder);
    openssl(folder, "req -x509 -newkey rsa:2048 -nodes -keyout other.key -out other.pem -subj /CN=authority -days 9");
    let [ours, other] = ["ca.pem", "other.pem"].map(|name| folder.join(name));
    for certificate in ["server.pem", "nameless.pem"] {
        let server = server_with(folder, certificate);
        let network = Network::to(&server.url("mysql"), Duration::ZERO);
        let cipher = |mode, authority| cipher(&network, &server, mode, Some(authority));
        assert_ne!(cipher("verify_ca", &ours), Ok(String::new()), "{certificate}");
        let wrong_name = cipher("verify_identity", &ours).unwrap_err();
        assert!(wrong_name.contains("certificate not valid for name \"127.0.0.1\""), "{wrong_name}");
        let wrong_authority = cipher("verify_ca", &other).unwrap_err();
        assert!(wrong_authority.contains("invalid peer certificate: "), "{wrong_authority}");
    }
}

#[test]
fn with_verify_ca_a_certificate_that_has_expired_is_refused() {
    choose_a_provider();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    certificates(folder);
    let sign = "x509 -req -CA ca.pem -CAkey ca.key -CAcreateserial -days -1 -extfile names";
    openssl(folder, &format!("{sign} -in server.csr -out expired.pem"));
    let server = server_with(folder, "expired.pem");
    let network = Network::to(&server.url("mysql"), Duration::ZERO);
    let expired = cipher(&network, &server, "verify_ca", Some(&folder.join("ca.pem"))).unwrap_err();
    assert!(expired.to_lowercase().contains("expired"), "{expired}");
}

/// How MariaDB is told, and how MySQL is; each passes over the other's.
const WITHOUT_TLS: [&str; 2] = ["--loose-skip-ssl", "--loose-tls-version="];

#[test]
fn with_preferred_a_server_is_spoken_to_over_tls_where_it_has_it() {
    choose_a_provider();
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let [with, without] = [server_with(folder.path(), "server.pem"), MysqlServer::start_with(&WITHOUT_TLS).unwrap()];
    let cipher =
        |server: &MysqlServer, mode| cipher(&Network::to(&server.url("mysql"), Duration::ZERO), server, mode, None);
    assert_ne!(cipher(&with, "preferred"), Ok(String::new()));
    assert_eq!(cipher(&without, "preferred"), Ok(String::new()));
    assert_eq!(cipher(&with, "disabled"), Ok(String::new()));
    assert!(cipher(&without, "required").is_err());
    assert!(cipher(&with, "required").is_err(), "no public authority has signed it");
}
