use bytes::Bytes;
use http::StatusCode;
use http::header::HeaderMap;

/// A request whose head was not let through.
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    /// A sentence for the client.
    pub(crate) detail: &'static str,
    /// The request line as it came, for the log.
    pub(crate) line: Bytes,
    /// What the client accepts and where the request came from, as far as that can be made out.
    pub(crate) fields: HeaderMap,
}
