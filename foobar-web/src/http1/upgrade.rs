use foobar_core::Upgrade;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::{Method, Version};

use super::connection_option::ConnectionOptions;
use crate::tunnel::{self, Taker};

/// What lets the handler take over the connection by answering 101, and who is to get it, if the request may lead to that.
pub(super) fn offer(request: &Parts, options: ConnectionOptions) -> (Option<Upgrade>, Option<Taker>) {
    (options.upgrade && asks_to_upgrade(request)).then(tunnel::offer).unzip()
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
