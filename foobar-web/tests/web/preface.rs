//! What a connection begins with that may speak HTTP/1 or HTTP/2.

use std::io::{BufRead, BufReader, Write};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConnection, StreamOwned};

use crate::drain::{address, wait_until_it_drains};
use crate::http2::{curl, server};
use crate::support::http2::{PREFACE, frame};
use crate::support::tls::Authority;
use crate::support::{Server, status, wait_until};

const CLEARTEXT: &str = "[web]\nhttp2 = 'cleartext'\n";

/// A request in its bytes.
struct Sent {
    /// As much as could be the beginning of either version.
    begun: Vec<u8>,
    rest: Vec<u8>,
    /// The content of its answer.
    answer: &'static [u8],
}

/// One of each version.
fn requests() -> [Sent; 2] {
    let http2 = http2_request();
    [
        Sent {
            begun: b"P".to_vec(),
            rest: b"OST /echo HTTP/1.1\r\nHost: a.test\r\nContent-Length: 6\r\n\r\nechoed".to_vec(),
            answer: b"echoed",
        },
        Sent { begun: http2[..10].to_vec(), rest: http2[10..].to_vec(), answer: b"GET /app" },
    ]
}

/// `GET /app` of `a.test`, with all that comes before it.
fn http2_request() -> Vec<u8> {
    [PREFACE, &frame(4, 0, 0, &[]), &frame(1, 5, 1, b"\x82\x86\x04\x04/app\x01\x06a.test")].concat()
}

/// Reads until this has come.
fn read_until(stream: &mut impl BufRead, text: &[u8]) {
    let mut read = Vec::new();
    while !read.windows(text.len()).any(|part| part == text) {
        let piece = stream.fill_buf().expect("the connection is not reset");
        assert!(!piece.is_empty(), "closed after {:?}", String::from_utf8_lossy(&read));
        read.extend_from_slice(piece);
        let length = piece.len();
        stream.consume(length);
    }
}

/// Does this once the server drains, whose time stands still.
fn once_it_drains(server: &Server, work: impl FnOnce() + Send) {
    let address = address(server);
    std::thread::scope(|scope| {
        let client = scope.spawn(move || {
            wait_until_it_drains(address);
            work();
        });
        server.drain_in_no_time();
        client.join().expect("the client does not panic");
    });
}

#[test]
fn http1_goes_on_where_http2_may_begin() {
    let authority = Authority::new();
    let server = server(&authority, "", &[("small.txt", b"small")]);
    let version = ["-w", " %{http_version}\n"];
    assert_eq!(curl(&server, &version, &["/small.txt", "/small.txt"]), "small 1.1\nsmall 1.1\n");
    for request in requests() {
        let mut slow = server.accept();
        slow.send_to(&server, request.begun);
        slow.send(request.rest);
        read_until(&mut slow.stream, request.answer);
    }
}

#[test]
fn the_first_byte_may_be_on_its_way_when_a_drain_begins() {
    for request in requests() {
        let server = Server::start(CLEARTEXT);
        let mut client = server.accept();
        once_it_drains(&server, move || {
            client.send([request.begun, request.rest].concat());
            read_until(&mut client.stream, request.answer);
        });
    }
}

#[test]
fn what_has_come_of_the_first_request_is_kept_when_a_drain_begins() {
    for request in requests() {
        let server = Server::start(CLEARTEXT);
        let mut client = server.accept();
        client.send_to(&server, request.begun);
        once_it_drains(&server, move || {
            client.send(request.rest);
            read_until(&mut client.stream, request.answer);
        });
    }
}

#[test]
fn the_preface_may_be_on_its_way_over_tls_when_a_drain_begins() {
    let authority = Authority::new();
    let server = server(&authority, "", &[]);
    let mut config = authority.client();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let mut client = server.connect_tls(&Arc::new(config), "a.test").expect("the server accepts");
    server.pass(Duration::ZERO); // the handshake is over there too
    once_it_drains(&server, move || {
        client.send(http2_request());
        read_until(&mut client.stream, b"GET /app");
    });
}

/// A handshake may take longer than a drain waits for what is on its way; its client knows of no drain.
#[test]
fn a_request_may_be_on_its_way_over_tls_for_half_a_second_after_a_handshake_that_ends_in_a_drain() {
    let authority = Authority::new();
    let http1 = b"GET /app HTTP/1.1\r\nHost: a.test\r\n\r\n".to_vec();
    for (protocol, request) in [("http/1.1", http1), ("h2", http2_request())] {
        let server = server(&authority, "", &[]);
        let mut config = authority.client();
        config.alpn_protocols = vec![protocol.into()];
        let mut session = ClientConnection::new(Arc::new(config), "a.test".try_into().unwrap()).unwrap();
        let (mut hello, mut socket) = (Vec::new(), server.tls_socket());
        session.write_tls(&mut hello).unwrap();
        socket.write_all(&hello[..10]).unwrap();
        wait_until("the handshake has begun", || server.figure("connections{state=\"active\"}") == 1);
        let address = address(&server);
        std::thread::scope(|scope| {
            scope.spawn(|| server.drain_in_no_time());
            wait_until_it_drains(address);
            server.pass(Duration::from_millis(700));
            socket.write_all(&hello[10..]).unwrap();
            let mut stream = StreamOwned::new(session, socket);
            stream.conn.complete_io(&mut stream.sock).unwrap();
            server.pass(Duration::from_millis(300));
            stream.write_all(&request).unwrap();
            read_until(&mut BufReader::new(stream), b"GET /app");
        });
    }
}

#[test]
fn a_connection_of_which_nothing_comes_ends_half_a_second_after_a_drain_has_begun() {
    let server = Server::start(CLEARTEXT);
    let mut client = server.accept();
    let address = address(&server);
    std::thread::scope(|scope| {
        scope.spawn(|| server.drain_in_no_time());
        wait_until_it_drains(address);
        let time = server.time_until_told(&mut client);
        let rest = client.rest();
        drop(client);
        assert!(rest.is_empty() && (400..=1_000).contains(&time.as_millis()), "{time:?} {rest}");
    });
}

#[test]
fn a_connection_is_active_from_its_first_byte_and_makes_no_room_for_another() {
    for request in requests() {
        let server = Server::start(&format!("{CLEARTEXT}worker_connections = 1\n"));
        let mut first = server.accept();
        let active = "foobar_web_connections{state=\"active\"}";
        assert!(server.metrics().contains(&format!("{active} 0\n")));
        first.send_to(&server, request.begun);
        assert!(server.metrics().contains(&format!("{active} 1\n")), "{}", server.metrics());
        let mut second = server.connect();
        second.send("GET /second HTTP/1.1\r\nHost: a\r\n\r\n");
        server.pass(Duration::ZERO); // it has been accepted, and waits
        first.send(request.rest);
        read_until(&mut first.stream, request.answer);
        drop(first);
        assert_eq!(second.answer().body, "GET /second");
    }
}

#[test]
fn a_connection_of_which_nothing_has_come_makes_room_for_another() {
    let server = Server::start(&format!("{CLEARTEXT}worker_connections = 1\n"));
    let mut first = server.accept();
    assert_eq!(server.connect().get("/").status(), 200);
    assert_eq!(first.rest(), "");
}

#[test]
fn a_first_request_that_goes_no_further_is_408_after_one_client_header_timeout() {
    for request in requests() {
        let server = Server::start(CLEARTEXT);
        let mut client = server.accept();
        client.send_to(&server, request.begun);
        server.pass(Duration::from_secs(9));
        let time = server.time_until_told(&mut client);
        assert!((900..=1_100).contains(&time.as_millis()), "{time:?}");
        assert_eq!(status(&client.rest()), 408);
    }
}

#[test]
fn a_byte_that_tells_the_protocol_does_not_begin_the_time_anew() {
    let server = Server::start(CLEARTEXT);
    let mut client = server.accept();
    client.send_to(&server, "P");
    server.pass(Duration::from_secs(9));
    client.send_to(&server, "O");
    let time = server.time_until_told(&mut client);
    assert!((900..=1_100).contains(&time.as_millis()), "{time:?}");
    assert_eq!(status(&client.rest()), 408);
}
