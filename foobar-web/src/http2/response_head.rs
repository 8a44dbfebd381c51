use foobar_core::RequestId;
use http::header::{
    CONNECTION, CONTENT_LENGTH, DATE, HeaderMap, HeaderName, HeaderValue, SERVER, TE, TRANSFER_ENCODING, UPGRADE,
};
use http::{Response, StatusCode};
use http_body::Body;
use tokio::time::Instant;

use super::outgoing::End;
use crate::pipeline::Logged;
use crate::reply::{self, Pace};
use crate::worker::Worker;

/// The head of a response that is sent now, its body, and how that ends; `None` if there is none.
pub(super) fn prepare(
    response: Response<Logged>,
    is_head: bool,
    worker: &Worker,
    now: Instant,
) -> (Response<()>, Logged, Option<End>) {
    let (mut parts, body) = response.into_parts();
    let headers = &mut parts.headers;
    if body.is_by_handler() {
        worker.pipeline.handler.default_fields().complete(headers);
    }
    if headers.keys().any(|name| OF_A_CONNECTION.contains(name)) {
        OF_A_CONNECTION.iter().for_each(|name| _ = headers.remove(name));
    }
    headers.insert(SERVER, HeaderValue::from_static("foobar"));
    let mut id = HeaderValue::from(body.entry().id());
    id.set_sensitive(true); // it is not sent again: nothing for the table of the header compression
    headers.insert(RequestId::FIELD, id);
    headers.entry(DATE).or_insert_with(|| worker.clock.at(now).date.clone());
    let is_event_stream = reply::is_event_stream(headers);
    let end = end(headers, parts.status, body.size_hint().exact(), is_head);
    let pace = parts.extensions.get::<Pace>().copied();
    (Response::from_parts(parts, ()), body, end.map(|length| End { left: length, pace, is_event_stream }))
}

/// Fields that belong to a connection of HTTP/1 (RFC 9113 §8.2.2).
const OF_A_CONNECTION: [HeaderName; 6] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Says the length of the content, and gives it if it is known; `None` if there is no content to send. A length that is
/// announced beside a body of unknown length, or of none that is sent, has been found to be a number.
fn end(headers: &mut HeaderMap, status: StatusCode, known: Option<u64>, is_head: bool) -> Option<Option<u64>> {
    if status.is_informational() || status == StatusCode::NO_CONTENT {
        headers.remove(CONTENT_LENGTH);
        return None;
    }
    if status == StatusCode::NOT_MODIFIED {
        return None;
    }
    match known {
        Some(length @ 1..) => _ = headers.insert(CONTENT_LENGTH, length.into()),
        Some(0) if !is_head => _ = headers.insert(CONTENT_LENGTH, 0.into()),
        _ => {}
    }
    let announced = || headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok()); // see above
    match known.or_else(announced) {
        _ if is_head => None,
        Some(0) => None,
        length => Some(length),
    }
}
