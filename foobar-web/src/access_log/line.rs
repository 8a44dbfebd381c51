use std::io::Write;
use std::time::Duration;

use foobar_core::RequestId;
use http::{Method, StatusCode, Uri, Version};
use tokio::time::Instant;

use super::hidden::HiddenParameters;
use crate::clock::Second;

/// What the log says of one request, borrowed from wherever it is.
pub(crate) struct Line<'a> {
    /// The client's address; `None` on a Unix socket.
    pub(crate) remote: Option<&'a str>,
    pub(crate) request: RequestLine<'a>,
    pub(crate) host: Option<&'a [u8]>,
    pub(crate) referer: Option<&'a [u8]>,
    pub(crate) agent: Option<&'a [u8]>,
    pub(crate) id: RequestId,
    pub(crate) status: StatusCode,
    /// The bytes of the answer's content that were sent.
    pub(crate) sent: u64,
    /// From the first byte of the request.
    pub(crate) duration: Duration,
}

/// The request line, as it was understood or as it came.
pub(crate) enum RequestLine<'a> {
    Parsed(&'a Method, &'a Uri, Version),
    Raw(&'a [u8]),
}

impl Line<'_> {
    /// nginx's `combined`: `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent
    /// "$http_referer" "$http_user_agent"`; the time is UTC, the user is not looked at. With its id, `"$request_id"` follows.
    pub(super) fn combined(&self, out: &mut Vec<u8>, time: &Second, with_id: bool, hidden: &HiddenParameters) {
        put(out, &[self.remote(), b" - - [", time.common.as_bytes(), b"] \""]);
        self.request.put(out, escape, hidden);
        put(
            out,
            &[b"\" ", self.status.as_str().as_bytes(), b" ", itoa::Buffer::new().format(self.sent).as_bytes(), b" \""],
        );
        url(out, self.referer, escape, hidden);
        out.extend_from_slice(b"\" \"");
        value(out, self.agent, escape);
        if with_id {
            put(out, &[b"\" \"", self.id.as_bytes()]);
        }
        out.extend_from_slice(b"\"\n");
    }

    /// One JSON object; `duration` in seconds, absent fields are `"-"`.
    pub(super) fn json(&self, out: &mut Vec<u8>, time: &Second, now: Instant, hidden: &HiddenParameters) {
        put(out, &[b"{\"time\":\"", time.iso.as_bytes()]);
        write!(out, ".{:03}Z", time.milliseconds(now)).expect("writing to a Vec cannot fail");
        put(out, &[b"\",\"request_id\":\"", self.id.as_bytes()]);
        put(out, &[b"\",\"remote\":\"", self.remote(), b"\",\"host\":\""]);
        value(out, self.host, escape_json);
        out.extend_from_slice(b"\",\"request\":\"");
        self.request.put(out, escape_json, hidden);
        put(
            out,
            &[
                b"\",\"status\":",
                self.status.as_str().as_bytes(),
                b",\"bytes\":",
                itoa::Buffer::new().format(self.sent).as_bytes(),
            ],
        );
        let (seconds, micros) = (self.duration.as_secs(), self.duration.subsec_micros());
        write!(out, ",\"duration\":{seconds}.{micros:06},\"referer\":\"").expect("writing to a Vec cannot fail");
        url(out, self.referer, escape_json, hidden);
        out.extend_from_slice(b"\",\"user_agent\":\"");
        value(out, self.agent, escape_json);
        out.extend_from_slice(b"\"}\n");
    }

    fn remote(&self) -> &[u8] {
        self.remote.unwrap_or("unix:").as_bytes() // as nginx writes it
    }
}

impl RequestLine<'_> {
    fn put(&self, out: &mut Vec<u8>, escape: Escape, hidden: &HiddenParameters) {
        match *self {
            RequestLine::Raw(line) => url(out, Some(line), escape, hidden),
            RequestLine::Parsed(method, uri, version) => {
                escape(out, method.as_str().as_bytes());
                out.push(b' ');
                match (uri.authority(), uri.path_and_query()) {
                    (None, Some(path)) => hidden.put(out, path.as_str().as_bytes(), escape),
                    _ => hidden.put(out, uri.to_string().as_bytes(), escape),
                }
                write!(out, " {version:?}").expect("writing to a Vec cannot fail");
            }
        }
    }
}

type Escape = fn(&mut Vec<u8>, &[u8]);

fn value(out: &mut Vec<u8>, value: Option<&[u8]>, escape: Escape) {
    match value {
        Some(value) if !value.is_empty() => escape(out, value),
        _ => out.push(b'-'),
    }
}

/// The same of what may have a query.
fn url(out: &mut Vec<u8>, text: Option<&[u8]>, escape: Escape, hidden: &HiddenParameters) {
    match text {
        Some(text) if !text.is_empty() => hidden.put(out, text, escape),
        _ => out.push(b'-'),
    }
}

/// As nginx does: `\xHH` for quotes, backslashes and all that is not printable ASCII.
fn escape(out: &mut Vec<u8>, text: &[u8]) {
    by_runs(out, text, is_escaped, |out, byte| put(out, &[b"\\x", &hex(byte, b"0123456789ABCDEF")]));
}

/// Always JSON, in UTF-8: a control character, and a byte that is none of UTF-8, is written as the character of its number.
fn escape_json(out: &mut Vec<u8>, text: &[u8]) {
    let code = |out: &mut Vec<u8>, byte| put(out, &[b"\\u00", &hex(byte, b"0123456789abcdef")]);
    for chunk in text.utf8_chunks() {
        let escaped = |byte| is_escaped(byte) && byte < 0x80;
        by_runs(out, chunk.valid().as_bytes(), escaped, |out, byte| match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            byte => code(out, byte),
        });
        chunk.invalid().iter().for_each(|byte| code(out, *byte));
    }
}

/// Copies what may stand as it is in one piece where it can, and hands the rest to `escape`.
fn by_runs(out: &mut Vec<u8>, text: &[u8], is_escaped: impl Fn(u8) -> bool, escape: impl Fn(&mut Vec<u8>, u8)) {
    // Without an early end, so that the compiler compares many bytes at a time.
    if !text.iter().fold(false, |any, byte| any | is_escaped(*byte)) {
        return out.extend_from_slice(text);
    }
    for run in text.split_inclusive(|byte| is_escaped(*byte)) {
        match run.split_last() {
            Some((last, clean)) if is_escaped(*last) => {
                out.extend_from_slice(clean);
                escape(out, *last);
            }
            _ => out.extend_from_slice(run),
        }
    }
}

const fn is_escaped(byte: u8) -> bool {
    (byte < b' ') | (byte >= 0x7f) | (byte == b'"') | (byte == b'\\')
}

fn hex(byte: u8, digits: &[u8; 16]) -> [u8; 2] {
    [digits[usize::from(byte >> 4)], digits[usize::from(byte & 15)]]
}

fn put(out: &mut Vec<u8>, parts: &[&[u8]]) {
    parts.iter().for_each(|part| out.extend_from_slice(part));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    fn line<'a>(request: RequestLine<'a>) -> Line<'a> {
        Line {
            remote: Some("192.0.2.1"),
            request,
            host: Some(b"a"),
            referer: None,
            agent: Some(b"a\t\"\\\xe9"),
            id: RequestId::generate(),
            status: StatusCode::NOT_FOUND,
            sent: 12,
            duration: Duration::from_micros(1_000_020),
        }
    }

    fn combined(request: RequestLine<'_>) -> String {
        let time = Second::new(UNIX_EPOCH + Duration::from_secs(1_795_153_260), Instant::now());
        let mut out = Vec::new();
        line(request).combined(&mut out, &time, false, &HiddenParameters::default());
        String::from_utf8(out).expect("a line is ASCII")
    }

    #[test]
    fn a_combined_line_is_nginx_s_with_everything_escaped() {
        assert_eq!(
            combined(RequestLine::Parsed(&Method::GET, &Uri::from_static("/a%20\"b?c=d"), Version::HTTP_11)),
            "192.0.2.1 - - [20/Nov/2026:05:41:00 +0000] \"GET /a%20\\x22b?c=d HTTP/1.1\" 404 12 \"-\" \
             \"a\\x09\\x22\\x5C\\xE9\"\n"
        );
    }

    #[test]
    fn a_raw_request_line_is_escaped_too() {
        let line = combined(RequestLine::Raw(b"\x16\x03\n\x1b[2J"));
        assert!(line.contains("\"\\x16\\x03\\x0A\\x1B[2J\" 404"), "{line}");
    }

    #[test]
    fn a_combined_line_may_end_with_the_request_id() {
        let time = Second::new(UNIX_EPOCH, Instant::now());
        let (mut out, line) = (Vec::new(), line(RequestLine::Raw(b"x")));
        line.combined(&mut out, &time, true, &HiddenParameters::default());
        let text = String::from_utf8(out).expect("a line is ASCII");
        assert!(text.ends_with(&format!("\\xE9\" \"{}\"\n", line.id)), "{text}");
    }

    #[test]
    fn a_json_line_is_json() {
        let end = Instant::now() + Duration::from_secs(60 * 60);
        let time = Second::new(UNIX_EPOCH + Duration::from_secs(1_795_153_260), end);
        let uri = Uri::from_static("/a%20\"b?c=d");
        let line = Line {
            host: Some("bücher".as_bytes()),
            ..line(RequestLine::Parsed(&Method::GET, &uri, Version::HTTP_11))
        };
        let mut out = Vec::new();
        line.json(&mut out, &time, end - Duration::from_millis(993), &HiddenParameters::default());
        assert_eq!(
            String::from_utf8(out).expect("a line is UTF-8"),
            format!(
                "{{\"time\":\"2026-11-20T05:41:00.007Z\",\"request_id\":\"{}\",\"remote\":\"192.0.2.1\",\"host\":\"bücher\",\
                 \"request\":\"GET /a%20\\\"b?c=d HTTP/1.1\",\"status\":404,\"bytes\":12,\"duration\":1.000020,\
                 \"referer\":\"-\",\"user_agent\":\"a\\u0009\\\"\\\\\\u00e9\"}}\n",
                line.id
            )
        );
    }
}
