use std::net::SocketAddr;

use super::proxy_protocol::{Header, Source, parse};
use super::tls::{Facts, name_text};

/// A header of the PROXY protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProxyHeader {
    /// Its bytes.
    pub length: usize,
    /// Who connected, and where to; `None` if it names nobody.
    pub client: Option<(SocketAddr, SocketAddr)>,
}

/// The header at the beginning of `bytes`; `None` if more has to come, and an error says why it is none.
pub fn proxy_header(bytes: &[u8]) -> Result<Option<ProxyHeader>, &'static str> {
    let client = |source| match source {
        Source::Peer => None,
        Source::Client { remote, local } => Some((remote, local)),
    };
    let header = parse(bytes).map_err(|reason| reason.0)?;
    Ok(header.map(|Header { length, source }| ProxyHeader { length, client: client(source) }))
}

/// What is read of a certificate.
#[derive(Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Seconds since 1970.
    pub not_before: i64,
    /// The same for its end.
    pub not_after: i64,
    /// The DNS names that it is for.
    pub names: Vec<String>,
    /// For whom it was issued, as text; `None` if that is no name.
    pub subject: Option<String>,
}

/// Reads a certificate in DER; `None` if it is none.
pub fn certificate(bytes: &[u8]) -> Option<Certificate> {
    let Facts { not_before, not_after, names, subject, .. } = Facts::of(bytes)?;
    Some(Certificate { not_before, not_after, names, subject: name_text(subject) })
}

/// When a list of revoked certificates in DER is followed by the next, in seconds since 1970.
pub fn next_update(list: &[u8]) -> Option<i64> {
    super::tls::next_update(list)
}
