use std::fmt::Display;
use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Record, RequestLine};

/// nginx's `combined`: `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent
/// "$http_referer" "$http_user_agent"`; the time is UTC, the user is not looked at.
pub(super) fn combined(out: &mut Vec<u8>, record: &Record, time: &Time) {
    remote(out, record);
    put(out, format_args!(" - - [{}] \"", time.common));
    request(out, record, escape);
    put(out, format_args!("\" {} {} \"", record.status.as_str(), record.sent));
    value(out, record.referer.as_ref(), escape);
    out.extend_from_slice(b"\" \"");
    value(out, record.agent.as_ref(), escape);
    out.extend_from_slice(b"\"\n");
}

/// One JSON object; `duration` in seconds from the first byte of the request, absent fields are `"-"`.
pub(super) fn json(out: &mut Vec<u8>, record: &Record, time: &Time) {
    let duration = record.since.elapsed();
    put(out, format_args!("{{\"time\":\"{}\",\"request_id\":\"{}\",\"remote\":\"", time.iso, record.id));
    remote(out, record);
    out.extend_from_slice(b"\",\"host\":\"");
    value(out, record.host.as_ref(), escape_json);
    out.extend_from_slice(b"\",\"request\":\"");
    request(out, record, escape_json);
    let (seconds, micros) = (duration.as_secs(), duration.subsec_micros());
    let (status, sent) = (record.status.as_str(), record.sent);
    put(out, format_args!("\",\"status\":{status},\"bytes\":{sent},\"duration\":{seconds}.{micros:06},\"referer\":\""));
    value(out, record.referer.as_ref(), escape_json);
    out.extend_from_slice(b"\",\"user_agent\":\"");
    value(out, record.agent.as_ref(), escape_json);
    out.extend_from_slice(b"\"}\n");
}

/// The time of a line in both formats; made anew once a second.
#[derive(Default)]
pub(crate) struct Clock {
    second: u64,
    time: Time,
}

/// One moment, written out.
#[derive(Default)]
pub(crate) struct Time {
    common: String,
    iso: String,
}

impl Clock {
    pub(super) fn now(&mut self) -> &Time {
        let second = UNIX_EPOCH.elapsed().unwrap_or_default().as_secs(); // a clock before 1970 stays at 1970
        if second != self.second || self.time.common.is_empty() {
            *self = Self { second, time: Time::at(UNIX_EPOCH + Duration::from_secs(second)) };
        }
        &self.time
    }
}

impl Time {
    fn at(time: SystemTime) -> Self {
        let date = httpdate::fmt_http_date(time); // Fri, 20 Nov 2026 05:41:00 GMT
        let (day, month, year, clock) = (&date[5..7], &date[8..11], &date[12..16], &date[17..25]);
        let number = MONTHS.iter().position(|name| *name == month).unwrap_or_default() + 1; // it is one of them
        Self {
            common: format!("{day}/{month}/{year}:{clock} +0000"),
            iso: format!("{year}-{number:02}-{day}T{clock}Z"),
        }
    }
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

type Escape = fn(&mut Vec<u8>, &[u8]);

fn remote(out: &mut Vec<u8>, record: &Record) {
    match record.remote {
        Some(address) => put(out, address),
        None => out.extend_from_slice(b"unix:"),
    }
}

fn request(out: &mut Vec<u8>, record: &Record, escape: Escape) {
    match &record.line {
        RequestLine::Raw(line) => value(out, Some(line), escape),
        RequestLine::Parsed(method, uri, version) => {
            escape(out, method.as_str().as_bytes());
            out.push(b' ');
            match (uri.authority(), uri.path_and_query()) {
                (None, Some(path)) => escape(out, path.as_str().as_bytes()),
                _ => escape(out, uri.to_string().as_bytes()),
            }
            put(out, format_args!(" {version:?}"));
        }
    }
}

fn value<V: AsRef<[u8]>>(out: &mut Vec<u8>, value: Option<&V>, escape: Escape) {
    match value.map(AsRef::as_ref) {
        Some(value) if !value.is_empty() => escape(out, value),
        _ => out.push(b'-'),
    }
}

/// As nginx does: `\xHH` for quotes, backslashes and all that is not printable ASCII.
fn escape(out: &mut Vec<u8>, text: &[u8]) {
    for byte in text {
        match byte {
            b'"' | b'\\' | ..b' ' | 0x7f.. => put(out, format_args!("\\x{byte:02X}")),
            byte => out.push(*byte),
        }
    }
}

/// Always JSON: a byte that is not printable ASCII is written as the character of its number.
fn escape_json(out: &mut Vec<u8>, text: &[u8]) {
    for byte in text {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            ..b' ' | 0x7f.. => put(out, format_args!("\\u{byte:04x}")),
            byte => out.push(*byte),
        }
    }
}

fn put(out: &mut Vec<u8>, text: impl Display) {
    write!(out, "{text}").expect("writing to a Vec cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access_log::AccessLog;
    use crate::counters::Counters;
    use bytes::Bytes;
    use foobar_core::RequestId;
    use http::{HeaderValue, Request, StatusCode};
    use std::rc::Rc;
    use std::sync::Arc;
    use tokio::time::Instant;

    fn record() -> Record {
        let log = AccessLog::new(crate::LogFormat::Combined, None, Arc::<Counters>::default());
        let agent = HeaderValue::from_bytes(b"a\t\"\\\xe9").expect("it is a field value");
        let request =
            Request::builder().method("GET").uri("/a%20\"b?c=d").header("user-agent", agent).header("host", "a");
        let (parts, ()) = request.body(()).expect("the request is well-formed").into_parts();
        let remote = Some([192, 0, 2, 1].into());
        let mut record = Record::new(&Rc::new(log), &parts, remote, RequestId::generate(), Instant::now(), None);
        record.answered(StatusCode::NOT_FOUND);
        record.sent(12);
        record
    }

    fn time() -> Time {
        Time::at(UNIX_EPOCH + Duration::from_secs(1_795_153_260))
    }

    #[test]
    fn a_combined_line_is_nginx_s_with_everything_escaped() {
        let mut out = Vec::new();
        combined(&mut out, &record(), &time());
        let line = String::from_utf8(out).expect("a line is ASCII");
        assert_eq!(
            line,
            "192.0.2.1 - - [20/Nov/2026:05:41:00 +0000] \"GET /a%20\\x22b?c=d HTTP/1.1\" 404 12 \"-\" \
             \"a\\x09\\x22\\x5C\\xE9\"\n"
        );
    }

    #[test]
    fn a_raw_request_line_is_escaped_too() {
        let mut record = record();
        record.raw(Bytes::from_static(b"\x16\x03\n\x1b[2J"));
        let mut out = Vec::new();
        combined(&mut out, &record, &time());
        assert!(String::from_utf8(out).expect("a line is ASCII").contains("\"\\x16\\x03\\x0A\\x1B[2J\" 404"));
    }

    #[test]
    fn a_json_line_is_json() {
        let record = record();
        let mut out = Vec::new();
        json(&mut out, &record, &time());
        let line = String::from_utf8(out).expect("a line is ASCII");
        let start = format!(
            "{{\"time\":\"2026-11-20T05:41:00Z\",\"request_id\":\"{}\",\"remote\":\"192.0.2.1\",\"host\":\"a\",",
            record.id
        );
        assert!(line.starts_with(&start), "{line}");
        assert!(
            line.contains("\"request\":\"GET /a%20\\\"b?c=d HTTP/1.1\",\"status\":404,\"bytes\":12,\"duration\":0."),
            "{line}"
        );
        assert!(line.ends_with("\"referer\":\"-\",\"user_agent\":\"a\\u0009\\\"\\\\\\u00e9\"}\n"), "{line}");
    }
}
