use bytes::Bytes;
use http::header::{ACCEPT, FORWARDED, HeaderMap, HeaderName, HeaderValue};
use memchr::memchr;

use super::head::HeadError;
use crate::pipeline::Refusal;

/// What is known of a request whose head, or the beginning of it, is malformed.
pub(crate) fn refusal(HeadError(status, detail): HeadError, head: &[u8]) -> Refusal {
    let line = lines(head).find(|line| !line.is_empty()).unwrap_or_default(); // nothing came
    let mut fields = HeaderMap::new();
    for (name, value) in lines(head).filter_map(field) {
        fields.append(name, value);
    }
    Refusal { status, detail, line: Bytes::copy_from_slice(line), fields }
}

/// A field of those that matter, as far as one can be made out.
fn field(line: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = line.split_at(memchr(b':', line)?);
    let known = KNOWN.into_iter().find(|known| name.eq_ignore_ascii_case(known.as_str().as_bytes()))?;
    let value = HeaderValue::from_bytes(value[1..].trim_ascii()).ok()?; // what is no value is not there
    Some((known, value))
}

const KNOWN: [HeaderName; 4] =
    [ACCEPT, FORWARDED, HeaderName::from_static("x-forwarded-for"), HeaderName::from_static("x-request-id")];

fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line)) // also a bare LF
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::StatusCode;

    #[test]
    fn of_a_refused_head_the_line_and_the_fields_are_found_where_they_can_be() {
        let refused = |head: &[u8]| refusal(HeadError(StatusCode::BAD_REQUEST, "bad"), head);
        let found = refused(b"\r\nGET  / HTTP/1.1\r\nHost: a\naccept: text/html \r\n\r\n");
        assert_eq!(found.line, "GET  / HTTP/1.1");
        assert_eq!(found.fields[ACCEPT], "text/html");
        assert_eq!(refused(b"\x16\x03").line, &b"\x16\x03"[..]);
        assert!(refused(b"GET").fields.is_empty());
    }
}
