//! `HEAD` on routes for `GET` (RFC 9110 section 9.3.2).

use actix_web::HttpResponse;
use actix_web::dev::ServiceResponse;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue};

/// The answer where neither a route nor a page of the application is: a 404 that no handler's own is mistaken for.
pub(super) async fn unrouted() -> HttpResponse {
    let mut response = HttpResponse::NotFound().finish();
    response.extensions_mut().insert(Unrouted);
    response
}

struct Unrouted;

/// Whether no route took the request, though one for `GET` may.
pub(super) fn is_unrouted(answer: &ServiceResponse) -> bool {
    let response = answer.response();
    response.extensions().contains::<Unrouted>() || allow_with_head(response).is_some() || is_default_page(answer)
}

/// The list of methods of actix-web's own 405, with `HEAD` added to `GET`.
pub(super) fn allow_with_head<B>(response: &HttpResponse<B>) -> Option<HeaderValue> {
    let headers = response.headers();
    if response.status().as_u16() != 405 || response.error().is_some() || headers.contains_key(CONTENT_TYPE.as_str()) {
        return None;
    }
    let methods = headers.get(ALLOW.as_str())?.to_str().ok()?; // actix-web writes methods, which are ASCII
    let has = |method| methods.split(',').any(|listed| listed.trim() == method);
    let added = (has("GET") && !has("HEAD")).then(|| HeaderValue::try_from(format!("{methods}, HEAD")));
    added?.ok() // it was a value before
}

/// Whether it is the application's page for what no route matches, at a path that has routes for other methods. Where a
/// route has taken the request, nothing is left of its path.
fn is_default_page(answer: &ServiceResponse) -> bool {
    let request = answer.request();
    matches!(answer.status().as_u16(), 404 | 405)
        && !request.match_info().unprocessed().is_empty()
        && request.resource_map().has_resource(request.path())
}

#[cfg(test)]
mod tests;
