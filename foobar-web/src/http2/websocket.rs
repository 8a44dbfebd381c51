use h2::ext::Protocol;
use http::header::{CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use http::request::Parts;
use http::{Method, Response, StatusCode, Version};

/// What a request for another protocol (RFC 8441) asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestView {
    WebSocket,
    /// Something that nobody here speaks.
    Unknown,
}

/// Takes from a request that it asks for another protocol, if it does.
pub(super) fn asked(request: &mut Parts) -> Option<RequestView> {
    let protocol = request.extensions.remove::<Protocol>()?;
    Some(if protocol.as_str() == "websocket" { RequestView::WebSocket } else { RequestView::Unknown })
}

/// Makes a request look like that of a WebSocket over HTTP/1.1 (RFC 6455 §4.1), which handlers know.
pub(super) fn disguise(request: &mut Parts) {
    request.method = Method::GET;
    request.version = Version::HTTP_11;
    let headers = &mut request.headers;
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(SEC_WEBSOCKET_KEY, HeaderValue::from_static(KEY));
}

/// Turns the answer 101 into what it is over HTTP/2.
pub(super) fn reveal(response: &mut Response<()>) {
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().remove(SEC_WEBSOCKET_ACCEPT);
}

/// Sixteen bytes in base64, as in RFC 6455 §1.3: what a handler makes of them is not sent.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
