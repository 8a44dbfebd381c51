use std::net::SocketAddr;

/// Where a request came from; the web tier puts it into the extensions of each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectInfo {
    /// The address of the client; `None` on a Unix socket.
    pub remote: Option<SocketAddr>,
    /// The address the client connected to; `None` on a Unix socket.
    pub local: Option<SocketAddr>,
    /// How the client speaks to this server.
    pub scheme: Scheme,
}

/// The scheme of a connection (RFC 9110 §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Without TLS.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// `"http"` or `"https"`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}
