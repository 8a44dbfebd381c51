//! Handshakes that begin and do not end.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use crate::http2::server::Server;
use crate::support::{Client, Exposition, Footprint, allow_many_descriptors, until};

const CLIENTS: usize = 1_000;
/// The most memory for each, in KiB.
const EACH: u64 = 32;

/// The first half of a client's first message.
fn half_a_client_hello() -> Vec<u8> {
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    let mut session = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap();
    let mut hello = Vec::new();
    session.write_tls(&mut hello).unwrap();
    hello.truncate(hello.len() / 2);
    hello
}

fn is_served(server: &Server) {
    for _ in 0..4 {
        assert_eq!(Client::over(server.tls(&["http/1.1"])).get("/").text(), "proving");
    }
}

/// The connections that the server has and that are not idle.
fn connections(server: &Server) -> usize {
    let metrics = Exposition::parse(server.program.admin("/metrics").text()).unwrap();
    metrics.value("foobar_web_connections", &[("state", "active")]).expect("there is such a figure") as usize
}

#[test]
fn a_thousand_clients_that_stall_in_their_handshake_hold_little_memory_and_others_are_served() {
    allow_many_descriptors();
    let server = Server::with(&[("FOOBAR__WEB__SSL_HANDSHAKE_TIMEOUT", "10m")]);
    let hello = half_a_client_hello();
    is_served(&server);
    let resident = || Footprint::of(server.program.id()).expect("it runs").resident;
    let before = resident();
    let begin = |_| {
        let mut socket = TcpStream::connect(&server.program.tls_address).unwrap();
        socket.write_all(&hello).unwrap();
        socket
    };
    let stalled: Vec<TcpStream> = (0..CLIENTS).map(begin).collect();
    until("all are accepted", || (connections(&server) >= CLIENTS).then_some(()));
    is_served(&server);
    let grown = resident() - before;
    println!("{grown} KiB for {CLIENTS} clients that have sent {} bytes", hello.len());
    assert!(grown <= CLIENTS as u64 * EACH, "{grown} KiB more than {before} KiB");
    drop(stalled);
    until("all have gone", || (connections(&server) < CLIENTS / 2).then_some(()));
}
