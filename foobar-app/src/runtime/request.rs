//! From a request of the web tier to one of actix-web. The two stand on different major versions of the crate `http`.

use std::cell::OnceCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use actix_http::error::{HttpError, PayloadError};
use actix_http::header::{HOST, HeaderMap, HeaderName, HeaderValue};
use actix_http::uri::PathAndQuery;
use actix_http::{BoxedPayloadStream, HttpMessage, Method, Payload, RequestHead, Uri, Version};
use bytes::{Bytes, BytesMut};
use foobar_core::{BodyError, BoxError, Request, RequestBody, RequestInfo, Scheme, Upgrade};
use futures_util::Stream;
use http::StatusCode;
use http_body::Body;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::tunnel::Tunnel;
use crate::guard::Failure;

/// What ties a request that actix-web has to the connection it came from.
pub(super) struct Link {
    /// The right to switch protocols.
    pub(super) tunnel: Option<Tunnel>,
    /// How the body of the request failed, once it has.
    pub(super) fault: Option<Rc<OnceCell<Fault>>>,
}

/// How the body of a request failed: what the client is told of it.
pub(super) struct Fault {
    pub(super) status: StatusCode,
    pub(super) detail: String,
}

/// Takes the body out of `request`, and copies its head under `method`.
pub(super) fn to_actix(
    method: &http::Method,
    request: &mut Request,
    info: &RequestInfo,
) -> Result<(actix_http::Request, Link), Failure> {
    let (payload, link) = payload(info.upgrade.clone(), std::mem::take(request.body_mut()));
    let mut converted = actix_http::Request::with_payload(payload);
    fill(converted.head_mut(), method, request, info)
        .map_err(|error| Failure::client(StatusCode::BAD_REQUEST, error.to_string()))?;
    let mut known = converted.extensions_mut();
    known.insert(info.id);
    known.insert(info.hints.clone().unwrap_or_default()); // which sends nothing
    if let Some(abort) = &info.abort {
        known.insert(abort.clone());
    }
    if let Some(certificate) = &info.certificate {
        known.insert(certificate.clone());
    }
    drop(known);
    Ok((converted, link))
}

fn fill(head: &mut RequestHead, method: &http::Method, request: &Request, info: &RequestInfo) -> Result<(), HttpError> {
    head.method = Method::from_bytes(method.as_str().as_bytes())?;
    head.version = version(request.version());
    head.peer_addr = info.connection.and_then(|connection| connection.remote);
    copy_headers(request.headers(), &mut head.headers)?;
    if let Some(authority) = request.uri().authority() {
        // The target's own authority replaces the Host field (RFC 9112 section 3.2.2); HTTP/2 sends no other.
        head.headers.insert(HOST, HeaderValue::from_str(authority.as_str())?);
    }
    head.uri = target(request.uri(), info.scheme(), head.headers.get(HOST))?;
    Ok(())
}

/// All values share one allocation.
fn copy_headers(from: &http::HeaderMap, to: &mut HeaderMap) -> Result<(), HttpError> {
    let mut values = BytesMut::with_capacity(from.values().map(http::HeaderValue::len).sum());
    from.values().for_each(|value| values.extend_from_slice(value.as_bytes()));
    let mut values = values.freeze();
    for (name, value) in from {
        let name = HeaderName::from_bytes(name.as_str().as_bytes())?;
        to.append(name, HeaderValue::from_maybe_shared(values.split_to(value.len()))?);
    }
    Ok(())
}

fn version(version: http::Version) -> Version {
    match version {
        http::Version::HTTP_09 => Version::HTTP_09,
        http::Version::HTTP_10 => Version::HTTP_10,
        http::Version::HTTP_2 => Version::HTTP_2,
        http::Version::HTTP_3 => Version::HTTP_3,
        _ => Version::HTTP_11,
    }
}

/// The target as actix-web wants it. It takes the scheme from here and otherwise supposes `http`, so the target of a
/// request over TLS is made absolute.
fn target(uri: &http::Uri, scheme: Scheme, host: Option<&HeaderValue>) -> Result<Uri, HttpError> {
    let path = path(uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str))?;
    match host {
        Some(host) if (uri.authority().is_some() || scheme == Scheme::Https) && path != "*" => {
            Uri::builder().scheme(scheme.as_str()).authority(host.as_bytes()).path_and_query(path).build()
        }
        _ => Ok(Uri::from(path)),
    }
}

/// The newer `http` takes raw UTF-8 in a path, the older one wants it percent-encoded.
fn path(path: &str) -> Result<PathAndQuery, HttpError> {
    const NEWER_ONLY: &AsciiSet = &CONTROLS.add(b'<').add(b'>').add(b'^').add(b'`').add(b'\\');
    let same = PathAndQuery::from_maybe_shared(Bytes::copy_from_slice(path.as_bytes()));
    same.or_else(|_| PathAndQuery::try_from(utf8_percent_encode(path, NEWER_ONLY).to_string())).map_err(Into::into)
}

fn payload(upgrade: Option<Upgrade>, body: RequestBody) -> (Payload, Link) {
    if let Some(upgrade) = upgrade {
        let (tunnel, payload) = Tunnel::new(upgrade);
        return (payload, Link { tunnel: Some(tunnel), fault: None });
    }
    if body.is_end_stream() {
        return (Payload::None, Link { tunnel: None, fault: None });
    }
    let fault = Rc::default();
    let incoming: BoxedPayloadStream = Box::pin(Incoming { body, fault: Rc::clone(&fault) });
    (Payload::from(incoming), Link { tunnel: None, fault: Some(fault) })
}

/// The body of a request, read from the connection as the handler asks for it.
struct Incoming {
    body: RequestBody,
    fault: Rc<OnceCell<Fault>>,
}

impl Stream for Incoming {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(self.fail(error)))),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => return Poll::Ready(Some(Ok(data))),
                    Err(_trailers) => {}
                },
            }
        }
    }
}

impl Incoming {
    /// The error for the handler. actix-web answers most of them with 400, so the true status is noted.
    fn fail(&self, error: BoxError) -> PayloadError {
        let status = match error.downcast_ref() {
            Some(BodyError::TooLarge { .. }) => StatusCode::PAYLOAD_TOO_LARGE,
            Some(BodyError::TooSlow) => StatusCode::REQUEST_TIMEOUT,
            Some(BodyError::Incomplete(_)) | None => StatusCode::BAD_REQUEST,
        };
        let _first_kept = self.fault.set(Fault { status, detail: error.to_string() });
        match status {
            StatusCode::PAYLOAD_TOO_LARGE => PayloadError::Overflow,
            StatusCode::REQUEST_TIMEOUT => PayloadError::Io(io::Error::new(io::ErrorKind::TimedOut, error)),
            _ => PayloadError::Incomplete(Some(io::Error::other(error))),
        }
    }
}
