//! Requests that two programs could read differently, by the table of known attacks: each is refused and the
//! connection closed, or read in the one strict way, and nothing that was smuggled is answered.

use std::sync::Arc;

use foobar_core::{Request, Response, ResponseBody, handler_fn};
use http::HeaderValue;

use crate::support::{Server, answers, status};

const SITE: &str = "";
const CANARY: &str = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

/// Sends a request and a second one behind it; the first is answered with `expected`, the second not at all.
fn refused(server: &Server, request: impl AsRef<[u8]>, expected: u16) {
    let request = request.as_ref();
    let shown = String::from_utf8_lossy(&request[..request.len().min(200)]);
    let text = server.talk([request, CANARY.as_bytes()].concat());
    assert_eq!((status(&text), answers(&text)), (expected, 1), "{shown:?} got {text:?}");
    assert!(!text.contains("/smuggled"), "{shown:?} got {text:?}");
    assert!(text.contains("\r\nconnection: close\r\n"), "{shown:?} got {text:?}");
    assert!(text.contains("\r\ncontent-type: application/problem+json\r\n"), "{shown:?} got {text:?}");
    assert!(text.contains("\r\nx-request-id: ") && text.contains("\r\nserver: foobar\r\n"), "{text:?}");
}

/// A `POST` with these fields and what follows them is refused.
fn post_refused(server: &Server, rest: impl AsRef<[u8]>) {
    refused(server, [b"POST /echo HTTP/1.1\r\nHost: a\r\n", rest.as_ref()].concat(), 400);
}

#[test]
fn f1_to_f3_a_length_beside_chunks_or_twice_is_refused() {
    let server = Server::start(SITE);
    post_refused(&server, "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG");
    post_refused(
        &server,
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n2b\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n\r\n0\r\n\r\n",
    );
    post_refused(&server, "Content-Length: 1\r\nContent-Length: 0\r\n\r\nZ");
    post_refused(&server, "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello");
}

#[test]
fn f4_and_f5_a_length_is_decimal_digits() {
    let server = Server::start(SITE);
    for length in
        ["+5", "-1", "-0", "0x5", "0o5", "1_0", "1 0", "5,5", "5, 10", "5;", "", "abc", "99999999999999999999", "5\x0b"]
    {
        post_refused(&server, format!("Content-Length: {length}\r\n\r\nhello"));
    }
    let text =
        server.talk("POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 010\r\n\r\n0123456789");
    assert!(text.ends_with("\r\n\r\n0123456789"), "{text}");
}

#[test]
fn f6_to_f9_a_transfer_encoding_is_chunked_once() {
    let server = Server::start(SITE);
    let values: &[&[u8]] = &[
        b"xchunked",
        b"chunk",
        b"identity",
        b"gzip",
        b"\"chunked\"",
        b"chunked, identity",
        b"chunked, gzip",
        b",chunked",
        b"chunked,",
        b"chunked;a=b",
        b"cow chunked",
        b"",
        b"\x0bchunked",
        b"\x0cchunked",
        b"chunked\x00",
        b"\xa0chunked\xa0",
        b"\x85chunked",
        b"\xffchunked",
    ];
    for value in values {
        post_refused(&server, [b"Transfer-Encoding: ", *value, b"\r\n\r\n0\r\n\r\n"].concat());
    }
    for fields in [
        "Transfer-Encoding : chunked",
        "Transfer-Encoding\t: chunked",
        " Transfer-Encoding: chunked",
        "Transfer\r-Encoding: chunked",
        "X: X\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    ] {
        post_refused(&server, format!("{fields}\r\n\r\n0\r\n\r\n"));
    }
}

#[test]
fn f10_and_f11_a_folded_field_and_chunks_in_http_1_0_are_refused() {
    let server = Server::start(SITE);
    post_refused(&server, "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n");
    post_refused(&server, "X: a\r\n b\r\n\r\n");
    refused(&server, "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400);
    refused(&server, "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400);
}

#[test]
fn f12_to_f14_malformed_chunks_are_refused() {
    let server = Server::start(SITE);
    let chunked = |chunks: &str| post_refused(&server, format!("Transfer-Encoding: chunked\r\n\r\n{chunks}"));
    for size in ["0x5", "+5", "-1", " 5", "5 ", "5\t", "1_0", "", "g", "FFFFFFFFFFFFFFFF0", "00000000000000000005"] {
        chunked(&format!("{size}\r\nhello\r\n0\r\n\r\n"));
    }
    for size in ["5;", "5;bad[=1", "5;\0e", "5;a\rb", "5;\nhello", "5\r\r;AB"] {
        chunked(&format!("{size}\r\nhello\r\n0\r\n\r\n"));
    }
    chunked(&format!("5;{}\r\nhello\r\n0\r\n\r\n", "a".repeat(64 << 10)));
    for chunks in [
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhello\r0\r\n\r\n",
        "5\r\nhelloXX0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "0\r\nX:POST / HTTP/1.1\nA: b\r\n\r\n",
        "0\r\n\n",
    ] {
        chunked(chunks);
    }
}

#[test]
fn f13_and_f15_an_extension_is_ignored_and_trailers_are_dropped() {
    let server = Server::start(SITE);
    let mut client = server.connect();
    for trailers in [
        "",
        "Content-Length: 50\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Host: b\r\n",
        "Authorization: x\r\nContent-Type: y\r\n",
    ] {
        client.send(format!(
            "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n{trailers}\r\n"
        ));
        let answer = client.answer();
        assert_eq!((answer.status(), answer.body.as_str()), (200, "hello"), "{trailers:?}");
    }
    let many = "A: b\r\n".repeat(1000);
    post_refused(&server, format!("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n{many}\r\n"));
}

#[test]
fn f16_lines_end_in_crlf_and_one_empty_line_may_come_first() {
    let server = Server::start(SITE);
    for request in [
        "GET / HTTP/1.1\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\n",
        " \r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        refused(&server, request, 400);
    }
    refused(&server, format!("{}GET / HTTP/1.1\r\nHost: a\r\n\r\n", "\r\n".repeat(1000)), 400);
    refused(&server, "GET / HTTP/1.1\rHost: a\r\r", 400);
    let mut client = server.connect();
    client.send("\r\nGET /one HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.answer().body, "GET /one");
}

#[test]
fn f17_and_f18_control_bytes_and_malformed_names_are_refused() {
    let server = Server::start(SITE);
    let fields: &[&[u8]] = &[
        b"X: a\x00b",
        b"X: a\rb",
        b"X: \x01",
        b"X: \x08",
        b"X: \x7f",
        b"\x80: v",
        b"X\x00: v",
        b"X",
        b": v",
        b"Na me: v",
        b"Na\tme: v",
        b"(x): v",
        b":",
    ];
    for field in fields {
        post_refused(&server, [*field, b"\r\n\r\n"].concat());
    }
    for target in [&b"/\x00"[..], b"/\x01", b"/\x7f", b"/\x80", b"/\xff", b"/a\rb"] {
        refused(&server, [b"GET ", target, b" HTTP/1.1\r\nHost: a\r\n\r\n"].concat(), 400);
    }
}

#[test]
fn f19_a_request_line_is_well_formed_and_of_a_known_version() {
    let server = Server::start(SITE);
    for line in [
        "GET  / HTTP/1.1",
        "GET\t/ HTTP/1.1",
        "GET HTTP/1.1",
        "GET / HTTP/1",
        "GET / HTTP/01.1",
        "GET / HTTP/ 1.1",
        "GET / http/1.1",
        "GET / HTTP/1.32",
        "GET /",
    ] {
        refused(&server, format!("{line}\r\nHost: a\r\n\r\n"), 400);
    }
    refused(&server, "GET / HTTP/9.9\r\nHost: a\r\n\r\n", 505);
    refused(&server, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505);
    refused(&server, format!("{} / HTTP/1.1\r\nHost: a\r\n\r\n", "A".repeat(100_000)), 414);
}

#[test]
fn f20_a_target_has_the_form_that_its_method_takes() {
    let server = Server::start("[sites.a]\nserver_name = ['a']\n[sites.b]\nserver_name = ['b']\n");
    for line in ["GET *", "CONNECT /", "GET admin", "GET a:80", "GET /a#b", "GET http://u@a/"] {
        refused(&server, format!("{line} HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
    }
    for line in ["CONNECT a:443", "TRACE /"] {
        let mut client = server.connect();
        client.send(format!("{line} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let answer = client.answer();
        assert_eq!(answer.status(), 405, "{line}");
        assert!(answer.header("allow").is_some_and(|allow| allow.contains("GET")), "{line}");
    }
    let mut client = server.connect();
    client.send("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.answer().status(), 200);
    client.send("GET http://b/x?y HTTP/1.1\r\nHost: unknown\r\n\r\n");
    assert_eq!(client.answer().body, "GET /x?y");
    client.send("GET http://unknown/ HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.answer().status(), 421);
}

#[test]
fn f21_a_request_names_one_well_formed_host() {
    let server = Server::start(SITE);
    refused(&server, "GET / HTTP/1.1\r\n\r\n", 400);
    refused(&server, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400);
    for host in ["a,b", "a/b", "u@a", "a:99999", "a:1:2", "[::1", "a\x02", "", ".", "a..b"] {
        refused(&server, format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"), 400);
    }
    let text = server.talk("GET / HTTP/1.0\r\n\r\n");
    assert!(text.ends_with("\r\n\r\nGET /"), "{text}");
}

#[test]
fn f22_and_f23_a_body_that_nobody_reads_is_never_a_request() {
    let server = Server::start("[sites.a]\n[sites.a.routes]\n'/no-content'.respond = 204\n'/fixed'.respond = 200\n");
    let smuggled = "POST /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    for method in ["GET", "HEAD", "OPTIONS", "POST"] {
        for path in ["/", "/no-content", "/fixed"] {
            let mut client = server.connect();
            let length = smuggled.len();
            client.send(format!("{method} {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{smuggled}"));
            client.send("GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
            let text = client.rest();
            assert!(!text.contains("/smuggled"), "{method} {path}: {text}");
            assert!((1..=2).contains(&answers(&text)), "{method} {path}: {text}");
        }
    }
}

#[test]
fn f22_a_large_unread_body_ends_the_connection_after_its_answer() {
    let server = Server::start("[web]\nclient_max_body_size = '100MiB'\n");
    let mut client = server.connect();
    client.send("POST /ignored HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\n\r\n");
    let answer = client.answer();
    assert_eq!((answer.body.as_str(), answer.header("connection")), ("POST /ignored", Some("close")));
}

#[test]
fn f24_the_only_expectation_is_100_continue() {
    let server = Server::start(SITE);
    let mut client = server.connect();
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    assert_eq!(client.answer().status(), 100);
    client.send("hello");
    assert_eq!(client.answer().body, "hello");

    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello");
    let answer = client.answer();
    let answer = if answer.status() == 100 { client.answer() } else { answer };
    assert_eq!((answer.status(), answer.body.as_str()), (200, "hello"));
    assert_eq!(client.get("/next").body, "GET /next");

    for expectation in ["100-continueX", "x 100-continue", "200-ok"] {
        refused(&server, format!("GET / HTTP/1.1\r\nHost: a\r\nExpect: {expectation}\r\n\r\n"), 417);
    }
    let text = server.talk("POST /echo HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello");
    assert_eq!((answers(&text), text.ends_with("\r\n\r\nhello")), (0, true), "{text}");
}

#[test]
fn f24_content_that_came_before_100_and_was_not_read_closes_the_connection() {
    let server = Server::start(SITE);
    let large = format!("Content-Length: 100000\r\n\r\n{}", "a".repeat(100_000));
    for content in ["Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", &large] {
        let request = format!("POST /ignored HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n{content}{CANARY}");
        let text = server.talk(request);
        assert!(text.contains("\r\nconnection: close\r\n") && answers(&text) == 1, "{text}");
    }
}

#[test]
fn f24_an_early_answer_to_who_waits_for_100_closes_the_connection() {
    let server = Server::start(SITE);
    let text = server.talk("POST /ignored HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    assert_eq!((status(&text), answers(&text)), (200, 1), "{text}");
    assert!(text.contains("connection: close"), "{text}");
}

#[test]
fn p1_pipelined_requests_are_answered_in_order() {
    let server = Server::start(SITE);
    let mut client = server.connect();
    let requests: String = (0..100).map(|n| format!("GET /{n} HTTP/1.1\r\nHost: a\r\n\r\n")).collect();
    client.send(requests);
    for number in 0..100 {
        assert_eq!(client.answer().body, format!("GET /{number}"));
    }
    client.send("GET /good HTTP/1.1\r\nHost: a\r\n\r\nGET /bad HTTP/1.1\r\nHost: a b\r\n\r\n");
    client.send(CANARY);
    let text = client.rest();
    assert!(text.contains("GET /good") && text.contains("HTTP/1.1 400 "), "{text}");
    assert_eq!(answers(&text), 2);
}

#[test]
fn requests_may_arrive_in_any_pieces() {
    let server = Server::start(SITE);
    let requests = "GET /one HTTP/1.1\r\nHost: a\r\n\r\n\
                    POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nT: u\r\n\r\n\
                    POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nworld\
                    GET /two HTTP/1.1\r\nHost: a\r\n\r\n";
    for piece in [1, 2, 3, 7, 30, 64, 100, 1000] {
        let mut client = server.connect();
        client.stream.get_ref().set_nodelay(true).expect("it is a TCP socket");
        for bytes in requests.as_bytes().chunks(piece) {
            client.send(bytes);
        }
        for expected in ["GET /one", "hello", "world", "GET /two"] {
            assert_eq!(client.answer().body, expected, "in pieces of {piece}");
        }
    }
}

#[test]
fn a_refused_head_is_answered_as_its_accept_asks() {
    let server = Server::start(SITE);
    let text = server.talk("GET  / HTTP/1.1\r\nAccept: text/html\r\n\r\n");
    assert!(text.contains("content-type: text/html"), "{text}");
    let text = server.talk("HEAD  / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(text.starts_with("HTTP/1.1 400 ") && text.ends_with("\r\n\r\n"), "{text}");
}

/// Says more of its framing than is true.
async fn liar(request: Request) -> Response {
    let body = match request.uri().path() {
        "/full" => ResponseBody::full("truth"),
        _ => ResponseBody::empty(),
    };
    let mut response = Response::new(body);
    response.headers_mut().insert("content-length", HeaderValue::from_static("100"));
    response.headers_mut().insert("transfer-encoding", HeaderValue::from_static("chunked"));
    response
}

#[test]
fn a_handler_cannot_lie_about_the_framing_of_its_answer() {
    let server = Server::with("", Some(Arc::new(handler_fn(liar))));
    let mut client = server.connect();
    for (path, body) in [("/full", "truth"), ("/empty", ""), ("/full", "truth")] {
        let answer = client.get(path);
        assert_eq!((answer.status(), answer.body.as_str()), (200, body), "{path}: {answer:?}");
        assert_eq!(answer.header("transfer-encoding"), None);
    }
    for (request, length) in [("HEAD /full", "5"), ("HEAD /empty", "100")] {
        let text = server.talk(format!("{request} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
        assert!(text.contains(&format!("content-length: {length}\r\n")) && text.ends_with("\r\n\r\n"), "{text}");
    }
}
