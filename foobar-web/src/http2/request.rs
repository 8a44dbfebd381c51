use bytes::Bytes;
use http::header::{CONTENT_LENGTH, COOKIE, HOST, HeaderMap, HeaderValue};
use http::request::Parts;
use http::uri::{PathAndQuery, Uri};
use http::{Method, Request, StatusCode};

use super::websocket::{self, RequestView};
use crate::limits::HeadLimits;
use crate::pipeline::Refusal;
use crate::request::target;

/// What becomes of a request.
pub(super) enum Taken {
    /// It is answered: it looks as if it had come over HTTP/1.
    Request(Parts),
    /// It asks for a WebSocket, and looks like an upgrade over HTTP/1.
    WebSocket(Parts),
    /// It is refused with an error; a request stands in its place.
    Refused(Request<()>, Refusal),
    /// Its stream is reset (RFC 9113 §8.1.1).
    Malformed,
}

/// Takes a request whose form h2 has found to be right.
pub(super) fn take(mut parts: Parts, limits: HeadLimits) -> Taken {
    let counts = Counts::of(&parts.headers);
    if counts.lengths > 1 || !has_path(&parts) || parts.uri.scheme_str() == Some("") {
        return Taken::Malformed;
    }
    if counts.cookies > 1 {
        join_cookies(&mut parts.headers);
    }
    let asked = websocket::asked(&mut parts);
    let checked = check_size(&parts, &counts, limits).and_then(|()| encode_target(&mut parts));
    match (checked, asked) {
        (Err((status, detail)), _) => return refused(parts, status, detail),
        (Ok(()), Some(RequestView::Unknown)) => return refused(parts, StatusCode::NOT_IMPLEMENTED, UNKNOWN_PROTOCOL),
        (Ok(()), Some(RequestView::WebSocket)) => websocket::disguise(&mut parts),
        (Ok(()), None) => {}
    }
    name_host(&mut parts, &counts);
    if asked.is_some() { Taken::WebSocket(parts) } else { Taken::Request(parts) }
}

const UNKNOWN_PROTOCOL: &str = "The only protocol that follows CONNECT is `websocket`.";

/// Why a request is refused: the status, and a sentence for the client.
type Refused = (StatusCode, &'static str);

/// How many there are of the fields that are looked at here.
#[derive(Default)]
struct Counts {
    lengths: usize,
    cookies: usize,
    hosts: usize,
}

impl Counts {
    fn of(headers: &HeaderMap) -> Self {
        let mut counts = Self::default();
        for (name, _) in headers {
            match *name {
                CONTENT_LENGTH => counts.lengths += 1,
                COOKIE => counts.cookies += 1,
                HOST => counts.hosts += 1,
                _ => {}
            }
        }
        counts
    }
}

/// Whether the target has the form that its method has (RFC 9113 §8.3.1).
fn has_path(parts: &Parts) -> bool {
    match target(parts) {
        "*" => parts.method == Method::OPTIONS,
        path => path.starts_with('/') || parts.method == Method::CONNECT,
    }
}

/// Makes one field of the cookies that came in several (RFC 9113 §8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let crumbs: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if let Ok(cookies) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..])) {
        headers.insert(COOKIE, cookies);
    }
}

/// The limits of a head, as over HTTP/1.
fn check_size(parts: &Parts, counts: &Counts, limits: HeadLimits) -> Result<(), Refused> {
    if parts.method.as_str().len() + target(parts).len() + "  HTTP/2.0".len() > limits.line {
        return Err((StatusCode::URI_TOO_LONG, "The request line is too long."));
    }
    let is_host_to_come = parts.uri.authority().is_some() && counts.hosts == 0;
    if parts.headers.len() + usize::from(is_host_to_come) > limits.fields {
        return Err((StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "The request has too many header fields."));
    }
    Ok(())
}

/// Encodes a target that somebody did not encode, as over HTTP/1.
fn encode_target(parts: &mut Parts) -> Result<(), Refused> {
    let raw = target(parts);
    let is_target = |text: &str| target::is_target(parts.method.as_str().as_bytes(), text.as_bytes());
    if parts.method == Method::CONNECT || is_target(raw) {
        return Ok(());
    }
    let encoded = target::encoded(raw.as_bytes()).filter(|encoded| is_target(encoded));
    let encoded = encoded.and_then(|encoded| PathAndQuery::try_from(encoded).ok()); // what is none is refused
    let mut uri = parts.uri.clone().into_parts();
    uri.path_and_query = Some(encoded.ok_or(MALFORMED)?);
    parts.uri = Uri::from_parts(uri).map_err(|_| MALFORMED)?; // there is one reason
    Ok(())
}

const MALFORMED: Refused = (StatusCode::BAD_REQUEST, "The request line is malformed.");

/// The path and the query; nothing for CONNECT.
fn target(parts: &Parts) -> &str {
    parts.uri.path_and_query().map_or("", PathAndQuery::as_str)
}

/// As it would be over HTTP/1.
fn request_line(parts: &Parts) -> String {
    format!("{} {} {:?}", parts.method, target(parts), parts.version)
}

fn refused(parts: Parts, status: StatusCode, detail: &'static str) -> Taken {
    let line = Bytes::from(request_line(&parts));
    let mut request = Request::new(());
    if parts.method == Method::HEAD {
        *request.method_mut() = Method::HEAD;
    }
    Taken::Refused(request, Refusal { status, detail, line, fields: parts.headers })
}

/// Says in `Host` whom the request is for, as whoever answers it looks there. Where `:authority` and `Host` differ there
/// are two of them, which is refused as it is over HTTP/1.
fn name_host(parts: &mut Parts, counts: &Counts) {
    let Some(authority) = parts.uri.authority() else { return };
    let same = |host: &HeaderValue| host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes());
    let agrees = match counts.hosts {
        0 => true,
        1 => parts.headers.get(HOST).is_some_and(same),
        _ => false,
    };
    if let Ok(host) = HeaderValue::try_from(authority.as_str()) {
        match agrees {
            true => _ = parts.headers.insert(HOST, host),
            false => _ = parts.headers.append(HOST, host),
        }
    }
    if parts.method != Method::CONNECT {
        let path = parts.uri.path_and_query().cloned();
        parts.uri = Uri::from(path.unwrap_or_else(|| PathAndQuery::from_static("/"))); // h2 has seen to it
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: HeadLimits = HeadLimits { line: 60, fields: 3, bytes: 1000 };

    fn request(method: &str, uri: &str, fields: &[(&str, &str)]) -> Parts {
        let request = Request::builder().method(method).uri(uri).version(http::Version::HTTP_2);
        let request = fields.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        request.body(()).expect("the request is well-formed").into_parts().0
    }

    /// The target and the fields of a request that is answered, the status of one that is refused, nothing of others.
    fn taken(method: &str, uri: &str, fields: &[(&str, &str)]) -> (String, u16) {
        match take(request(method, uri, fields), LIMITS) {
            Taken::Request(parts) | Taken::WebSocket(parts) => {
                let fields = parts.headers.iter().map(|(name, value)| format!(" {name}={}", value.to_str().unwrap()));
                (parts.uri.to_string() + &fields.collect::<String>(), 200)
            }
            Taken::Refused(_, refusal) => (String::from_utf8(refusal.line.to_vec()).unwrap(), refusal.status.as_u16()),
            Taken::Malformed => (String::new(), 0),
        }
    }

    #[test]
    fn a_request_looks_as_if_it_had_come_over_http1() {
        for (uri, fields, seen) in [
            ("https://a.test:8/x?y", &[][..], "/x?y host=a.test:8"),
            ("https://a.test/x", &[("host", "A.test")], "/x host=a.test"),
            ("https://a.test/x", &[("host", "b.test")], "/x host=b.test host=a.test"), // which is refused
            ("/x", &[("host", "b.test")], "/x host=b.test"),
            ("https://a.test/x", &[("cookie", "a=1"), ("cookie", "b=2")], "/x cookie=a=1; b=2 host=a.test"),
            ("/\u{e4}?\u{e4}", &[("host", "a.test")], "/%C3%A4?%C3%A4 host=a.test"),
        ] {
            assert_eq!(taken("GET", uri, fields), (seen.to_owned(), 200), "{uri}");
        }
        assert_eq!(taken("OPTIONS", "*", &[]).1, 200);
        assert_eq!(taken("CONNECT", "a.test:80", &[]), ("a.test:80 host=a.test:80".to_owned(), 200));
    }

    #[test]
    fn a_request_beyond_the_limits_is_refused_with_its_line() {
        let long = format!("/{}", "a".repeat(60));
        assert_eq!(taken("GET", &long, &[]), (format!("GET {long} HTTP/2.0"), 414));
        let many = [("a", "1"), ("b", "1"), ("c", "1"), ("d", "1")];
        assert_eq!(taken("GET", "/x", &many), ("GET /x HTTP/2.0".to_owned(), 431));
        assert_eq!(
            taken("GET", "https://a.test/x", &many[1..]),
            ("GET /x HTTP/2.0".to_owned(), 431),
            "`Host` is one more"
        );
        let crumbs = [("cookie", "a=1"), ("cookie", "a=1"), ("cookie", "a=1"), ("cookie", "a=1")];
        assert_eq!(taken("GET", "/x", &crumbs).1, 200, "they are one field");
    }

    #[test]
    fn what_h2_lets_through_and_is_malformed_has_no_answer() {
        assert_eq!(taken("GET", "*", &[]).1, 0);
        assert_eq!(taken("POST", "/", &[("content-length", "1"), ("content-length", "1")]).1, 0);
    }
}
