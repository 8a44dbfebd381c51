//! Responses of the application whose bodies are not what they say, and requests that try the framing around them.

use std::future::poll_fn;
use std::io::Read;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use foobar_core::{BoxError, Request, Response, ResponseBody, handler_fn};
use http::StatusCode;
use http::header::{CONNECTION, HeaderValue, UPGRADE};
use http_body::{Body, Frame};

use crate::support::{Client, Server, answers, status};

/// What follows the pieces of a body.
#[derive(Clone, Copy)]
enum Then {
    End,
    Error,
    Panic,
}

/// A body of pieces, whose length nobody knows.
struct Pieces {
    pieces: Vec<&'static str>,
    then: Then,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(piece) = self.pieces.pop() {
            return Poll::Ready(Some(Ok(Frame::data(piece.into()))));
        }
        match self.then {
            Then::End => Poll::Ready(None),
            Then::Error => Poll::Ready(Some(Err("the source has broken".into()))),
            Then::Panic => panic!("a body panics, as this test wants"),
        }
    }
}

/// Answers with the pieces `12345` and `67890`, as its path says.
pub(crate) async fn pieces(request: Request) -> Response {
    let then = match request.uri().path() {
        "/error" => Then::Error,
        "/panic" => Then::Panic,
        _ => Then::End,
    };
    let mut response = Response::new(ResponseBody::stream(Pieces { pieces: vec!["67890", "12345"], then }));
    if let Some(length) = request.uri().query() {
        response.headers_mut().insert("content-length", HeaderValue::from_str(length).expect("it is a number"));
    }
    response
}

fn server() -> Server {
    Server::with("", Some(Arc::new(handler_fn(pieces))))
}

/// All that comes on a connection, and whether it ended as it should.
fn all(client: &mut Client) -> (String, bool) {
    let mut bytes = Vec::new();
    let ended = client.stream.read_to_end(&mut bytes).is_ok();
    (String::from_utf8(bytes).expect("it is text"), ended)
}

#[test]
fn a_body_of_unknown_length_comes_in_chunks_and_the_connection_stays_open() {
    let server = server();
    let text = server.talk("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_eq!(answers(&text), 2, "{text}");
    assert_eq!(text.matches("\r\ntransfer-encoding: chunked\r\n").count(), 2, "{text}");
    assert_eq!(text.matches("\r\n\r\n5\r\n12345\r\n5\r\n67890\r\n0\r\n\r\n").count(), 2, "{text}");
}

#[test]
fn a_client_of_http_1_0_gets_a_body_of_unknown_length_up_to_the_end_of_the_connection() {
    let text = server().talk("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
    assert!(text.starts_with("HTTP/1.0 200 ") && text.contains("\r\nconnection: close\r\n"), "{text}");
    assert!(!text.contains("transfer-encoding") && text.ends_with("\r\n\r\n1234567890"), "{text}");
}

#[test]
fn a_body_as_long_as_was_announced_leaves_the_connection_open() {
    let server = server();
    let mut client = server.connect();
    assert_eq!(client.get("/?10").body, "1234567890");
    assert_eq!(client.get("/?10").body, "1234567890");
}

#[test]
fn a_body_that_is_shorter_or_longer_than_was_announced_never_looks_whole() {
    for (length, most) in [(11, 10), (100, 10), (9, 8), (7, 6), (5, 5), (0, 0)] {
        let server = server();
        let mut client = server.connect();
        client.send(format!("GET /?{length} HTTP/1.1\r\nHost: a\r\n\r\nGET /?10 HTTP/1.1\r\nHost: a\r\n\r\n"));
        let (text, ended) = all(&mut client);
        let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        assert!(answers(&text) <= 1, "{length}: {text}");
        assert!(body.len() <= most && !ended, "{length}: {text:?}, {ended}");
    }
}

#[test]
fn a_body_that_fails_or_panics_cuts_the_connection() {
    for path in ["/error", "/panic", "/error?20", "/panic?20", "/error?10", "/panic?10"] {
        for version in ["1.1", "1.0"] {
            let server = server();
            let mut client = server.connect();
            client.send(format!("GET {path} HTTP/{version}\r\nHost: a\r\n\r\n"));
            let (text, ended) = all(&mut client);
            assert!(!ended && !text.ends_with("0\r\n\r\n"), "{path} {version}: {text:?}");
            let after = server.connect().get("/?10");
            assert_eq!(after.status(), 200, "the worker goes on");
        }
    }
}

#[test]
fn a_client_that_announces_100_continue_and_sends_its_body_without_waiting_is_answered_once() {
    let server = Server::start("");
    for gap in [false, true] {
        let mut client = server.connect();
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
        if gap {
            client.send_to(&server, "he");
        }
        client.send(if gap { "llo" } else { "hello" });
        let mut answer = client.answer();
        if answer.status() == 100 {
            answer = client.answer();
        }
        assert_eq!((answer.status(), answer.body.as_str()), (200, "hello"), "{gap}");
        assert_eq!(client.get("/next").body, "GET /next", "{gap}");
    }
}

#[test]
fn content_that_comes_with_the_head_needs_no_100_continue() {
    let server = Server::start("");
    let mut client = server.connect();
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello");
    assert_eq!(client.answer().status(), 200);
}

/// Says of its connection what only the connection can know.
async fn meddler(_: Request) -> Response {
    let mut response = Response::new(ResponseBody::full("text"));
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("keep-alive, x-secret"));
    headers.insert("server", HeaderValue::from_static("other"));
    headers.insert("x-request-id", HeaderValue::from_static("other"));
    response
}

#[test]
fn what_a_handler_says_of_the_connection_and_the_server_is_not_sent() {
    let server = Server::with("", Some(Arc::new(handler_fn(meddler))));
    let mut client = server.connect();
    let answer = client.get("/");
    assert_eq!((answer.header("connection"), answer.header("server")), (None, Some("foobar")), "{}", answer.head);
    assert_eq!(answer.head.matches("x-request-id: ").count(), 1, "{}", answer.head);
    assert!(!answer.head.contains("other"), "{}", answer.head);
    assert_eq!(client.get("/").status(), 200);
}

/// Asks for another protocol, as RFC 9110 §15.5.22 has it.
async fn demanding(request: Request) -> Response {
    let mut response = Response::new(ResponseBody::empty());
    *response.status_mut() = StatusCode::UPGRADE_REQUIRED;
    response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
    let options = if request.uri().path() == "/close" { "Upgrade, close" } else { "upgrade" };
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static(options));
    response
}

#[test]
fn a_response_that_asks_for_an_upgrade_says_so_of_its_connection() {
    let server = Server::with("", Some(Arc::new(handler_fn(demanding))));
    let mut client = server.connect();
    assert_eq!(client.get("/").header("connection"), Some("upgrade"));
    assert_eq!(client.get("/close").header("connection"), Some("close, upgrade"));
    assert_eq!(client.rest(), "");
}

/// The most memory that one of the small pieces of the body holds.
async fn weighing(request: Request) -> Response {
    let (mut body, mut most) = (request.into_body(), 0);
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let data = frame.expect("it comes whole").into_data().expect("it is data");
        if data.len() <= 10 {
            most = most.max(data.try_into_mut().expect("nobody else holds it").capacity());
        }
    }
    Response::new(ResponseBody::full(most.to_string()))
}

#[test]
fn small_pieces_of_a_body_hold_little_memory_whoever_gathers_them() {
    let server = Server::with("", Some(Arc::new(handler_fn(weighing))));
    let rest = "x".repeat(99_900);
    for (framing, piece, rest) in [
        ("Content-Length: 100000", "0123456789", rest.as_str()),
        ("Transfer-Encoding: chunked", "5\r\n01234\r\n", "0\r\n\r\n"),
    ] {
        let mut client = server.connect();
        client.send_to(&server, format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n"));
        (0..10).for_each(|_| client.send_to(&server, piece));
        client.send(rest);
        let most: usize = client.answer().body.parse().expect("a number");
        assert!((1..=256).contains(&most), "{framing}: {most}");
    }
}

#[test]
fn a_request_for_the_application_behind_a_thousand_for_files_gets_the_last_answer() {
    let folder = tempfile::tempdir().expect("the temporary folder is writable");
    std::fs::write(folder.path().join("a.txt"), "file").expect("it is writable");
    let root = folder.path().display();
    let server = Server::start(&format!("[sites.a]\nroot = \"{root}\"\ntry_files = [\"file\", \"app\"]\n"));
    let files = "GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n".repeat(999);
    let text = server.talk(format!("{files}GET /app HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    assert_eq!((answers(&text), status(&text)), (1000, 200));
    assert_eq!(text.matches("\r\n\r\nfile").count(), 999);
    assert!(text.ends_with("\r\n\r\nGET /app"), "{}", &text[text.len() - 300..]);
}
