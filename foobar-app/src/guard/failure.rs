use std::time::Duration;

use foobar_core::panics::Panic;
use foobar_core::{Chain, Problem, Request, RequestId, Response};
use http::header::{
    CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_RANGE, ETAG, LAST_MODIFIED,
};
use http::{HeaderMap, HeaderName, StatusCode};

/// Why a request has no answer of the application's own. It becomes a [`Problem`] and, if the fault is not the
/// client's, a line in the log.
#[derive(Debug)]
pub(crate) struct Failure {
    problem: Problem,
    headers: Box<HeaderMap>,
    cause: Option<String>,
}

impl Failure {
    /// The client's fault, with a sentence about it.
    pub(crate) fn client(status: StatusCode, detail: impl Into<String>) -> Self {
        Self::new(Problem::new(status).detail(detail))
    }

    /// The application's fault.
    pub(crate) fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        Self::new(Problem::new(StatusCode::INTERNAL_SERVER_ERROR)).cause(Chain(error).to_string())
    }

    /// The application waits for its database; that has been logged once.
    pub(super) fn not_started() -> Self {
        Self::new(Problem::new(StatusCode::SERVICE_UNAVAILABLE).retry_after(1))
    }

    pub(super) fn timeout(limit: Duration) -> Self {
        let cause = format!("no answer within {limit:?} (`app.request_timeout`)");
        Self::new(Problem::new(StatusCode::GATEWAY_TIMEOUT)).cause(cause)
    }

    pub(super) fn panic(panic: &Panic) -> Self {
        let cause = format!("the handler {panic}");
        Self::new(Problem::new(StatusCode::INTERNAL_SERVER_ERROR)).cause(cause)
    }

    /// A response with an error's status and nothing else.
    pub(super) fn bare(response: Response) -> Self {
        let (parts, _empty) = response.into_parts();
        Self::new(Problem::new(parts.status)).headers(parts.headers).cause("the handler gave no reason")
    }

    pub(crate) fn new(problem: Problem) -> Self {
        Self { problem, headers: Box::default(), cause: None }
    }

    pub(crate) const fn status(&self) -> StatusCode {
        self.problem.status()
    }

    /// What went wrong, for the log. It is only logged where the fault is the server's.
    #[must_use]
    pub(crate) fn cause(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// The headers of the response that it stands for: those that speak of its body are not kept.
    #[must_use]
    pub(crate) fn headers(mut self, headers: HeaderMap) -> Self {
        *self.headers = headers;
        for name in OF_THE_BODY {
            self.headers.remove(name);
        }
        self
    }

    /// What the answer has besides what every problem has.
    pub(crate) const fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.headers
    }

    pub(super) fn into_response(self, request: &Request, id: RequestId) -> Response {
        self.log(request, id);
        let mut response = self.problem.response(request.headers(), id);
        let own = std::mem::replace(response.headers_mut(), *self.headers);
        for name in own.keys() {
            response.headers_mut().remove(name);
        }
        response.headers_mut().extend(own);
        response
    }

    fn log(&self, request: &Request, id: RequestId) {
        let status = self.status();
        if let Some(cause) = self.cause.as_deref().filter(|_| status.is_server_error()) {
            log(request, id, status, cause);
        }
    }
}

/// Logs a failure that is the server's: 500 as an error, 503 and its like as a warning.
pub(crate) fn log(request: &Request, id: RequestId, status: StatusCode, cause: &str) {
    let (method, path, status) = (request.method(), request.uri().path(), status.as_u16());
    if status == 500 {
        tracing::error!(request = %id, %method, path, status, error = cause, "a request failed");
    } else {
        tracing::warn!(request = %id, %method, path, status, error = cause, "a request failed");
    }
}

const OF_THE_BODY: [HeaderName; 7] =
    [CONTENT_LENGTH, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_RANGE, CONTENT_DISPOSITION, ETAG, LAST_MODIFIED];
