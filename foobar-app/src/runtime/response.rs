//! From a response of actix-web to one of the web tier.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_http::ConnectionType;
use actix_http::body::{BodySize, BoxBody, MessageBody};
use actix_web::HttpResponse;
use bytes::Bytes;
use foobar_core::{BoxError, Chain, Problem, Request, RequestId, Response, ResponseBody};
use http::header::{ALLOW, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::{HeaderMap, Method, StatusCode};
use http_body::{Body, Frame, SizeHint};

use super::head::allow_with_head;
use super::request::Link;
use crate::error::words;
use crate::guard::{Counters, Failure, log};
use crate::streamed::Streamed;

/// The response without its body, and the body; or what to render in its place, if it is an error that actix-web
/// would have rendered as plain text.
pub(super) fn from_actix(
    response: HttpResponse,
    link: &Link,
    request: &Request,
    id: RequestId,
) -> Result<(Response, BoxBody), Failure> {
    let (response, body) = response.into_parts();
    let status = StatusCode::from_u16(response.status().as_u16()).expect("both crates know the same status codes");
    let mut headers = headers(&response)?;
    if let Some(length) = announced_length(&response, body.size(), request.method()) {
        headers.insert(CONTENT_LENGTH, length.into());
    }
    if status == StatusCode::SWITCHING_PROTOCOLS && link.tunnel.is_none() {
        return Err(Failure::client(StatusCode::BAD_REQUEST, "this request cannot switch protocols"));
    }
    let error = response.error().filter(|_| status.is_client_error() || status.is_server_error()).map(origin);
    let body = match error {
        None => body,
        Some(error) => match unless_default(&response, body, error) {
            None => return Err(failure(status, error, link).headers(headers)),
            Some(body) => {
                if status.is_server_error() {
                    log(request, id, status, &chain(error));
                }
                body
            }
        },
    };
    let mut converted = Response::new(ResponseBody::empty());
    *converted.status_mut() = status;
    *converted.headers_mut() = headers;
    Ok((converted, body))
}

/// The body of a response: at once if it is at hand.
pub(super) fn stream(body: BoxBody, id: RequestId, counters: &Arc<Counters>) -> ResponseBody {
    match body.try_into_bytes() {
        Ok(bytes) => ResponseBody::full(bytes),
        Err(body) => ResponseBody::stream(Streamed::new(ActixBody(body), id, Arc::clone(counters))),
    }
}

/// All but those that frame the message on its connection: they are the web tier's, from the size of the body.
fn headers<B>(response: &HttpResponse<B>) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::with_capacity(response.headers().len() + 1);
    for (name, value) in response.headers() {
        let name = HeaderName::from_bytes(name.as_ref()).map_err(|error| Failure::internal(&error))?;
        if name == CONTENT_LENGTH || name == TRANSFER_ENCODING {
            continue;
        }
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|error| Failure::internal(&error))?;
        headers.append(name, value);
    }
    if let Some(allow) = allow_with_head(response) {
        headers.insert(ALLOW, allow);
    }
    let connection = match response.head().connection_type() {
        ConnectionType::KeepAlive => return Ok(headers),
        ConnectionType::Close => "close",
        ConnectionType::Upgrade => "upgrade",
    };
    headers.insert(CONNECTION, HeaderValue::from_static(connection));
    Ok(headers)
}

/// The length that only the handler knows: of a stream, where it has told actix-web not to send chunks, and of content
/// that is not sent, in an answer to `HEAD` and a 304 (RFC 9110 section 8.6).
fn announced_length<B>(response: &HttpResponse<B>, size: BodySize, method: &Method) -> Option<u64> {
    let is_only_known_here = match (response.status().as_u16(), size) {
        (100..200 | 204, _) | (_, BodySize::Sized(1..)) => false,
        (_, BodySize::Stream) => !response.head().chunked(),
        (status, BodySize::None | BodySize::Sized(0)) => method == Method::HEAD || status == 304,
    };
    let mut announced = response.headers().get_all(CONTENT_LENGTH.as_str()).filter(|_| is_only_known_here);
    match (announced.next(), announced.next()) {
        (Some(length), None) => length.to_str().ok()?.parse().ok(), // what is no number announces nothing
        _ => None,
    }
}

/// The error that answers: one that a handler passed on as [`crate::Error`] does so itself.
fn origin(error: &actix_web::Error) -> &actix_web::Error {
    error.as_error().and_then(crate::Error::as_actix).map_or(error, origin)
}

/// The body, unless it is what an error makes by default: its text, or nothing. Text that the client must not see is
/// not compared, because a middleware may have compressed it.
fn unless_default(response: &HttpResponse<()>, body: BoxBody, error: &actix_web::Error) -> Option<BoxBody> {
    let is_text = response.headers().get(CONTENT_TYPE.as_str()).is_none_or(|kind| kind.as_bytes().starts_with(TEXT));
    if is_text && (response.status().is_server_error() || error.as_error::<crate::Error>().is_some()) {
        return None;
    }
    match body.try_into_bytes() {
        Ok(bytes) if bytes.is_empty() || bytes == error.to_string() => None,
        Ok(bytes) => Some(BoxBody::new(bytes)),
        Err(stream) => Some(stream),
    }
}

const TEXT: &[u8] = b"text/plain";

fn failure(status: StatusCode, error: &actix_web::Error, link: &Link) -> Failure {
    if let Some(fault) = link.fault.as_ref().and_then(|fault| fault.get()) {
        return Failure::client(fault.status, &fault.detail);
    }
    tracing::debug!(error = chain(error), "a handler gave an error for its answer");
    let problem = Problem::new(status);
    let problem = match detail(status, error) {
        Some(detail) => problem.detail(detail),
        None => problem,
    };
    let members = error.as_error::<crate::Error>().into_iter().flat_map(crate::Error::members);
    let problem = problem.members(members);
    Failure::new(problem).cause(chain(error))
}

/// What the client may know of an error: what was written for it, or the text of an error that is its own, unless it is
/// that of a deserializer.
fn detail(status: StatusCode, error: &actix_web::Error) -> Option<String> {
    match error.as_error::<crate::Error>() {
        Some(error) => error.detail().map(str::to_owned),
        None => {
            let text = words(error).map_or_else(|| error.to_string(), str::to_owned);
            Some(text).filter(|detail| status.is_client_error() && !detail.is_empty())
        }
    }
}

/// The error with its causes. An error that only actix-web knows hides them; its `Debug` shows what there is.
fn chain(error: &actix_web::Error) -> String {
    match error.as_error::<crate::Error>() {
        Some(error) => match error.cause() {
            Some(cause) => Chain(cause).after(&error.to_string()),
            None => error.to_string(),
        },
        None => format!("{error} ({error:?})"),
    }
}

/// A body of actix-web as one of the web tier.
struct ActixBody(BoxBody);

impl Body for ActixBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.0.as_pin_mut().poll_next(cx).map(|polled| {
            let chunk = polled?.map(Frame::data);
            Some(chunk.map_err(|error| Chain(&*error).to_string().into())) // it may not leave its thread, its text may
        })
    }

    fn size_hint(&self) -> SizeHint {
        match self.0.size() {
            BodySize::None => SizeHint::with_exact(0),
            BodySize::Sized(bytes) => SizeHint::with_exact(bytes),
            BodySize::Stream => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests;
