use std::net::{IpAddr, SocketAddr};

use foobar_core::Scheme;

use crate::request::Host;

/// Where a request came from, as a proxy says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The client's address; its port is 0 where nobody says it.
    pub(crate) client: Option<SocketAddr>,
    pub(crate) scheme: Option<Scheme>,
    /// The host that the client asked for, with its port if it named one.
    pub(crate) host: Option<String>,
}

impl Origin {
    /// By the texts of an address, a scheme and a host; what is none is not there.
    pub(super) fn new(client: Option<&[u8]>, scheme: Option<&[u8]>, host: Option<&[u8]>) -> Self {
        Self {
            client: client.and_then(parse_address),
            scheme: scheme.and_then(parse_scheme),
            host: host.and_then(parse_host),
        }
    }
}

/// An address with or without a port; `None` where it is none, such as `unknown`.
fn parse_address(text: &[u8]) -> Option<SocketAddr> {
    let text = str::from_utf8(text).ok()?; // no text, no address
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text); // IPv6 has brackets
    let address = bare.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 0)).or_else(|_| text.parse());
    // What is no address is not believed.
    address.ok().map(|address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port()))
}

/// Some proxies name that of a WebSocket.
fn parse_scheme(text: &[u8]) -> Option<Scheme> {
    let is = |names: [&str; 2]| names.iter().any(|name| text.eq_ignore_ascii_case(name.as_bytes()));
    match text {
        _ if is(["https", "wss"]) => Some(Scheme::Https),
        _ if is(["http", "ws"]) => Some(Scheme::Http),
        _ => None,
    }
}

fn parse_host(text: &[u8]) -> Option<String> {
    let text = str::from_utf8(text).ok()?; // no text, no host
    Host::parse(text).ok().map(|_| text.to_owned()) // what is no host is not believed
}
