//! The client of the benchmark of TLS. It has two tasks:
//!
//!     tls handshakes ADDRESS CA full|resumed THREADS SECONDS    prints how many connections it made
//!     tls idle ADDRESS CA http/1.1|h2 CONNECTIONS               keeps them open, until a line comes
//!
//! Each connection asks for `/1k.jpg` once, and reads the whole answer.

use std::error::Error;
use std::io::{Read, Write, stdin};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;
type Connection = StreamOwned<ClientConnection, TcpStream>;

const NAME: &str = "www.example.com";
const HTTP1: &[u8] = b"GET /1k.jpg HTTP/1.1\r\nHost: www.example.com\r\nConnection: close\r\n\r\n";
const HTTP1_IDLE: &[u8] = b"GET /1k.jpg HTTP/1.1\r\nHost: www.example.com\r\n\r\n";
const USAGE: &str = "tls handshakes ADDRESS CA full|resumed THREADS SECONDS | tls idle ADDRESS CA http/1.1|h2 CONNECTIONS";

fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["handshakes", address, ca, kind, threads, seconds] => {
            let until = Instant::now() + Duration::from_secs_f64(seconds.parse()?);
            println!("{}", handshakes(address, ca, kind == "resumed", threads.parse()?, until)?);
            Ok(())
        }
        ["idle", address, ca, protocol, connections] => idle(address, ca, protocol, connections.parse()?),
        _ => Err(USAGE.into()),
    }
}

/// Makes connections until then, on so many threads; gives how many.
fn handshakes(address: &str, ca: &str, resumed: bool, threads: usize, until: Instant) -> Outcome<usize> {
    let run = || -> Outcome<usize> {
        let config = config(ca, resumed, "http/1.1")?;
        let mut count = 0;
        while Instant::now() < until {
            let mut connection = connect(address, &config)?;
            connection.write_all(HTTP1)?;
            let mut answer = Vec::new();
            connection.read_to_end(&mut answer)?;
            assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", answer.escape_ascii());
            let kind = connection.conn.handshake_kind();
            let is_resumed = kind == Some(rustls::HandshakeKind::Resumed);
            assert_eq!(is_resumed, resumed && count > 0, "{kind:?}");
            count += 1;
        }
        Ok(count)
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        threads.into_iter().map(|thread| thread.join().expect("a thread has panicked")).sum()
    })
}

/// Opens connections, has each answered once, and keeps them until a line comes.
fn idle(address: &str, ca: &str, protocol: &str, connections: usize) -> Outcome<()> {
    let config = config(ca, false, protocol)?;
    let mut open = Vec::new();
    for _ in 0..connections {
        let mut connection = connect(address, &config)?;
        connection.write_all(&if protocol == "h2" { http2() } else { HTTP1_IDLE.to_vec() })?;
        let (mut room, mut read) = ([0; 4096], 0);
        while read < 1024 + 32 {
            match connection.read(&mut room)? {
                0 => return Err("the server closed a connection".into()),
                bytes => read += bytes,
            }
        }
        open.push(connection);
    }
    println!("{}", open.len());
    stdin().read_line(&mut String::new())?;
    Ok(())
}

/// The preface, empty SETTINGS, and a request whose fields are literals (RFC 9113 §3.4, RFC 7541 §6.2).
fn http2() -> Vec<u8> {
    let mut block = vec![0x82, 0x87]; // GET, https
    for (index, value) in [(4, "/1k.jpg"), (1, NAME)] {
        block.extend([index, u8::try_from(value.len()).expect("short")]);
        block.extend(value.bytes());
    }
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    bytes.extend([0, 0, u8::try_from(block.len()).expect("short"), 1, 5, 0, 0, 0, 1]);
    bytes.extend(block);
    bytes
}

fn config(ca: &str, resumed: bool, protocol: &str) -> Outcome<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca)?)?;
    let builder = ClientConfig::builder_with_provider(default_provider().into()).with_safe_default_protocol_versions()?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![protocol.into()];
    if !resumed {
        config.resumption = Resumption::disabled();
    }
    Ok(config.into())
}

fn connect(address: &str, config: &Arc<ClientConfig>) -> Outcome<Connection> {
    let socket = TcpStream::connect(address)?;
    socket.set_nodelay(true)?;
    let session = ClientConnection::new(config.clone(), NAME.try_into()?)?;
    Ok(StreamOwned::new(session, socket))
}
