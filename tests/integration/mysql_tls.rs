//! A database over TLS. This package's programs hold two providers of cryptography (see `Cargo.toml`): rustls would not know
//! which to take.

use std::io;
use std::net::{Shutdown, TcpListener};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;

use foobar::MysqlConnection;
use foobar::diesel::connection::{Connection, SimpleConnection};
use foobar::test::MysqlServer;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use crate::support::Program;

/// Writes an authority, and for `localhost` and for a client a certificate with its key, which is of P-256 in PKCS#8.
fn issue(folder: &Path) -> [String; 5] {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let certify = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name); // not the authority's, as if it had signed itself
        let certificate = params.signed_by(&key, &issuer).unwrap();
        [write(&format!("{name}.pem"), certificate.pem()), write(&format!("{name}.key"), key.serialize_pem())]
    };
    let ([certificate, key], [client, client_key]) = (certify("localhost"), certify("client"));
    [write("ca", issuer.pem()), certificate, key, client, client_key]
}

/// A port that leads to a socket.
fn port_to(socket: String) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for client in listener.incoming() {
            let (mut client, mut server) = (client.unwrap(), UnixStream::connect(&socket).unwrap());
            let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || {
                drop(io::copy(&mut from, &mut to)); // one end is gone
                drop(to.shutdown(Shutdown::Write)); // and the other may be
            });
            thread::spawn(move || {
                drop(io::copy(&mut server, &mut client)); // one end is gone
                drop(client.shutdown(Shutdown::Write)); // and the other may be
            });
        }
    });
    port
}

#[test]
fn a_program_with_two_providers_connects_to_mysql_over_tls_and_shows_its_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let [authority, certificate, key, client, client_key] = issue(folder.path());
    let options = [format!("--ssl-ca={authority}"), format!("--ssl-cert={certificate}"), format!("--ssl-key={key}")];
    let server = MysqlServer::start_with(&options.each_ref().map(String::as_str)).unwrap();
    let url = server.create_database().unwrap();
    let name = url.split(['/', '?']).nth(3).unwrap();
    let mut root = MysqlConnection::establish(&url).unwrap();
    let port = port_to(url.split_once("socket=").unwrap().1.to_owned());
    for (user, demand) in [("tls", "SSL"), ("known", "X509")] {
        let create =
            format!("CREATE USER {user}@localhost REQUIRE {demand}; GRANT ALL ON {name}.* TO {user}@localhost");
        root.batch_execute(&create).unwrap();
        let url = format!("mysql://{user}@localhost:{port}/{name}?require_ssl=true");
        let mut program = Program::example("starting", folder.path());
        program.env("FOOBAR__DATABASE__URL", url).env("FOOBAR__DATABASE__TLS_CA", &authority);
        if demand == "X509" {
            program.env("FOOBAR__DATABASE__TLS_CERT", &client).env("FOOBAR__DATABASE__TLS_KEY", &client_key);
        }
        let program = Program::start(&mut program);
        program.until_ready(200);
        assert_eq!(program.get("/").text(), "started");
    }
}
