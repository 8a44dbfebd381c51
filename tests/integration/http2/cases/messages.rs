//! RFC 9113 §8: requests in frames, and what makes them malformed.

use Code::{ProtocolError, StreamClosed};
use Must::{Answer, Either, Goaway, Malformed, Reset};

use super::super::case::{Case, GET, Must, block, case, get, get_with, post, post_with, request};
use crate::support::http2::{Code, END_HEADERS, END_STREAM, continuation, data, headers, literal, literals, reset};

pub(in super::super) const CASES: &[Case] = &[
    case("8.1", "content", || [post(1), data(1, 0, b"a"), data(1, END_STREAM, b"b")].concat(), Answer(1, 200)),
    case("8.1", "trailers", || [post(1), data(1, 0, b"a"), trailers(&[("x-checksum", "1")])].concat(), Answer(1, 200)),
    case("8.1", "trailers without content", || [post(1), trailers(&[("x-checksum", "1")])].concat(), Answer(1, 200)),
    case(
        "8.1",
        "trailers in two frames",
        || [post(1), headers(1, END_STREAM, &literals(&[("x", "y")])), continuation(1, END_HEADERS, b"")].concat(),
        Answer(1, 200),
    ),
    case(
        "8.1",
        "HEADERS that are neither first nor last",
        || [post(1), headers(1, END_HEADERS, &literals(&[("x", "y")]))].concat(),
        Malformed(1),
    ),
    case(
        "8.1",
        "content behind trailers",
        || [post(1), trailers(&[("x", "y")]), data(1, 0, b"x")].concat(),
        Either(
            &[Reset(1, StreamClosed), Goaway(StreamClosed)],
            "§5.4.1: an error of a stream may be treated as one of the connection",
        ),
    ),
    case(
        "8.1",
        "END_STREAM on HEADERS that go on",
        || [headers(1, END_STREAM, &literals(GET)), continuation(1, END_HEADERS, b"")].concat(),
        Answer(1, 200),
    ),
    case(
        "8.1.1",
        "less content than content-length",
        || [post_with(1, &[("content-length", "5")]), data(1, END_STREAM, b"1234")].concat(),
        Malformed(1),
    ),
    case(
        "8.1.1",
        "less content than content-length, in two frames",
        || [post_with(1, &[("content-length", "5")]), data(1, 0, b"12"), data(1, END_STREAM, b"34")].concat(),
        Malformed(1),
    ),
    case(
        "8.1.1",
        "more content than content-length",
        || [post_with(1, &[("content-length", "1")]), data(1, END_STREAM, b"12")].concat(),
        Malformed(1),
    ),
    case(
        "8.1.1",
        "more content than content-length, in two frames",
        || [post_with(1, &[("content-length", "3")]), data(1, 0, b"12"), data(1, END_STREAM, b"34")].concat(),
        Malformed(1),
    ),
    case("8.1.1", "content-length and no content", || get_with(1, &[("content-length", "1")]), Malformed(1)),
    case(
        "8.1.1",
        "content-length and trailers instead",
        || [post_with(1, &[("content-length", "1")]), trailers(&[("x", "y")])].concat(),
        Malformed(1),
    ),
    case("8.1.1", "content-length 0", || get_with(1, &[("content-length", "0")]), Answer(1, 200)),
    case(
        "8.1.1",
        "content-length that is right",
        || [post_with(1, &[("content-length", "3")]), data(1, END_STREAM, b"123")].concat(),
        Answer(1, 200),
    ),
    case(
        "8.1.1",
        "content-length without the padding",
        || [post_with(1, &[("content-length", "1")]), data(1, END_STREAM | 8, b"\x021\0\0")].concat(),
        Answer(1, 200),
    ),
    case(
        "8.1.1",
        "content-length that is no number",
        || [post_with(1, &[("content-length", "+1")]), data(1, END_STREAM, b"1")].concat(),
        Malformed(1),
    ),
    case(
        "8.1.1",
        "content-length in letters",
        || [post_with(1, &[("content-length", "one")]), data(1, END_STREAM, b"1")].concat(),
        Malformed(1),
    ),
    case("8.1.1", "content-length that is negative", || get_with(1, &[("content-length", "-1")]), Malformed(1)),
    case(
        "8.1.1",
        "content-length beyond all numbers",
        || get_with(1, &[("content-length", "99999999999999999999")]),
        Malformed(1),
    ),
    case(
        "8.1.1",
        "two values of content-length",
        || [post_with(1, &[("content-length", "1"), ("content-length", "2")]), data(1, END_STREAM, b"1")].concat(),
        Malformed(1),
    ),
    case(
        "8.1.1",
        "a malformed request leaves others",
        || [get_with(1, &[("connection", "close")]), get(3)].concat(),
        Answer(3, 200),
    ),
    case("8.2", "a name in upper case", || get_with(1, &[("X-Upper", "case")]), Malformed(1)),
    case("8.2", "a name with one letter in upper case", || get_with(1, &[("acceptS", "x")]), Malformed(1)),
    case(
        "8.2",
        "a pseudo-header field in upper case",
        || request(1, &[(":Method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "localhost")]),
        Malformed(1),
    ),
    case("8.2.1", "a name with a space", || with_raw(b"x y", b"z"), Malformed(1)),
    case("8.2.1", "a name that begins with a space", || with_raw(b" x", b"z"), Malformed(1)),
    case("8.2.1", "a name with a colon", || with_raw(b"x:y", b"z"), Malformed(1)),
    case("8.2.1", "a name with a line break", || with_raw(b"x\r\ny", b"z"), Malformed(1)),
    case("8.2.1", "a name with a NUL", || with_raw(b"x\0y", b"z"), Malformed(1)),
    case("8.2.1", "a name with DEL", || with_raw(b"x\x7f", b"z"), Malformed(1)),
    case("8.2.1", "a name that is not ASCII", || with_raw("ä".as_bytes(), b"z"), Malformed(1)),
    case("8.2.1", "a name that is no token", || with_raw(b"x(y)", b"z"), Malformed(1)),
    case("8.2.1", "an empty name", || with_raw(b"", b"z"), Malformed(1)),
    case("8.2.1", "a value with a NUL", || with_raw(b"x", b"a\0b"), Malformed(1)),
    case("8.2.1", "a value with CR", || with_raw(b"x", b"a\rb"), Malformed(1)),
    case("8.2.1", "a value with LF", || with_raw(b"x", b"a\nb"), Malformed(1)),
    case(
        "8.2.1",
        "a value with another request",
        || with_raw(b"x", b"a\r\n\r\nGET /secret HTTP/1.1\r\n\r\n"),
        Malformed(1),
    ),
    case("8.2.1", "a value that begins with a space", || with_raw(b"x", b" a"), Malformed(1)),
    case("8.2.1", "a value that begins with a tab", || with_raw(b"x", b"\ta"), Malformed(1)),
    case("8.2.1", "a value that ends with a space", || with_raw(b"x", b"a "), Malformed(1)),
    case("8.2.1", "a value with a tab in it", || with_raw(b"x", b"a\tb"), Answer(1, 200)),
    case("8.2.1", "an empty value", || with_raw(b"x", b""), Answer(1, 200)),
    case("8.2.1", "a value that is not ASCII", || with_raw(b"x", b"\xe4"), Answer(1, 200)),
    case("8.2.2", "connection", || get_with(1, &[("connection", "close")]), Malformed(1)),
    case("8.2.2", "keep-alive", || get_with(1, &[("keep-alive", "timeout=5")]), Malformed(1)),
    case("8.2.2", "proxy-connection", || get_with(1, &[("proxy-connection", "keep-alive")]), Malformed(1)),
    case("8.2.2", "upgrade", || get_with(1, &[("upgrade", "websocket")]), Malformed(1)),
    case(
        "8.2.2",
        "transfer-encoding",
        || [post_with(1, &[("transfer-encoding", "chunked")]), data(1, END_STREAM, b"0\r\n\r\n")].concat(),
        Malformed(1),
    ),
    case("8.2.2", "te: gzip", || get_with(1, &[("te", "gzip")]), Malformed(1)),
    case("8.2.2", "te: trailers, gzip", || get_with(1, &[("te", "trailers, gzip")]), Malformed(1)),
    case("8.2.2", "te: trailers", || get_with(1, &[("te", "trailers")]), Answer(1, 200)),
    case("8.2.2", "connection in trailers", || [post(1), trailers(&[("connection", "close")])].concat(), Malformed(1)),
    case("8.3", "a pseudo-header field that nobody knows", || pseudo(&[(":other", "x")]), Malformed(1)),
    case("8.3", ":status in a request", || pseudo(&[(":status", "200")]), Malformed(1)),
    case(
        "8.3",
        "a pseudo-header field behind others",
        || {
            request(
                1,
                &[(":method", "GET"), (":scheme", "http"), ("x", "y"), (":path", "/"), (":authority", "localhost")],
            )
        },
        Malformed(1),
    ),
    case("8.3", "a pseudo-header field in trailers", || [post(1), trailers(&[(":path", "/")])].concat(), Malformed(1)),
    case("8.3", ":status in trailers", || [post(1), trailers(&[(":status", "200")])].concat(), Malformed(1)),
    case("8.3", ":method twice", || pseudo(&[(":method", "GET")]), Malformed(1)),
    case("8.3", ":scheme twice", || pseudo(&[(":scheme", "http")]), Malformed(1)),
    case("8.3", ":path twice", || pseudo(&[(":path", "/")]), Malformed(1)),
    case("8.3", ":authority twice", || pseudo(&[(":authority", "localhost")]), Malformed(1)),
    case("8.3", "an empty pseudo-header name", || pseudo(&[(":", "x")]), Malformed(1)),
    case("8.3.1", "no :method", || without(":method"), Malformed(1)),
    case("8.3.1", "no :scheme", || without(":scheme"), Malformed(1)),
    case("8.3.1", "no :path", || without(":path"), Malformed(1)),
    case("8.3.1", "no fields", || block(1, b""), Malformed(1)),
    case("8.3.1", "no :authority and no Host", || without(":authority"), Malformed(1)),
    case(
        "8.3.1",
        "Host instead of :authority",
        || request(1, &[(":method", "GET"), (":scheme", "http"), (":path", "/"), ("host", "localhost")]),
        Answer(1, 200),
    ),
    case("8.3.1", "Host that is :authority", || get_with(1, &[("host", "localhost")]), Answer(1, 200)),
    case("8.3.1", "Host that is another than :authority", || get_with(1, &[("host", "elsewhere")]), Malformed(1)),
    case("8.3.1", "Host twice", || get_with(1, &[("host", "localhost"), ("host", "localhost")]), Malformed(1)),
    case("8.3.1", "an empty :path", || changed(":path", ""), Malformed(1)),
    case("8.3.1", ":path without a slash", || changed(":path", "index.html"), Malformed(1)),
    case("8.3.1", ":path * for GET", || changed(":path", "*"), Malformed(1)),
    case("8.3.1", ":path with a space", || changed(":path", "/a b"), Malformed(1)),
    case("8.3.1", ":path with a fragment", || changed(":path", "/#a"), Malformed(1)),
    case("8.3.1", ":path with another request", || changed(":path", "/ HTTP/1.1\r\nHost: x"), Malformed(1)),
    case("8.3.1", ":path that is a whole URL", || changed(":path", "http://localhost/"), Malformed(1)),
    case("8.3.1", "an empty :method", || changed(":method", ""), Malformed(1)),
    case("8.3.1", ":method with a space", || changed(":method", "GET /"), Malformed(1)),
    case("8.3.1", "an empty :scheme", || changed(":scheme", ""), Malformed(1)),
    case("8.3.1", ":scheme that is a URL", || changed(":scheme", "http://x/?"), Malformed(1)),
    case("8.3.1", "an empty :authority", || changed(":authority", ""), Malformed(1)),
    case("8.3.1", ":authority with a user", || changed(":authority", "user@localhost"), Malformed(1)),
    case("8.3.1", ":authority with a path", || changed(":authority", "localhost/x"), Malformed(1)),
    case("8.3.1", ":authority with a port that is none", || changed(":authority", "localhost:port"), Malformed(1)),
    case("8.3.1", ":authority with a port", || changed(":authority", "localhost:8080"), Answer(1, 200)),
    case(
        "8.3.1",
        ":method that nobody knows",
        || changed(":method", "BREW"),
        Either(&[Answer(1, 404), Answer(1, 405), Answer(1, 501)], "RFC 9110 §9.1: the application says which"),
    ),
    case(
        "8.5",
        "CONNECT",
        || request(1, &[(":method", "CONNECT"), (":authority", "elsewhere:443")]),
        Either(
            &[Answer(1, 405), Answer(1, 501), Answer(1, 400), Malformed(1), Answer(1, 421)],
            "RFC 9110 §9.3.6: this is no proxy",
        ),
    ),
    case("8.5", "CONNECT with :path and :scheme", || changed(":method", "CONNECT"), Malformed(1)),
    case("8.5", "CONNECT without :authority", || request(1, &[(":method", "CONNECT")]), Malformed(1)),
    case("8.5", ":protocol with GET (RFC 8441)", || pseudo(&[(":protocol", "websocket")]), Malformed(1)),
    case(
        "8.7",
        "a request that was reset before its answer",
        || [get(1), reset(1, 8), get(3)].concat(),
        Answer(3, 200),
    ),
    case(
        "8.7",
        "a request that goes on after a reset of another",
        || [post(1), post(3), reset(1, 8), data(3, END_STREAM, b"x")].concat(),
        Answer(3, 200),
    ),
    case(
        "8.8",
        "HEAD",
        || changed(":method", "HEAD"),
        Either(&[Answer(1, 200), Answer(1, 404), Answer(1, 405)], "the application says which"),
    ),
    case(
        "8.8",
        "OPTIONS of everything",
        || request(1, &[(":method", "OPTIONS"), (":scheme", "http"), (":path", "*"), (":authority", "localhost")]),
        Either(&[Answer(1, 200), Answer(1, 204), Answer(1, 404), Answer(1, 405)], "RFC 9110 §9.3.7"),
    ),
    case(
        "10.5.1",
        "fields that are far too many",
        || block(1, &literals(&[GET, &[("x", "y"); 1500]].concat())),
        Either(&[Answer(1, 431), Reset(1, ProtocolError)], "RFC 6585 §5"),
    ),
    case(
        "10.5.1",
        "a field that is too large",
        || crate::support::http2::head(1, &literals(&[GET, &[("x", &"y".repeat(40_000))]].concat()), true),
        Either(&[Answer(1, 431), Reset(1, ProtocolError)], "RFC 6585 §5"),
    ),
    case(
        "10.5.1",
        "fields as many as there may be",
        || block(1, &literals(&[GET, &[("x", "y"); 90]].concat())),
        Answer(1, 200),
    ),
    case(
        "8.1",
        "frames of an extension between content",
        || [post(1), crate::support::http2::frame(0x10, 0, 0, b"\0\0\0\x01u=3"), data(1, END_STREAM, b"x")].concat(),
        Answer(1, 200),
    ),
    case(
        "8.1.1",
        "nothing else after an error of the request",
        || [get_with(1, &[("connection", "close")])].concat(),
        Malformed(1),
    ),
    case(
        "8.1",
        "an interim answer is waited for",
        || [post_with(1, &[("expect", "100-continue")]), data(1, END_STREAM, b"x")].concat(),
        Answer(1, 200),
    ),
];

fn trailers(fields: &[(&str, &str)]) -> Vec<u8> {
    headers(1, END_STREAM | END_HEADERS, &literals(fields))
}

/// A request with a field of these bytes.
fn with_raw(name: &[u8], value: &[u8]) -> Vec<u8> {
    block(1, &[literals(GET), literal(name, value)].concat())
}

/// A request with these pseudo-header fields, too.
fn pseudo(fields: &[(&str, &str)]) -> Vec<u8> {
    request(1, &[GET, fields].concat())
}

fn without(name: &str) -> Vec<u8> {
    request(1, &GET.iter().copied().filter(|(known, _)| *known != name).collect::<Vec<_>>())
}

fn changed(name: &str, value: &str) -> Vec<u8> {
    let fields: Vec<_> = GET.iter().map(|(known, old)| (*known, if *known == name { value } else { old })).collect();
    request(1, &fields)
}
