use super::*;

const LIMITS: HeadLimits = HeadLimits { line: 64, fields: 4, bytes: 128 };

fn read(bytes: &[u8]) -> Result<Option<Head>, HeadError> {
    HeadReader::new(LIMITS).read(bytes)
}

/// The status that a head with this request line and these fields gets; 200 if it is let through.
fn status(head: &[u8]) -> u16 {
    match read(head) {
        Ok(Some(_)) => 200,
        Ok(None) => 0,
        Err(HeadError(status, _)) => status.as_u16(),
    }
}

fn with_field(field: &[u8]) -> u16 {
    status(&[b"POST / HTTP/1.1\r\nHost: a\r\n", field, b"\r\n\r\n"].concat())
}

#[test]
fn a_well_formed_head_tells_its_length_and_its_content() {
    let plain = Head { length: 27, content: Content::Length(0) };
    assert_eq!(read(b"GET / HTTP/1.1\r\nHost: a\r\n\r\nrest"), Ok(Some(plain)));
    let sized = Head { length: 48, content: Content::Length(12) };
    assert_eq!(read(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\n"), Ok(Some(sized)));
    let chunked = read(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \tChunked \r\n\r\n");
    assert!(matches!(chunked, Ok(Some(Head { content: Content::Chunked, .. }))));
}

#[test]
fn a_head_may_arrive_in_any_pieces() {
    let head = b"\r\nGET /a?b HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n";
    for cut in 0..head.len() {
        let mut reader = HeadReader::new(LIMITS);
        assert_eq!(reader.read(&head[..cut]), Ok(None), "{cut}");
        assert_eq!(reader.read(head).map(|head| head.map(|head| head.length)), Ok(Some(head.len())), "{cut}");
    }
}

#[test]
fn a_content_length_is_one_plain_number() {
    for good in ["0", "5", "005", "00", "1000000000000000000"] {
        assert_eq!(with_field(format!("Content-Length: {good}").as_bytes()), 200, "{good}");
    }
    for bad in
        ["+5", "-1", "-0", "0x5", "0o5", "1_0", "1 0", "5,5", "5, 10", "5;", "", "abc", "99999999999999999999", "5\x0b"]
    {
        assert_eq!(with_field(format!("Content-Length: {bad}").as_bytes()), 400, "{bad}");
    }
    assert_eq!(with_field(b"Content-Length: 5\r\nContent-Length: 5"), 400);
    assert_eq!(with_field(b"Content-Length: 1\r\nContent-Length: 0"), 400);
}

#[test]
fn a_transfer_encoding_is_chunked_alone() {
    let bad: &[&[u8]] = &[
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
    for value in bad {
        assert_eq!(with_field(&[b"Transfer-Encoding: ", *value].concat()), 400, "{value:?}");
    }
    for fields in [
        "Content-Length: 6\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 6",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding\t: chunked",
        " Transfer-Encoding: chunked",
        "Transfer\r-Encoding: chunked",
        "X: X\nTransfer-Encoding: chunked",
        "Transfer-Encoding:\r\n chunked",
    ] {
        assert_eq!(with_field(fields.as_bytes()), 400, "{fields:?}");
    }
    assert_eq!(status(b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
}

#[test]
fn a_field_has_a_token_a_colon_and_printable_text() {
    for good in ["X: y", "X:", "X: \t y \t", "x-._~!: \u{e9}"] {
        assert_eq!(with_field(good.as_bytes()), 200, "{good}");
    }
    for bad in [
        "X",
        ": v",
        "Na me: v",
        "Na\tme: v",
        "(x): v",
        ":",
        " a",
        "X: a\r\n b",
        "X: a\x00b",
        "X: a\rb",
        "X: \x01",
        "X: \x7f",
        "\u{e9}: v",
    ] {
        assert_eq!(with_field(bad.as_bytes()), 400, "{bad:?}");
    }
}

#[test]
fn a_request_line_has_three_parts_and_a_known_version() {
    let line = |line: &str| status(format!("{line}\r\nHost: a\r\n\r\n").as_bytes());
    for good in [
        "GET / HTTP/1.1",
        "GET /a?b=/?c HTTP/1.0",
        "M-SEARCH /%zz HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "CONNECT a:443 HTTP/1.1",
        "GET http://a/b HTTP/1.1",
    ] {
        assert_eq!(line(good), 200, "{good}");
    }
    for bad in [
        "GET  / HTTP/1.1",
        "GET\t/ HTTP/1.1",
        "GET HTTP/1.1",
        "GET / HTTP/1",
        "GET / HTTP/01.1",
        "GET / HTTP/ 1.1",
        "GET / http/1.1",
        "GET / HTTP/1.32",
        "GET /",
        "GET / HTTP/1.1 ",
        " GET / HTTP/1.1",
        "G(T / HTTP/1.1",
        "GET * HTTP/1.1",
        "CONNECT / HTTP/1.1",
        "GET admin HTTP/1.1",
        "GET a:80 HTTP/1.1",
        "GET /a#b HTTP/1.1",
        "GET /\x7f HTTP/1.1",
        "GET ftp://a/ HTTP/1.1",
        "GET http:///a HTTP/1.1",
    ] {
        assert_eq!(line(bad), 400, "{bad}");
    }
    for unknown in ["GET / HTTP/9.9", "PRI * HTTP/2.0", "GET / HTTP/0.9"] {
        assert_eq!(line(unknown), 505, "{unknown}");
    }
}

#[test]
fn a_later_minor_version_is_read_as_the_last_one_that_is_known() {
    for version in ["1.2", "1.9"] {
        let head = format!("GET /a HTTP/{version}\r\nTransfer-Encoding: chunked\r\n\r\n");
        let mut reader = HeadReader::new(LIMITS);
        let read = reader.read(head.as_bytes()).expect("it is well-formed").expect("it is whole");
        assert_eq!((read.content, reader.index().minor), (Content::Chunked, 1));
        assert_eq!(reader.index().line(head.as_bytes()), format!("GET /a HTTP/{version}").as_bytes());
    }
}

/// The target as it goes on.
fn target(sent: &[u8]) -> Option<String> {
    let head = [b"GET ", sent, b" HTTP/1.1\r\n\r\n"].concat();
    let mut reader = HeadReader::new(LIMITS);
    assert_eq!(reader.read(&head).ok()??.length, head.len());
    Some(reader.index().uri(&head.into()).expect("what is let through is a URI").to_string())
}

#[test]
fn a_target_that_was_not_encoded_is_taken_as_if_it_were() {
    for (sent, taken) in [
        ("/a%2f\"{|}\\^?a\"", "/a%2f%22{|}\\^?a%22"),
        ("/\"{|}\\^?{|}\\^`", "/\"{|}\\^?{|}\\^`"),
        ("/\u{e9}%zz?\u{65e5}\u{1f600}", "/%C3%A9%zz?%E6%97%A5%F0%9F%98%80"),
        ("/<`>?<`\">", "/%3C%60%3E?%3C%60%22%3E"),
        ("http://a/\u{e9}?>", "http://a/%C3%A9?%3E"),
    ] {
        assert_eq!(target(sent.as_bytes()).as_deref(), Some(taken), "{sent}");
    }
    for bad in
        ["\u{e9}", "/\u{e9}\x7f", "/\u{e9}\t", "/\u{e9}#", "/\u{e9}\0", "http://\u{e9}/", "h<p://a/", "http://<a>/"]
    {
        assert_eq!(target(bad.as_bytes()), None, "{bad:?}");
    }
    for bad in [&b"/\x80"[..], b"/\xc3", b"/?\xff", b"/\xc3\xa9\xa9", b"/\xc0\xaf", b"/\xed\xa0\x80"] {
        assert_eq!(target(bad), None, "{bad:?}");
    }
}

#[test]
fn lines_end_in_crlf_and_one_empty_line_may_come_first() {
    assert_eq!(status(b"GET / HTTP/1.1\nHost: a\r\n\r\n"), 400);
    assert_eq!(status(b"GET / HTTP/1.1\r\nHost: a\n\r\n"), 400);
    assert_eq!(status(b"GET / HTTP/1.1\r\nHost: a\r\n\n"), 400);
    assert_eq!(status(b"GET / HTTP/1.1\rHost: a\r\r"), 0);
    assert_eq!(status(b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
    assert_eq!(status(b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
    assert_eq!(status(b" \r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
}

#[test]
fn what_does_not_begin_like_http_is_refused_at_its_first_byte() {
    assert_eq!(status(b"\x16\x03\x01\x02\x00"), 400);
    assert_eq!(status(b"GE"), 0);
}

#[test]
fn limits_hold_exactly_and_before_the_end_has_come() {
    let line = |length: usize| [b"GET /", "a".repeat(length - 14).as_bytes(), b" HTTP/1.1"].concat();
    let head = |length| [&line(length)[..], b"\r\nHost: a\r\n\r\n"].concat();
    assert_eq!((line(64).len(), status(&head(64)), status(&head(65))), (64, 200, 414));
    assert_eq!(status(&[b'A'; 65]), 0);
    assert_eq!(status(&[b'A'; 66]), 414);

    let raw = |letters: usize| status(format!("GET /{} HTTP/1.1\r\n\r\n", "\u{e9}".repeat(letters)).as_bytes());
    assert_eq!((raw(8), raw(9)), (200, 414)); // 62 and 68 bytes, encoded

    let fields = |number: usize| ["GET / HTTP/1.1\r\n", &"A: b\r\n".repeat(number), "\r\n"].concat();
    assert_eq!((status(fields(4).as_bytes()), status(fields(5).as_bytes())), (200, 431));

    let large = |bytes: usize| ["GET / HTTP/1.1\r\nA:", &"b".repeat(bytes - 4), "\r\n\r\n"].concat();
    assert_eq!((status(large(128).as_bytes()), status(large(129).as_bytes())), (200, 431));
    assert_eq!(status(["GET / HTTP/1.1\r\nA:", &"b".repeat(200)].concat().as_bytes()), 431);
}
