//! Requests that two programs could read differently, by the table of known attacks: each is refused and the
//! connection closed, or read in the one strict way, and nothing that was smuggled is answered.

mod unread_body;

use std::io::{ErrorKind, Write};
use std::sync::Arc;

use foobar_core::{Request, Response, ResponseBody, handler_fn};
use http::HeaderValue;

use crate::support::{STEP, Server, answers, status, wait_until};

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
    for target in
        [&b"/\x00"[..], b"/\x01", b"/\x7f", b"/\x80", b"/\xff", b"/\xc3\xa9\x80", b"/?\xff", b"/\xc3\xa9#a", b"/a\rb"]
    {
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
fn a_target_in_raw_utf_8_is_taken_as_browsers_would_have_sent_it() {
    let server = Server::start("[sites.a]\nserver_name = ['a']\n[sites.b]\nserver_name = ['b']\n");
    let mut client = server.connect();
    for (sent, taken) in [
        ("/é/日本?ü=😀", "/%C3%A9/%E6%97%A5%E6%9C%AC?%C3%BC=%F0%9F%98%80"),
        ("/<a>`?<b>\"`", "/%3Ca%3E%60?%3Cb%3E%22%60"),
        ("/\"^{|}\\?^{|}\\`", "/\"^{|}\\?^{|}\\`"),
        ("http://b/é%C3%A9", "/%C3%A9%C3%A9"),
    ] {
        client.send(format!("GET {sent} HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_eq!(client.answer().body, format!("GET {taken}"), "{sent}");
    }
    client.send("POST /é HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET /ü HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.answer().body, "POST /%C3%A9");
    assert_eq!(client.answer().body, "GET /%C3%BC");
    for line in ["GET /\u{85}", "GET http://é/", "CONNECT é:443", "GÉT /", "GET é", "GET http<://a/"] {
        refused(&server, format!("{line} HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
    }
}

#[test]
fn a_folder_and_a_file_are_found_by_raw_utf_8_and_what_is_told_of_them_is_ascii() {
    let folder = tempfile::tempdir().expect("the temporary folder is writable");
    std::fs::create_dir(folder.path().join("ü<b>")).expect("it is writable");
    std::fs::write(folder.path().join("ü<b>/日本.txt"), "found").expect("it is writable");
    let root = folder.path().display();
    let server = Server::start(&format!("[sites.a]\nroot = '{root}'\nautoindex = 'on'\n"));
    let mut client = server.connect();
    assert_eq!(client.get("/ü<b>/日本.txt").body, "found");
    assert_eq!(client.get("/ü%3Cb%3E/%E6%97%A5本.txt?é").body, "found");
    let redirect = client.get("/ü<b>?é\"<c>=%zz");
    let location = "/%C3%BC%3Cb%3E/?%C3%A9%22%3Cc%3E=%zz";
    assert_eq!((redirect.status(), redirect.header("location")), (301, Some(location)));
    let list = client.get("/ü<b>/").body;
    assert!(list.contains("%E6%97%A5%E6%9C%AC.txt") && !list.contains("<b>"), "{list}");
}

#[test]
fn a_target_in_raw_utf_8_may_arrive_in_any_pieces_and_among_others() {
    let server = Server::start(SITE);
    let requests = "GET /one HTTP/1.1\r\nHost: a\r\n\r\nGET /é HTTP/1.1\r\nHost: a\r\n\r\n\
                    POST /echo?é HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n\
                    \r\nGET /ü HTTP/1.1\r\nHost: a\r\n\r\nGET /two HTTP/1.1\r\nHost: a\r\n\r\n";
    for piece in [1, 2, 3, 7, 30, 64, 1000] {
        let mut client = server.connect();
        client.stream.get_ref().set_nodelay(true).expect("it is a TCP socket");
        for bytes in requests.as_bytes().chunks(piece) {
            client.send(bytes);
        }
        for expected in ["GET /one", "GET /%C3%A9", "hello", "GET /%C3%BC", "GET /two"] {
            assert_eq!(client.answer().body, expected, "in pieces of {piece}");
        }
    }
}

#[test]
fn a_request_line_is_as_long_as_it_is_with_its_target_encoded() {
    let server = Server::start("[web]\nmax_request_line = '1KiB'\n");
    let line = |letters: usize| format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "é".repeat(letters));
    let mut client = server.connect();
    client.send(line(168));
    assert_eq!(client.answer().status(), 200);
    refused(&server, line(169), 414);
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
fn a_body_over_its_limit_is_refused_before_it_has_come_and_ends_the_connection() {
    let server = Server::start("[web]\nclient_max_body_size = '1KiB'\nmin_rate = '0'\n");
    let half = format!("Transfer-Encoding: chunked\r\n\r\n1000\r\n{}", "a".repeat(0x800));
    for content in ["Content-Length: 2000\r\n\r\nhello", &half] {
        let text = server.talk(format!("POST /echo HTTP/1.1\r\nHost: a\r\n{content}"));
        assert!(status(&text) == 413 && text.contains("\r\nconnection: close\r\n"), "{text}");
    }
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
