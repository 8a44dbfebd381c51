use bytes::Bytes;
use http::header::{CONTENT_LENGTH, COOKIE, HOST, HeaderMap, HeaderValue};
use http::request::Parts;
use http::uri::{PathAndQuery, Uri};
use http::{Method, Request, StatusCode};

use crate::limits::{HeadLimits, Limits};
use crate::pipeline::Refusal;

/// What becomes of a request.
pub(super) enum Taken {
    /// It is answered: it looks as if it had come over HTTP/1.
    Request(Parts),
    /// It is refused with an error; a request stands in its place.
    Refused(Request<()>, Refusal),
    /// Its stream is reset (RFC 9113 §8.1.1).
    Malformed,
}

/// Takes a request whose form h2 has found to be right.
pub(super) fn take(mut parts: Parts, limits: &Limits) -> Taken {
    if parts.headers.get_all(CONTENT_LENGTH).iter().count() > 1 {
        return Taken::Malformed;
    }
    join_cookies(&mut parts.headers);
    if let Some((status, detail)) = beyond(&parts, limits.head) {
        return refused(parts, status, detail);
    }
    name_host(&mut parts);
    Taken::Request(parts)
}

/// Makes one field of the cookies that came in several (RFC 9113 §8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let crumbs: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if crumbs.len() > 1
        && let Ok(cookies) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..]))
    {
        headers.insert(COOKIE, cookies);
    }
}

/// What of the head is beyond its limits, as over HTTP/1.
fn beyond(parts: &Parts, limits: HeadLimits) -> Option<(StatusCode, &'static str)> {
    if request_line(parts).len() > limits.line {
        return Some((StatusCode::URI_TOO_LONG, "The request line is too long."));
    }
    let many = (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "The request has too many header fields.");
    (parts.headers.len() > limits.fields).then_some(many)
}

/// As it would be over HTTP/1.
fn request_line(parts: &Parts) -> String {
    let target = parts.uri.path_and_query().map_or("", PathAndQuery::as_str);
    format!("{} {target} {:?}", parts.method, parts.version)
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
fn name_host(parts: &mut Parts) {
    let Some(authority) = parts.uri.authority() else { return };
    let same = |host: &HeaderValue| host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes());
    let agrees = parts.headers.get_all(HOST).iter().all(same);
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
