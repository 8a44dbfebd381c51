use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::{Response, StatusCode};
use memchr::memmem::find;

/// What an authority has answered, and what is wrong with it.
type Parsed<T> = Result<Option<T>, &'static str>;

/// A response of HTTP/1.1; `None` if it is not complete. `is_whole` says that nothing follows these bytes.
pub(super) fn parse(bytes: &[u8], is_head: bool, is_whole: bool) -> Parsed<Response<Bytes>> {
    if bytes.len() > LARGEST {
        return Err("the answer is larger than 1 MiB");
    }
    let Some(end) = find(bytes, b"\r\n\r\n") else { return unfinished(is_whole) };
    let (status, headers) = head(&bytes[..end]).ok_or("the answer is not of HTTP/1.1")?;
    let is_empty = is_head || matches!(status.as_u16(), 204 | 304);
    let Some(body) = (if is_empty { Some(Bytes::new()) } else { body(&headers, &bytes[end + 4..], is_whole)? }) else {
        return unfinished(is_whole);
    };
    let mut response = Response::new(body);
    (*response.status_mut(), *response.headers_mut()) = (status, headers);
    Ok(Some(response))
}

fn unfinished<T>(is_whole: bool) -> Parsed<T> {
    if is_whole { Err("the answer is cut off") } else { Ok(None) }
}

fn head(bytes: &[u8]) -> Option<(StatusCode, HeaderMap)> {
    let mut lines = str::from_utf8(bytes).ok()?.split("\r\n"); // no text: none of HTTP
    let (version, rest) = lines.next()?.split_once(' ')?;
    let status = rest.get(..3).filter(|_| version.starts_with("HTTP/1."))?.parse().ok()?; // no number: none of HTTP
    let field = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.parse::<HeaderName>().ok()?, HeaderValue::from_str(value.trim()).ok()?)) // malformed: none of HTTP
    };
    Some((status, lines.map(field).collect::<Option<_>>()?))
}

fn body(headers: &HeaderMap, rest: &[u8], is_whole: bool) -> Parsed<Bytes> {
    if headers.contains_key(TRANSFER_ENCODING) {
        return chunks(rest);
    }
    let Some(length) = headers.get(CONTENT_LENGTH) else {
        return Ok(is_whole.then(|| Bytes::copy_from_slice(rest)));
    };
    let length = length.to_str().ok().and_then(|length| length.parse().ok()); // no number: said below
    let length: usize =
        length.filter(|length| *length <= LARGEST).ok_or("the length of the answer is no number, or too large")?;
    Ok(rest.get(..length).map(Bytes::copy_from_slice))
}

/// The content of a body in chunks (RFC 9112 §7.1); trailers are not read.
fn chunks(mut rest: &[u8]) -> Parsed<Bytes> {
    let mut content = BytesMut::new();
    loop {
        let Some(end) = find(rest, b"\r\n") else { return Ok(None) };
        let size = rest[..end].split(|byte| *byte == b';').next().and_then(|size| str::from_utf8(size).ok()); // said below
        let size = size.and_then(|size| usize::from_str_radix(size.trim(), 16).ok()); // the same
        let size = size.filter(|size| *size <= LARGEST).ok_or("a chunk of the answer has no length")?;
        if size == 0 {
            return Ok(Some(content.freeze()));
        }
        let Some(chunk) = rest.get(end + 2..end + 2 + size) else { return Ok(None) };
        content.extend_from_slice(chunk);
        let Some(next) = rest.get(end + 4 + size..) else { return Ok(None) };
        rest = next;
    }
}

/// Far more than any answer of an authority takes.
const LARGEST: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str, is_head: bool) -> Response<Bytes> {
        for length in 0..text.len() {
            let early = parse(&text.as_bytes()[..length], is_head, false);
            assert!(early.is_ok(), "{early:?} of {length} bytes of {text:?}");
        }
        parse(text.as_bytes(), is_head, true).unwrap().expect("it is complete")
    }

    #[test]
    fn a_response_ends_with_its_length_its_last_chunk_or_the_connection() {
        let head = "HTTP/1.1 201 Created\r\nReplay-Nonce: abc\r\n";
        for body in [
            "Content-Length: 5\r\n\r\nhello",
            "Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
            "\r\nhello",
        ] {
            let response = parsed(&format!("{head}{body}"), false);
            assert_eq!((response.status().as_u16(), &response.body()[..]), (201, &b"hello"[..]), "{body}");
            assert_eq!(response.headers()["replay-nonce"], "abc");
        }
    }

    #[test]
    fn a_response_to_head_has_no_content() {
        let response = parsed("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true);
        assert!(response.body().is_empty());
    }

    #[test]
    fn what_is_cut_off_or_no_response_is_an_error() {
        for bad in [
            "",
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
            "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
            "HTTP/1.1 2 OK\r\n\r\n",
            "SSH-2.0-OpenSSH\r\n\r\n",
            "HTTP/1.1 200 OK\r\nno field\r\n\r\n",
        ] {
            assert!(parse(bad.as_bytes(), false, true).is_err(), "{bad:?}");
        }
        assert!(parse(&vec![b'x'; LARGEST + 1], false, false).is_err());
    }
}
