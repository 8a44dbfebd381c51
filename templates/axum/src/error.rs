//! What a handler answers when it cannot answer.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use foobar::Chain;

/// Any error, by `?`: 404 for a row that is not there, 503 for a database that is down, 500 for most.
/// The visitor learns the status alone, the log the causes.
pub(crate) struct Error {
    status: StatusCode,
    causes: String,
}

impl<E: std::error::Error + 'static> From<E> for Error {
    fn from(error: E) -> Self {
        let causes = Chain(&error).to_string();
        let status = foobar::Error::from(error).status().as_u16();
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR); // each is one
        Self { status, causes }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        if self.status.is_server_error() {
            tracing::error!("{}", self.causes);
        }
        let words = self.status.canonical_reason().unwrap_or("Error"); // one of its own
        (self.status, words).into_response()
    }
}
