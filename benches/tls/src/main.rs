//! The client of the benchmark of TLS. It has three tasks:
//!
//!     tls handshakes ADDRESS CA full|resumed THREADS SECONDS    prints how many connections it made
//!     tls names ADDRESS CA COUNT THREADS SECONDS                the same, full, for so many names in turn
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
const HTTP1_IDLE: &[u8] = b"GET /1k.jpg HTTP/1.1\r\nHost: www.example.com\r\n\r\n";
const USAGE: &str = "tls handshakes ADDRESS CA full|resumed THREADS SECONDS | tls names ADDRESS CA COUNT THREADS SECONDS \
                     | tls idle ADDRESS CA http/1.1|h2 CONNECTIONS";

fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["handshakes", address, ca, kind, threads, seconds] => {
            let name = |_: usize| NAME.to_owned();
            count(&Handshakes { address, ca, is_resumed: kind == "resumed", name: &name }, threads, seconds)
        }
        ["names", address, ca, names, threads, seconds] => {
            let names: usize = names.parse()?;
            let name = |number: usize| format!("n{}.example.com", number * STRIDE % names);
            count(&Handshakes { address, ca, is_resumed: false, name: &name }, threads, seconds)
        }
        ["idle", address, ca, protocol, connections] => idle(address, ca, protocol, connections.parse()?),
        _ => Err(USAGE.into()),
    }
}

/// From one name to the next: neighbours are not asked for one after the other.
const STRIDE: usize = 7919;

/// What connections are made for.
struct Handshakes<'a> {
    address: &'a str,
    ca: &'a str,
    is_resumed: bool,
    /// The name of a connection, by its number.
    name: &'a (dyn Fn(usize) -> String + Sync),
}

/// Makes connections for so many seconds, on so many threads, and prints how many.
fn count(handshakes: &Handshakes<'_>, threads: &str, seconds: &str) -> Outcome<()> {
    let (threads, until) = (threads.parse()?, Instant::now() + Duration::from_secs_f64(seconds.parse()?));
    let counts = thread::scope(|scope| {
        let run = |first| move || handshakes.run((first..).step_by(threads), until);
        let threads: Vec<_> = (0..threads).map(|first| scope.spawn(run(first))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a thread has panicked")).sum::<Outcome<usize>>()
    })?;
    println!("{counts}");
    Ok(())
}

impl Handshakes<'_> {
    /// Makes connections of these numbers until then; gives how many.
    fn run(&self, numbers: impl Iterator<Item = usize>, until: Instant) -> Outcome<usize> {
        let config = config(self.ca, self.is_resumed, "http/1.1")?;
        let mut count = 0;
        for number in numbers.take_while(|_| Instant::now() < until) {
            let name = (self.name)(number);
            let mut connection = connect(self.address, &config, &name)?;
            connection
                .write_all(format!("GET /1k.jpg HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n").as_bytes())?;
            let mut answer = Vec::new();
            connection.read_to_end(&mut answer)?;
            assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", answer.escape_ascii());
            let kind = connection.conn.handshake_kind();
            let was_resumed = kind == Some(rustls::HandshakeKind::Resumed);
            assert_eq!(was_resumed, self.is_resumed && count > 0, "{kind:?}");
            count += 1;
        }
        Ok(count)
    }
}

/// Opens connections, has each answered once, and keeps them until a line comes.
fn idle(address: &str, ca: &str, protocol: &str, connections: usize) -> Outcome<()> {
    let config = config(ca, false, protocol)?;
    let mut open = Vec::new();
    for _ in 0..connections {
        let mut connection = connect(address, &config, NAME)?;
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
    let builder =
        ClientConfig::builder_with_provider(default_provider().into()).with_safe_default_protocol_versions()?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![protocol.into()];
    if !resumed {
        config.resumption = Resumption::disabled();
    }
    Ok(config.into())
}

fn connect(address: &str, config: &Arc<ClientConfig>, name: &str) -> Outcome<Connection> {
    let socket = TcpStream::connect(address)?;
    socket.set_nodelay(true)?;
    let session = ClientConnection::new(config.clone(), name.to_owned().try_into()?)?;
    Ok(StreamOwned::new(session, socket))
}
