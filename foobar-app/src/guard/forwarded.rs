use foobar_core::{Connection, List, Request};
use http::HeaderName;
use http::header::FORWARDED;

use crate::TrustedProxy;

/// Takes from a request what it says of where it came from, unless a trusted proxy says so: `Forwarded` (RFC 7239) and
/// every `X-Forwarded-` field.
pub(super) fn check(request: &mut Request, trusted: &List<TrustedProxy>) {
    if is_trusted(request, trusted) {
        return;
    }
    let claims: Vec<HeaderName> = request.headers().keys().filter(|name| is_claim(name)).cloned().collect();
    for name in claims {
        request.headers_mut().remove(name);
    }
}

/// A request without a connection came from no proxy.
fn is_trusted(request: &Request, trusted: &List<TrustedProxy>) -> bool {
    let connection = request.extensions().get::<Connection>();
    connection.is_some_and(|connection| trusted.iter().any(|proxy| proxy.is(connection.remote)))
}

fn is_claim(name: &HeaderName) -> bool {
    name == FORWARDED || name.as_str().starts_with("x-forwarded-")
}
