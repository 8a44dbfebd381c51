use foobar_core::{Response, ResponseBody};
use http::StatusCode;
use http::header::{HeaderName, HeaderValue};

/// An answer without a body, with one header field.
pub(crate) fn with_field(status: StatusCode, name: HeaderName, value: HeaderValue) -> Response {
    let mut response = Response::new(ResponseBody::empty());
    *response.status_mut() = status;
    response.headers_mut().insert(name, value);
    response
}

/// Whether answers of this status have no content, nor a length of one.
pub(crate) const fn has_no_content(status: StatusCode) -> bool {
    matches!(status.as_u16(), 204 | 205 | 304)
}
