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
fn cipher(
    network: &Network,
    server: &MysqlServer,
    mode: &str,
    authority: Option<&Path>,
) -> Result<String, ConnectError> {
    let url = format!("{}?ssl-mode={mode}", network.url(&server.url("mysql")));
    let tls_ca = authority.map(Path::to_owned);
    let settings = DatabaseSettings { url: Some(Secret::new(url)), tls_ca, ..DatabaseSettings::default() };
    let mut conn = MysqlConnection::connect(&Options::new(&settings).unwrap())?;
    let status = diesel::sql_query("SHOW SESSION STATUS LIKE 'Ssl_cipher'");
    Ok(status.get_result::<Status>(&mut conn).unwrap().value)
}

/// It is refused, in these words.
fn refused(outcome: Result<String, ConnectError>, words: &[&str]) {
    let Err(ConnectError::Refused(error)) = outcome else { panic!("{outcome:?}") };
    assert!(words.iter().all(|word| error.contains(word)), "{words:?} in {error}");
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
        assert_ne!(cipher("verify_ca", &ours).unwrap(), "", "{certificate}");
        let names =
            if certificate == "server.pem" { "is for another name: localhost; " } else { "is for no name at all; " };
        refused(cipher("verify_identity", &ours), &[names, "server 127.0.0.1 ", "`ssl-mode=verify_ca`", "ca.pem)"]);
        let authority = "is of another authority than those that are trusted";
        refused(cipher("verify_ca", &other), &[authority, "server 127.0.0.1 ", "other.pem)"]);
        refused(cipher("verify_identity", &other), &[authority]);
    }
}

/// It is waited for, since it may be renewed while the program runs.
#[test]
fn a_certificate_out_of_its_time_is_told_by_its_dates_and_waited_for() {
    choose_a_provider();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    certificates(folder);
    let of_time = [
        (
            "expired.pem",
            "20200101000000Z",
            "20210101000000Z",
            "has expired on 2021-01-01 00:00:00 UTC; by the clock of",
        ),
        (
            "early.pem",
            "91000101000000Z",
            "91010101000000Z",
            "is not valid before 9100-01-01 00:00:00 UTC; by the clock of",
        ),
    ];
    for (certificate, from, to, expected) in of_time {
        let dates = format!("-startdate {from} -enddate {to}");
        std::fs::write(folder.join("index.txt"), "").unwrap();
        let config = "[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nnew_certs_dir=.\nrand_serial=yes\ndefault_md=sha256\n\
                      policy=p\nunique_subject=no\n[p]\ncommonName=supplied\n";
        std::fs::write(folder.join("ca.cnf"), config).unwrap();
        let sign = "ca -batch -config ca.cnf -cert ca.pem -keyfile ca.key -notext -extfile names";
        openssl(folder, &format!("{sign} {dates} -in server.csr -out {certificate}"));
        let server = server_with(folder, certificate);
        let network = Network::to(&server.url("mysql"), Duration::ZERO);
        for mode in ["verify_ca", "required"] {
            let outcome = cipher(&network, &server, mode, Some(&folder.join("ca.pem")));
            let Err(ConnectError::Unreachable(error)) = outcome else { panic!("{mode}: {outcome:?}") };
            assert!(error.contains(expected) && error.ends_with("ca.pem)"), "{mode}: {error}");
        }
    }
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
    assert_ne!(cipher(&with, "preferred").unwrap(), "");
    assert_eq!(cipher(&without, "preferred").unwrap(), "");
    assert_eq!(cipher(&with, "disabled").unwrap(), "");
    refused(cipher(&without, "required"), &["the server has no TLS, which `ssl-mode` in `database.url` demands"]);
    refused(cipher(&with, "required"), &["is of another authority than those that are trusted"]);
}
