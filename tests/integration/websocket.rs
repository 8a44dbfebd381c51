//! WebSockets (RFC 6455) through every tier: an `actix-ws` handler on a connection that the web tier accepted, over HTTP/1.1
//! and on a stream of HTTP/2 (RFC 8441).

mod connection;
mod streams;

use connection::{Connection, Socket, TRANSPORTS, Transport};
use streams::Streams;

use crate::http2::server::Server;
use crate::support::http2::{Event, Http2, PREFACE, settings};

/// An open WebSocket.
fn open(server: &Server, transport: Transport) -> (Connection, Socket) {
    let mut connection = transport.connect(server);
    let opened = connection.ask("/socket", &[]);
    assert_eq!(opened.status, transport.success(), "{transport:?}");
    (connection, opened.socket)
}

/// WebSockets over HTTP/2 on one connection.
fn streams(server: &Server) -> Streams {
    Streams::new(server.http(), "http")
}

/// A frame, masked with zeros as a client must mask.
fn frame(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = match u8::try_from(content.len()) {
        Ok(length @ ..126) => vec![0x80 | length],
        _ => [&[0x80 | 126][..], &u16::try_from(content.len()).unwrap().to_be_bytes()].concat(),
    };
    [&[0x80 | kind][..], &length, &[0; 4], content].concat()
}

const TEXT: u8 = 1;
const CLOSE: u8 = 8;

/// A text frame.
fn text(text: &str) -> Vec<u8> {
    frame(TEXT, text.as_bytes())
}

#[test]
fn a_websocket_handler_hears_and_is_heard() {
    let server = Server::start();
    for transport in TRANSPORTS {
        let (mut connection, socket) = open(&server, transport);
        for word in ["hello", "again"] {
            connection.send(socket, &text(word));
            assert_eq!(connection.frame(socket), (TEXT, word.as_bytes().to_vec()), "{transport:?}");
        }
    }
}

#[test]
fn the_answer_that_opens_a_websocket_has_the_fields_of_its_version_of_http() {
    let server = Server::start();
    for transport in TRANSPORTS {
        let opened = transport.connect(&server).ask("/socket", &[]);
        let fields = ["upgrade", "sec-websocket-accept", "connection"].map(|name| opened.header(name));
        match transport {
            Transport::Http1 => {
                let of_section_1_3 = Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="); // of RFC 6455
                assert_eq!(fields[..2], [Some("websocket"), of_section_1_3]);
            }
            Transport::Http2 | Transport::Http2OverTls => assert_eq!(fields, [None; 3], "RFC 8441 section 5"),
        }
        assert_eq!([opened.header("content-length"), opened.header("transfer-encoding")], [None; 2], "{transport:?}");
    }
}

/// RFC 8441 section 3: a browser opens no WebSocket over HTTP/2 otherwise.
#[test]
fn the_settings_of_http2_say_that_websockets_may_be_opened() {
    let server = Server::start();
    for wire in [server.wire(), server.tls(&["h2"])] {
        let mut http = Http2::bare(wire);
        http.send([PREFACE, &settings(&[])].concat());
        let Event::Settings(values) = http.event() else { panic!("settings come first") };
        assert_eq!(values.get(&8), Some(&1));
    }
}

#[test]
fn a_drain_lets_websocket_handlers_say_goodbye_and_does_not_wait_for_clients() {
    for transport in TRANSPORTS {
        let server = Server::start();
        let (mut connection, socket) = open(&server, transport);
        connection.send(socket, &text("hello"));
        assert_eq!(connection.frame(socket).0, TEXT);
        server.program.signal("TERM");
        assert_eq!(connection.frame(socket), (CLOSE, vec![0x03, 0xe9]), "{transport:?}: going away");
        assert!(connection.is_ended(socket), "{transport:?}");
        let (status, log) = server.program.wait();
        assert_eq!(status.code(), Some(0), "{transport:?}: {log}");
    }
}

#[test]
fn a_page_of_another_site_opens_no_websocket() {
    let server = Server::start();
    for transport in TRANSPORTS {
        let mut connection = transport.connect(&server);
        let refused = connection.ask("/socket", &[("origin", "http://evil.test"), ("cookie", "theme=dark")]);
        assert_eq!(refused.status, 403, "{transport:?}");
        let opened = connection.ask("/socket", &[("origin", transport.origin())]);
        assert_eq!(opened.status, transport.success(), "{transport:?}: it goes on, for a page of its own");
    }
}

#[test]
fn an_upgrade_that_no_handler_takes_is_an_ordinary_request() {
    let server = Server::start();
    let mut client = server.program.client();
    let fields = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    assert_eq!(client.request("GET", "/", fields, b"").text(), "proving");
    assert_eq!(client.get("/").text(), "proving", "the connection goes on in HTTP");
}

/// An answer with any success would open the WebSocket over HTTP/2.
#[test]
fn a_connect_that_no_handler_takes_is_answered_with_an_error() {
    let server = Server::start();
    for transport in [Transport::Http2, Transport::Http2OverTls] {
        let mut connection = transport.connect(&server);
        for (path, status) in [("/", 501), ("/empty", 501), ("/no/such", 404), ("/panic", 500)] {
            assert_eq!(connection.ask(path, &[]).status, status, "{transport:?}: {path}");
        }
        assert_eq!(connection.get("/"), 200, "the connection goes on");
    }
}

#[test]
fn a_client_that_closes_is_answered_and_the_websocket_ends() {
    let server = Server::start();
    for transport in TRANSPORTS {
        let (mut connection, socket) = open(&server, transport);
        connection.send(socket, &frame(CLOSE, &[0x03, 0xe8]));
        assert_eq!(connection.frame(socket).0, CLOSE, "{transport:?}");
        assert!(connection.is_ended(socket), "{transport:?}");
    }
}

#[test]
fn a_client_that_ends_without_a_word_ends_what_its_handler_hears() {
    let server = Server::start();
    for transport in TRANSPORTS {
        let (mut connection, socket) = open(&server, transport);
        connection.send(socket, &text("hello"));
        assert_eq!(connection.frame(socket).0, TEXT);
        connection.end(socket);
        assert_eq!(connection.frame(socket).0, CLOSE, "{transport:?}: the goodbye of the handler");
        assert!(connection.is_ended(socket), "{transport:?}");
    }
}

#[test]
fn a_frame_beyond_the_limit_closes_the_websocket_as_soon_as_it_is_announced() {
    let server = Server::start();
    for transport in TRANSPORTS {
        let (mut connection, socket) = open(&server, transport);
        let announced = [&[0x82, 0x80 | 127][..], &(2_u64 << 20).to_be_bytes()].concat();
        connection.send(socket, &announced);
        assert_eq!(connection.frame(socket), (CLOSE, vec![0x03, 0xf1]), "{transport:?}: message too big");
    }
}

/// More than the windows of HTTP/2 let pass at once.
#[test]
fn much_goes_through_a_websocket_in_both_directions() {
    let server = Server::start();
    let word = "0123456789".repeat(1_000);
    for transport in TRANSPORTS {
        let (mut connection, socket) = open(&server, transport);
        for number in 0..50 {
            connection.send(socket, &text(&word));
            let (kind, content) = connection.frame(socket);
            assert!(kind == TEXT && content == word.as_bytes(), "{transport:?}: frame {number}");
        }
    }
}

#[test]
fn websockets_share_a_connection_of_http2_with_each_other_and_with_requests() {
    let server = Server::start();
    let mut streams = streams(&server);
    let sockets: Vec<Socket> = (0..20).map(|_| streams.ask("/socket", &[]).socket).collect();
    for word in ["hello", "again"] {
        sockets.iter().for_each(|socket| streams.send(*socket, &text(word)));
        assert_eq!(streams.get("/"), 200);
        for socket in &sockets {
            assert_eq!(streams.read(*socket, 7)[2..], *word.as_bytes());
        }
    }
}

#[test]
fn a_websocket_that_is_broken_off_leaves_the_others_of_its_connection() {
    let server = Server::start();
    let mut streams = streams(&server);
    let [gone, other] = [(); 2].map(|()| streams.ask("/socket", &[]).socket);
    streams.send(gone, &text("hello"));
    streams.cancel(gone);
    streams.send(other, &text("hello"));
    assert_eq!(streams.read(other, 7)[2..], *b"hello");
    assert_eq!(streams.get("/"), 200);
}
