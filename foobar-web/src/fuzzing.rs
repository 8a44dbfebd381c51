//! What the fuzz targets in `fuzz/` call. It exists only under `cfg(fuzzing)`, which `tests/fuzz` and cargo-fuzz set.

mod application;
mod client;
mod files;
mod http1_server;
mod tls_server;

use crate::request::{Host, NormalPath};

pub use http1_server::Http1Server;
pub use tls_server::{ClientHello, TlsServer};

pub use crate::http1::fuzzing::{Head, HeadIndex, HeadReader};
pub use crate::http2::fuzzing::FrameMeter;
pub use crate::issuer::fuzzing::acme_response;
pub use crate::net::fuzzing::{Certificate, ProxyHeader, certificate, next_update, proxy_header};
pub use crate::static_files::fuzzing::{Validators, content_coding, ranges};

#[cfg(feature = "dns")]
pub use crate::dns::fuzzing::dns_answer;

/// What a client of HTTP/2 begins with.
pub const PREFACE: &[u8] = crate::http2::PREFACE;

/// The decoded path of a request, and the same encoded; `None` if it is refused.
pub fn path(raw: &[u8]) -> Option<(Vec<u8>, String)> {
    NormalPath::parse(raw).ok().map(|path| (path.as_bytes().to_owned(), path.encoded())) // there is one reason
}

/// Whether a path, as it was sent, has segments that lead elsewhere.
pub fn has_dot_segments(raw: &[u8]) -> bool {
    NormalPath::has_dot_segments(raw)
}

/// The name and the port of a host; `None` if it is refused.
pub fn host(text: &str) -> Option<(String, Option<String>)> {
    let host = Host::parse(text).ok()?; // there is one reason
    Some((host.name.into_owned(), host.port.map(str::to_owned)))
}
