use std::sync::Arc;

use bytes::Bytes;
use foobar_core::panics::{self, Panic};
use foobar_core::{BoxError, Handler, LocalBoxFuture, Problem, RequestBody, RequestId, RequestInfo, Response};
use http::request::Parts;
use http::{Request, StatusCode};
use http_body::Body;

use super::accel;
use crate::request::{BodyOutcome, LimitedBody};

/// A request that the application has.
pub(super) struct HandedOver<'a> {
    response: Result<LocalBoxFuture<'a, Response>, Panic>,
    may_switch: bool,
    /// What becomes of its body, and the limit of that.
    body: Option<(Arc<BodyOutcome>, u64)>,
}

impl<'a> HandedOver<'a> {
    /// Gives the request to the handler; of `request` remains what an error needs, or a file in its place.
    pub(super) fn new<B>(
        handler: &'a dyn Handler,
        request: &mut Parts,
        body: B,
        limit: u64,
        info: &'a RequestInfo,
    ) -> Self
    where
        B: Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static,
    {
        let parts = std::mem::replace(request, Request::new(()).into_parts().0);
        request.method = parts.method.clone();
        request.uri = parts.uri.clone();
        request.headers = accel::remember(&parts.headers);
        let (content, body) = limited(body, limit);
        let response = panics::catch(|| handler.handle_with(Request::from_parts(parts, content), info));
        Self { response, may_switch: info.upgrade.is_some(), body }
    }

    /// The handler's response, unless the body did not come whole; `request` is what remained of the request.
    pub(super) async fn response(self, request: &Parts, id: RequestId) -> Result<Response, Problem> {
        let response = match self.response {
            Ok(response) => panics::catch_future(response).await,
            Err(panic) => Err(panic),
        };
        let response = checked(response, self.may_switch).map_err(|fault| {
            tracing::error!(request = %id, path = request.uri.path(), "the application's handler {fault}");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR)
        });
        match self.body.and_then(|(outcome, limit)| Some((outcome.failure()?, limit))) {
            None => response,
            Some((StatusCode::PAYLOAD_TOO_LARGE, limit)) => Err(too_large(limit)),
            Some((status, _)) => {
                Err(Problem::new(status).detail("The body of the request did not arrive whole and in time."))
            }
        }
    }
}

fn limited<B>(body: B, limit: u64) -> (RequestBody, Option<(Arc<BodyOutcome>, u64)>)
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static,
{
    if body.is_end_stream() {
        return (RequestBody::empty(), None);
    }
    let (body, outcome) = LimitedBody::new(body, limit);
    (RequestBody::stream(body), Some((outcome, limit)))
}

/// The response, or what the handler did in its place.
fn checked(response: Result<Response, Panic>, may_switch: bool) -> Result<Response, String> {
    match response {
        Ok(response) if !response.status().is_informational() => Ok(response),
        Ok(response) if response.status() == StatusCode::SWITCHING_PROTOCOLS && may_switch => Ok(response),
        Ok(_) => Err("answered 1xx to a request that may not be upgraded".to_owned()),
        Err(panic) => Err(panic.to_string()),
    }
}

pub(super) fn too_large(limit: u64) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE).detail(format!("The request body is larger than {limit} bytes."))
}
