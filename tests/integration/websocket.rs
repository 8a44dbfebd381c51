//! WebSockets (RFC 6455) through every tier: an `actix-ws` handler on a connection that the web tier accepted.

use crate::support::{Client, Program};

/// The fields of a handshake.
const HANDSHAKE: &str = "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

fn open(program: &Program) -> Client {
    let mut client = program.client();
    client.send(format!("GET /socket HTTP/1.1\r\nHost: a\r\n{HANDSHAKE}\r\n"));
    let answer = client.interim("GET");
    assert_eq!((answer.status, answer.header("upgrade")), (101, Some("websocket")));
    assert_eq!(answer.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "of RFC 6455 section 1.3");
    client
}

/// A text frame, masked with zeros as a client must mask.
fn text(text: &str) -> Vec<u8> {
    [&[0x81, 0x80 | u8::try_from(text.len()).unwrap(), 0, 0, 0, 0], text.as_bytes()].concat()
}

/// The type and content of the next frame.
fn frame(client: &mut Client) -> (u8, Vec<u8>) {
    let head = client.read(2);
    (head[0] & 0x0f, client.read(usize::from(head[1])))
}

#[test]
fn a_websocket_handler_hears_and_is_heard() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(&mut Program::example("proving", folder.path()));
    let mut client = open(&program);
    for word in ["hello", "again"] {
        client.send(text(word));
        assert_eq!(frame(&mut client), (1, word.as_bytes().to_vec()));
    }
}

#[test]
fn a_drain_lets_websocket_handlers_say_goodbye_and_does_not_wait_for_clients() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(&mut Program::example("proving", folder.path()));
    let mut client = open(&program);
    client.send(text("hello"));
    assert_eq!(frame(&mut client).0, 1);
    program.signal("TERM");
    assert_eq!(frame(&mut client), (8, vec![0x03, 0xe9]), "a close frame: going away");
    let (status, log) = program.wait();
    assert_eq!(status.code(), Some(0), "{log}");
}

#[test]
fn a_page_of_another_site_opens_no_websocket() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(&mut Program::example("proving", folder.path()));
    let mut client = program.client();
    let fields = format!("{HANDSHAKE}Origin: http://evil.test\r\nCookie: theme=dark\r\n");
    assert_eq!(client.request("GET", "/socket", &fields, b"").status, 403);
    client.send(format!("GET /socket HTTP/1.1\r\nHost: a\r\n{HANDSHAKE}Origin: http://a\r\n\r\n"));
    assert_eq!(client.interim("GET").status, 101, "the connection goes on, for a page of its own");
}

#[test]
fn an_upgrade_that_no_handler_takes_is_an_ordinary_request() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(&mut Program::example("proving", folder.path()));
    let mut client = program.client();
    let fields = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    assert_eq!(client.request("GET", "/", fields, b"").text(), "proving");
    assert_eq!(client.get("/").text(), "proving", "the connection goes on in HTTP");
}
