use bytes::Bytes;
use http::header::{ACCEPT, HeaderName, HeaderValue};

use super::head::Malformed;
use crate::pipeline::Refusal;

/// What is known of a request whose head, or the beginning of it, is malformed.
pub(crate) fn refusal(Malformed(status, detail): Malformed, head: &[u8]) -> Refusal {
    let line = lines(head).find(|line| !line.is_empty()).unwrap_or_default(); // nothing came
    Refusal { status, detail, line: Bytes::copy_from_slice(line), accept: field(head, &ACCEPT) }
}

/// The first field of this name, as far as one can be made out.
fn field(head: &[u8], name: &HeaderName) -> Option<HeaderValue> {
    let value = |line: &[u8]| {
        let (start, rest) = line.split_at_checked(name.as_str().len())?;
        let value = rest.strip_prefix(b":")?.trim_ascii();
        let named = start.eq_ignore_ascii_case(name.as_str().as_bytes());
        if named { HeaderValue::from_bytes(value).ok() } else { None } // what is no value is not there
    };
    lines(head).find_map(value)
}

fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line)) // also a bare LF
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::StatusCode;

    #[test]
    fn of_a_refused_head_the_line_and_the_fields_are_found_where_they_can_be() {
        let refused = |head: &[u8]| refusal(Malformed(StatusCode::BAD_REQUEST, "bad"), head);
        let found = refused(b"\r\nGET  / HTTP/1.1\r\nHost: a\naccept: text/html \r\n\r\n");
        assert_eq!(found.line, "GET  / HTTP/1.1");
        assert_eq!(found.accept, Some(HeaderValue::from_static("text/html")));
        assert_eq!(refused(b"\x16\x03").line, &b"\x16\x03"[..]);
        assert_eq!(refused(b"GET").accept, None);
    }
}
