//! The head of a request: it may arrive in any pieces, and what is let through, everyone reads alike.
#![no_main]

use foobar_web::fuzzing::{Head, HeadIndex, HeadReader};
use http::StatusCode;
use http::request::Parts;
use libfuzzer_sys::fuzz_target;

const LINE: usize = 64;
const FIELDS: usize = 8;
const BYTES: usize = 256;

// The first four bytes say where the rest is cut.
fuzz_target!(|input: &[u8]| {
    let Some((cuts, bytes)) = input.split_first_chunk::<4>() else { return };
    let mut reader = fresh();
    let whole = reader.read(bytes);
    let mut pieces = fresh();
    assert_eq!(agreed(read_in_pieces(&mut pieces, bytes, cuts)), agreed(whole), "cut at {cuts:?}");
    let Ok(Some(head)) = whole else { return };
    let bytes = &bytes[..head.length];
    assert_eq!(fresh().read(bytes), whole, "what follows a head does not matter");
    assert_eq!(fresh().read(&bytes[..head.length - 1]), Ok(None), "it ends with its last byte");
    assert_eq!(pieces.index(bytes), reader.index(bytes));
    check_lines(bytes);
    let index = reader.index(bytes);
    check_request(&reader.request(bytes), bytes);
    match reader.encoded(bytes) {
        None => check_against_httparse(bytes, head, &index),
        Some(encoded) => check_encoded(&encoded, &index),
    }
});

/// What goes on in the place of a head whose target was not encoded is one that is let through by itself, and says the
/// same; its line is no longer than it may be.
fn check_encoded(bytes: &[u8], sent: &HeadIndex<'_>) {
    let mut reader = fresh();
    let head = reader.read(bytes).expect("it is well-formed").expect("it is whole");
    let index = reader.index(bytes);
    assert_eq!((head.length, reader.encoded(bytes)), (bytes.len(), None));
    check_against_httparse(bytes, head, &index);
    assert_ne!((index.path, index.query), (sent.path, sent.query));
    assert_eq!((index.path.to_vec(), index.query.map(<[u8]>::to_vec)), (encode(sent.path), sent.query.map(encode)));
    assert_eq!((index.method, index.minor), (sent.method, sent.minor));
    assert_eq!((index.fields, index.is_plain), (sent.fields, sent.is_plain));
}

fn encode(part: &[u8]) -> Vec<u8> {
    let plain = |byte: &u8| byte.is_ascii() && !b"\"<>`".contains(byte);
    part.iter().flat_map(|byte| if plain(byte) { vec![*byte] } else { format!("%{byte:02X}").into_bytes() }).collect()
}

fn fresh() -> HeadReader {
    HeadReader::new(LINE, FIELDS, BYTES)
}

/// The first thing that is wrong depends on how much has come; that something is, does not.
fn agreed(read: Result<Option<Head>, StatusCode>) -> Result<Option<Head>, ()> {
    read.map_err(drop)
}

fn read_in_pieces(reader: &mut HeadReader, bytes: &[u8], cuts: &[u8; 4]) -> Result<Option<Head>, StatusCode> {
    let mut ends = cuts.map(|cut| usize::from(cut).min(bytes.len()));
    ends.sort_unstable();
    for end in ends {
        if let Some(head) = reader.read(&bytes[..end])? {
            return Ok(Some(head));
        }
    }
    reader.read(bytes)
}

/// Lines end in CR LF alone, none continues the one before it, and none is longer than it may be.
fn check_lines(bytes: &[u8]) {
    let text: String = bytes.iter().map(|byte| if byte.is_ascii() { char::from(*byte) } else { '?' }).collect();
    let lines: Vec<&str> = text.strip_suffix("\r\n\r\n").expect("an empty line ends it").split("\r\n").collect();
    let lines = lines.strip_prefix(&[""]).unwrap_or(&lines); // one may come first
    assert!(lines.iter().all(|line| !line.starts_with([' ', '\t']) && !line.contains(['\r', '\n', '\0'])));
    let (first, fields) = lines.split_first().expect("a request line");
    assert!(first.len() <= LINE && fields.len() <= FIELDS);
    assert!(fields.iter().map(|field| field.len() + 2).sum::<usize>() <= BYTES);
    let framing = ["content-length:", "transfer-encoding:"];
    let framed = fields.iter().map(|field| field.to_ascii_lowercase());
    assert!(framed.filter(|field| framing.iter().any(|name| field.starts_with(name))).count() <= 1);
}

fn check_against_httparse(bytes: &[u8], head: Head, index: &HeadIndex<'_>) {
    let bytes = &in_a_known_version(bytes, index)[..];
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    assert_eq!(request.parse(bytes), Ok(httparse::Status::Complete(head.length)));
    let (method, target) = (request.method.expect("a method"), request.path.expect("a target"));
    assert_eq!((index.method, Some(index.minor)), (method.as_bytes(), request.version));
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    assert_eq!((index.path, index.query), (path.as_bytes(), query.map(str::as_bytes)));
    check_fields(request.headers, index);
    assert_eq!(head.content, content(request.headers));
}

/// The same in HTTP/1.1 where it is in a later version, of which httparse knows nothing.
fn in_a_known_version(bytes: &[u8], index: &HeadIndex<'_>) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let start = bytes.windows(8).position(|window| window.starts_with(b" HTTP/1.")).expect("a version");
    bytes[start + 8] = b'0' + index.minor;
    bytes
}

/// The request has the fields of the head, and no others.
fn check_request(request: &Parts, bytes: &[u8]) {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut parsed = httparse::Request::new(&mut fields);
    // Of a target that was not encoded httparse knows nothing; the line is replaced.
    let start = bytes.windows(11).position(|window| window.starts_with(b" HTTP/1.")).expect("a version");
    let plain = [b"GET / HTTP/1.1", &bytes[start + 9..]].concat();
    assert!(parsed.parse(&plain).expect("it is well-formed").is_complete());
    assert_eq!(request.headers.len(), parsed.headers.len());
    for field in parsed.headers.iter() {
        assert!(request.headers.get_all(field.name).iter().any(|value| value == field.value), "{}", field.name);
    }
}

fn check_fields(sent: &[httparse::Header<'_>], index: &HeadIndex<'_>) {
    let values = |name| sent.iter().filter(move |field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value);
    assert_eq!(index.is_plain, index.fields.iter().all(|(name, _)| values(name).count() < 2));
    for (name, value) in index.fields {
        assert_eq!(value, values(name).last(), "{name}");
    }
}

/// The length of the content; `None` if it is chunked.
fn content(fields: &[httparse::Header<'_>]) -> Option<u64> {
    let value = |name| fields.iter().find(|field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value);
    let digits = |length| str::from_utf8(length).expect("digits").parse().expect("a number");
    if value("transfer-encoding").is_some() { None } else { Some(value("content-length").map_or(0, digits)) }
}
