//! TLS where it is not as usual: odd names and many, certificates that change under handshakes, clients that stall, send
//! what is no handshake, or cut a connection off.

#![expect(clippy::unwrap_used, reason = "a failure here is one of the test that asks")]

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use foobar_web::WebTier;
use rustls::crypto::cipher::{OutboundChunks, OutboundPlainMessage};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, ConnectionTrafficSecrets, ContentType, HandshakeKind, ProtocolVersion};

use super::support::tls::{Authority, alert};
use super::support::{STEP, Server, wait_until};

const LISTEN: &str = "[web]\nlisten = [\"127.0.0.1:0 ssl\"]\n";

fn server(authority: &Authority, web: &str) -> Server {
    let files = authority.issue("a", &["a.test"]);
    Server::start(&format!("{LISTEN}{web}[sites.a]\nserver_name = 'a.test'\n{}", files.settings()))
}

#[test]
fn an_international_name_a_long_one_and_an_address_get_their_certificates() {
    let authority = Authority::new();
    let long = format!("{}.{}.{}.{}.test", "a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(56));
    assert_eq!(long.len(), 253, "the longest that a name may be");
    let names = [("idn", "bücher.test", "xn--bcher-kva.test"), ("long", &long, &long), ("ip", "ip.test", "127.0.0.1")];
    let files = names.map(|(file, _, issued)| authority.issue(file, &[issued]));
    let sites = names.iter().zip(&files).map(|((label, name, _), files)| {
        format!("[sites.{label}]\nserver_name = '{name}'\ndefault = {}\n{}", *label == "ip", files.settings())
    });
    let server = Server::start(&format!("{LISTEN}{}", sites.collect::<String>()));
    let config = Arc::new(authority.client());
    for ((_, _, issued), files) in names.iter().zip(&files) {
        assert!(server.connect_tls(&config, issued).unwrap().was_shown(files), "{issued}");
    }
    let longer = format!("x{}", &long[1..].replace("d.test", "e.test"));
    assert!(alert(server.connect_tls(&config, &longer)).contains("Unrecogni"));
}

#[test]
fn of_ten_thousand_names_each_finds_its_site_and_others_find_none() {
    let authority = Authority::new();
    let site = |label: &str| {
        let files = authority.issue(label, &[&format!("*.{label}.test")]);
        let names: Vec<String> = (0..10_000).map(|number| format!("'n{number}.{label}.test'")).collect();
        (format!("[sites.{label}]\nserver_name = [{}]\n{}", names.join(", "), files.settings()), files)
    };
    let (one, two) = (site("one"), site("two"));
    let server = Server::start(&format!("{LISTEN}{}{}", one.0, two.0));
    let config = Arc::new(authority.client());
    for number in [0, 1, 4_999, 9_999] {
        for (label, (_, files)) in [("one", &one), ("two", &two)] {
            assert!(server.connect_tls(&config, &format!("n{number}.{label}.test")).unwrap().was_shown(files));
        }
    }
    for name in ["n10000.one.test", "n0.three.test", "one.test"] {
        assert!(alert(server.connect_tls(&config, name)).contains("Unrecogni"), "{name}");
    }
}

#[test]
fn of_many_connections_to_two_workers_all_but_the_first_are_resumed() {
    let authority = Authority::new();
    let server = server(&authority, "workers = 2\n");
    let mut config = authority.client();
    config.resumption = rustls::client::Resumption::in_memory_sessions(64);
    let config = Arc::new(config);
    let kinds = (0..1_000).map(|_| {
        let mut client = server.connect_tls(&config, "a.test").unwrap();
        client.get("a.test", "/app");
        client.stream.get_ref().conn.handshake_kind().unwrap()
    });
    assert_eq!(kinds.filter(|kind| *kind == HandshakeKind::Resumed).count(), 999);
}

#[test]
fn no_handshake_fails_while_certificates_change() {
    change_under_handshakes(5, 100);
}

#[test]
#[ignore = "it takes some minutes; tests/tls runs it"]
fn no_handshake_fails_while_certificates_change_a_hundred_times() {
    let number =
        std::env::var("FOOBAR_HANDSHAKES").map(|number| number.parse().expect("FOOBAR_HANDSHAKES is a number"));
    change_under_handshakes(100, number.unwrap_or(10_000)); // not set: enough to see each change
}

/// Changes the certificate this many times while others connect, at least so often in all.
fn change_under_handshakes(times: usize, handshakes: usize) {
    let authority = Authority::new();
    let server = server(&authority, "workers = 2\n");
    let (config, done, ended) = (Arc::new(without_sessions(&authority)), AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let ends = EndsOnDrop(&ended);
        let connecting = [(); 2].map(|()| scope.spawn(|| connect_until(&ended, &config, server.tls_address(), &done)));
        let mut longest = Duration::ZERO;
        for number in 1..=times {
            let files = authority.issue("a", &["a.test"]);
            let changed = Instant::now();
            wait_until("it is shown", || server.connect_tls(&config, "a.test").unwrap().was_shown(&files));
            longest = longest.max(changed.elapsed());
            let enough = || done.load(Relaxed) >= handshakes * number / times;
            while !enough() && !connecting.iter().any(std::thread::ScopedJoinHandle::is_finished) {
                std::thread::yield_now();
            }
        }
        drop(ends);
        connecting.into_iter().for_each(|thread| thread.join().expect("no handshake fails"));
        println!("{} handshakes; a new certificate was shown {longest:?} after its files at most", done.load(Relaxed));
    });
    assert!(done.into_inner() >= handshakes);
}

/// Ends what others do until then, also where a failure leaves the test before its end: a scope waits for its threads.
struct EndsOnDrop<'a>(&'a AtomicBool);

impl Drop for EndsOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// Makes one handshake after the other until `ended`, and counts them.
fn connect_until(ended: &AtomicBool, config: &Arc<ClientConfig>, address: SocketAddr, done: &AtomicUsize) {
    while !ended.load(Relaxed) {
        let mut session = session(config);
        let mut socket = TcpStream::connect(address).expect("the server accepts");
        while session.is_handshaking() {
            session.complete_io(&mut socket).expect("no handshake fails");
        }
        done.fetch_add(1, Relaxed);
    }
}

fn without_sessions(authority: &Authority) -> ClientConfig {
    let mut config = authority.client();
    config.resumption = rustls::client::Resumption::disabled();
    config
}

fn session(config: &Arc<ClientConfig>) -> ClientConnection {
    ClientConnection::new(Arc::clone(config), ServerName::try_from("a.test").unwrap()).unwrap()
}

/// The first message of a client, without its record.
fn client_hello(authority: &Authority) -> Vec<u8> {
    let mut hello = Vec::new();
    session(&Arc::new(authority.client())).write_tls(&mut hello).unwrap();
    hello.split_off(5)
}

/// Handshake records of one byte each.
fn in_single_bytes(message: &[u8]) -> Vec<u8> {
    message.iter().flat_map(|byte| [22, 3, 1, 0, 1, *byte]).collect()
}

#[test]
fn who_stalls_in_a_handshake_is_closed_when_its_time_is_over_and_others_are_served() {
    let authority = Authority::new();
    let server = server(&authority, "ssl_handshake_timeout = '3s'\n");
    let hello = client_hello(&authority);
    let half = &hello[..hello.len() / 2];
    let record = |bytes: &[u8]| [&[22, 3, 1][..], &u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
    let before = server.figure("connections_total");
    let stalls = [Vec::new(), vec![22], record(half), in_single_bytes(half), record(&hello)];
    let sockets = stalls.map(|bytes| {
        let mut socket = server.tls_socket();
        socket.write_all(&bytes).unwrap();
        socket
    });
    wait_until("they are accepted", || server.figure("connections_total") == before + 5);
    let config = Arc::new(authority.client());
    assert_eq!(server.connect_tls(&config, "a.test").unwrap().get("a.test", "/app").1, b"GET /app");
    let time = server.time_until(|| server.figure("tls_handshakes_failed_total") == 5);
    assert!(time >= Duration::from_secs(3) - STEP && time <= Duration::from_secs(3) + 2 * STEP, "{time:?}");
    for mut socket in sockets {
        assert!(socket.read_to_end(&mut Vec::new()).is_ok() || server.is_alone());
    }
}

/// The worker of this server is the only one.
#[test]
fn some_empty_records_are_skipped_and_a_flood_of_them_is_cut_off_while_others_are_answered() {
    let authority = Authority::new();
    let server = server(&authority, "");
    let mut config = without_sessions(&authority);
    config.enable_secret_extraction = true;
    let config = Arc::new(config);
    let connect = |number: u64| {
        let (session, socket) = server.connect_tls(&config, "a.test").unwrap().stream.into_inner().into_parts();
        (after_empty_records(session, number, b"GET /app HTTP/1.1\r\nHost: a.test\r\n\r\n"), socket)
    };
    let (records, mut few) = connect(10);
    few.write_all(&records).unwrap();
    wait_until("the request after them is answered", || server.figure("requests_total") == 1);
    drop(few);
    let (records, mut many) = connect(200_000);
    std::thread::scope(|scope| {
        scope.spawn(|| _ = many.write_all(&records).and_then(|()| many.read_to_end(&mut Vec::new()))); // it is cut off
        for _ in 0..20 {
            assert_eq!(server.connect_tls(&config, "a.test").unwrap().get("a.test", "/app").1, b"GET /app");
        }
    });
    server.wait_until_alone();
    assert_eq!(server.figure("requests_total"), 21, "the request after them is not");
}

/// Records of TLS 1.3 as this session would send them next: this many with no data in them, and one with some.
fn after_empty_records(session: ClientConnection, number: u64, data: &[u8]) -> Vec<u8> {
    let suite = session.negotiated_cipher_suite().and_then(|suite| suite.tls13()).expect("TLS 1.3");
    let (first, secrets) = session.dangerous_extract_secrets().unwrap().tx;
    let (ConnectionTrafficSecrets::Aes128Gcm { key, iv }
    | ConnectionTrafficSecrets::Aes256Gcm { key, iv }
    | ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv }) = secrets
    else {
        panic!("the suite is another")
    };
    let mut encrypter = suite.aead_alg.encrypter(key, iv);
    let record = |at: u64| {
        let payload = OutboundChunks::Single(if at < number { b"" } else { data });
        let message =
            OutboundPlainMessage { typ: ContentType::ApplicationData, version: ProtocolVersion::TLSv1_3, payload };
        encrypter.encrypt(message, first + at).unwrap().encode()
    };
    (0..=number).flat_map(record).collect()
}

/// It may do so now and then: rustls ends the connection for many without data between them.
#[test]
fn a_client_that_changes_its_keys_again_and_again_is_cut_off_and_others_are_served() {
    let authority = Authority::new();
    let server = server(&authority, "");
    let config = Arc::new(without_sessions(&authority));
    let mut client = server.connect_tls(&config, "a.test").unwrap();
    for _ in 0..100 {
        client.stream.get_mut().conn.refresh_traffic_keys().unwrap();
        assert_eq!(client.get("a.test", "/app").1, b"GET /app", "with data between them");
    }
    let (mut session, mut socket) = client.stream.into_inner().into_parts();
    let mut updates = Vec::new();
    for _ in 0..1_000 {
        session.refresh_traffic_keys().unwrap();
        session.write_tls(&mut updates).unwrap();
    }
    let mut told = Vec::new();
    _ = socket.write_all(&updates).and_then(|()| socket.read_to_end(&mut told)); // it is cut off
    assert!(told.len() < 10_000, "few of them are answered: {} bytes", told.len());
    server.wait_until_alone();
    assert_eq!(server.connect_tls(&config, "a.test").unwrap().get("a.test", "/app").1, b"GET /app");
}

#[test]
fn a_handshake_may_come_in_records_of_one_byte() {
    let authority = Authority::new();
    let server = server(&authority, "");
    let mut socket = server.tls_socket();
    socket.write_all(&in_single_bytes(&client_hello(&authority))).unwrap();
    let mut first = [0];
    socket.read_exact(&mut first).unwrap();
    assert_eq!(first[0], 22, "the server's part of the handshake");
}

#[test]
fn what_is_no_handshake_is_told_so_and_closed_before_much_of_it_is_read() {
    let authority = Authority::new();
    let server = server(&authority, "");
    let megabytes = 128 << 20; // more than the system holds for a socket, and than a busy machine throws away meanwhile
    let repeated = |piece: &[u8]| piece.repeat(megabytes / piece.len());
    let endless = [&[22, 3, 1, 64, 0, 1, 255, 255, 255][..], &[0; 16_380]].concat();
    for (name, bytes) in [
        ("empty records", repeated(&[22, 3, 1, 0, 0])),
        ("empty records of data", repeated(&[23, 3, 3, 0, 0])),
        ("warnings", repeated(&[21, 3, 1, 0, 2, 1, 90])),
        ("an endless message", repeated(&endless)),
        ("records that are too long", repeated(&[22, 3, 1, 255, 255])),
        ("zeros", repeated(&[0])),
        ("SSL 2", repeated(&[0x80, 0x2e, 1, 0, 2])),
    ] {
        let mut socket = server.tls_socket();
        let sent = send_until_closed(&mut socket, &bytes);
        assert!(sent < bytes.len(), "{name}: all was read");
    }
    server.wait_until_alone();
}

/// Sends as long as the server takes it, and reads what it says; how much went out.
fn send_until_closed(socket: &mut TcpStream, bytes: &[u8]) -> usize {
    let mut reading = socket.try_clone().unwrap();
    let told = std::thread::spawn(move || {
        let mut told = Vec::new();
        let read = reading.read_to_end(&mut told);
        let closed = reading.shutdown(std::net::Shutdown::Both);
        drop((read, closed)); // it may have been reset
        told
    });
    let mut sent = 0;
    while sent < bytes.len() {
        match socket.write(&bytes[sent..(sent + 65_536).min(bytes.len())]) {
            Ok(written) => sent += written,
            Err(error) => {
                assert!(matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset), "{error}");
                break;
            }
        }
    }
    told.join().unwrap();
    sent
}

#[test]
fn who_begins_with_another_message_than_its_hello_is_told_so_by_an_alert() {
    let authority = Authority::new();
    let server = server(&authority, "");
    for (name, bytes) in [
        ("a change of the cipher", &[20, 3, 1, 0, 1, 1][..]),
        ("data", &[23, 3, 3, 0, 1, 0]),
        ("a warning", &[21, 3, 1, 0, 2, 1, 90]),
        ("the end of a handshake", &[22, 3, 1, 0, 4, 20, 0, 0, 0]),
        ("half a hello and data", &[22, 3, 1, 0, 5, 1, 0, 1, 0, 3, 23, 3, 3, 0, 1, 0]),
    ] {
        let mut socket = server.tls_socket();
        socket.write_all(bytes).unwrap();
        let mut told = Vec::new();
        socket.shutdown(std::net::Shutdown::Write).unwrap();
        socket.read_to_end(&mut told).unwrap();
        assert!(told.len() == 7 && told.starts_with(&[21, 3]) && told[5] == 2, "{name}: {told:?}");
    }
}

#[test]
fn what_a_client_has_sent_after_a_refusal_does_not_take_the_alert_from_it() {
    let authority = Authority::new();
    let server = server(&authority, "");
    let mut socket = server.tls_socket();
    let hello = [22, 3, 1, 0, 4, 1, 0, 0, 0];
    socket.write_all(&[&hello[..], &[22; 10_000]].concat()).unwrap();
    let mut told = Vec::new();
    socket.read_to_end(&mut told).expect("it is no reset");
    assert_eq!(told[0], 21, "{told:?}");
    socket.write_all(b"more").expect("the server still reads");
    drop(socket);
    server.wait_until_alone();
    assert!(server.web.warnings().is_empty());
}
