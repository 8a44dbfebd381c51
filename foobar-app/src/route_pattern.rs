use actix_web::{HttpMessage, HttpRequest};
use foobar_core::RoutePattern;

/// The pattern by which the handler of a request was found.
pub(crate) fn of(request: &HttpRequest) -> Option<RoutePattern> {
    let known = request.extensions().get::<RoutePattern>().cloned();
    known.or_else(|| request.match_pattern().map(RoutePattern::new))
}

/// The same, and whoever asks again need not look for it among all routes.
pub(crate) fn remembered(request: &HttpRequest) -> Option<RoutePattern> {
    let pattern = of(request)?;
    request.extensions_mut().insert(pattern.clone());
    Some(pattern)
}
