use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::{Method, Version};

use super::connection_option::ConnectionOptions;
use crate::tunnel::{self, Taker};

/// Lets the handler take over the connection by answering 101, if the request may lead to that; gives who is to get it.
pub(super) fn offer(request: &mut Parts, options: ConnectionOptions) -> Option<Taker> {
    (options.upgrade && asks_to_upgrade(request)).then(|| tunnel::offer(&mut request.extensions))
}

/// Whether a request asks to switch protocols in full form: with anything less, a proxy in front may see another
/// request where this server sees a tunnel.
fn asks_to_upgrade(request: &Parts) -> bool {
    let headers = &request.headers;
    request.method == Method::GET
        && request.version == Version::HTTP_11
        && headers.contains_key(UPGRADE)
        && !headers.contains_key(CONTENT_LENGTH)
        && !headers.contains_key(TRANSFER_ENCODING)
}
