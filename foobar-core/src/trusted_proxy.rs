use std::net::{IpAddr, SocketAddr};

/// A proxy whose word on the client, the host and the scheme is believed: an address (`127.0.0.1`, `::1`), a network
/// (`10.0.0.0/8`, RFC 4632) or `unix`, whoever connects over a Unix socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct TrustedProxy(Peers);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Peers {
    Unix,
    Network { address: IpAddr, prefix: u32 },
}

impl TrustedProxy {
    /// Whether a connection from `remote` is this proxy's; `None` is a Unix socket.
    pub fn is(self, remote: Option<SocketAddr>) -> bool {
        match (self.0, remote.map(|remote| remote.ip().to_canonical())) {
            (Peers::Unix, None) => true,
            (Peers::Network { address, prefix }, Some(ip)) => {
                address.is_ipv4() == ip.is_ipv4() && (bits(address) ^ bits(ip)).leading_zeros() >= prefix
            }
            _ => false,
        }
    }
}

impl TryFrom<String> for TrustedProxy {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let peers = if text == "unix" { Some(Peers::Unix) } else { network(&text) };
        peers.map(Self).ok_or_else(|| {
            format!(
                "{text:?} is not a proxy; write an address (\"127.0.0.1\", \"::1\"), a network with no bits set behind \
                 its prefix (\"10.0.0.0/8\"), or \"unix\""
            )
        })
    }
}

fn network(text: &str) -> Option<Peers> {
    let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
    let address: IpAddr = address.parse().ok()?; // the caller says what is accepted
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let prefix = prefix.map_or(Some(longest), |prefix| (0..=longest).find(|bits| bits.to_string() == prefix))?;
    // A peer never has an IPv4 address in the form of IPv6: it would match nothing.
    let can_match = address.to_canonical() == address && bits(address).trailing_zeros() >= 128 - prefix;
    can_match.then_some(Peers::Network { address, prefix })
}

/// The address with its first bit as the highest of 128.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(text: &str) -> Result<TrustedProxy, String> {
        TrustedProxy::try_from(text.to_owned())
    }

    fn is(text: &str, ip: &str) -> bool {
        let ip = ip.parse().expect("it is an address");
        proxy(text).expect("it is a proxy").is(Some(SocketAddr::new(ip, 1)))
    }

    #[test]
    fn an_address_is_itself_alone() {
        assert!(is("127.0.0.1", "127.0.0.1"));
        assert!(!is("127.0.0.1", "127.0.0.2"));
        assert!(is("::1", "::1"));
        assert!(!is("::1", "::2"));
    }

    #[test]
    fn a_network_holds_what_shares_its_prefix() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"),
            ("192.0.2.128/25", "192.0.2.255", "192.0.2.127"),
            ("192.0.2.6/31", "192.0.2.7", "192.0.2.8"),
            ("192.0.2.6/32", "192.0.2.6", "192.0.2.7"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("2001:db8::2/127", "2001:db8::3", "2001:db8::4"),
            ("2001:db8::2/128", "2001:db8::2", "2001:db8::3"),
            ("128.0.0.0/1", "255.0.0.1", "127.0.0.1"),
        ] {
            assert!(is(network, inside), "{inside} is in {network}");
            assert!(!is(network, outside), "{outside} is not in {network}");
        }
    }

    #[test]
    fn a_network_holds_no_address_of_the_other_family() {
        assert!(is("0.0.0.0/0", "203.0.113.9") && is("::/0", "2001:db8::1"));
        assert!(!is("0.0.0.0/0", "::") && !is("::/0", "0.0.0.0"));
    }

    #[test]
    fn an_ipv4_client_of_a_socket_for_both_families_is_an_ipv4_address() {
        assert!(is("10.0.0.0/8", "::ffff:10.1.2.3"));
        assert!(!is("::/0", "::ffff:10.1.2.3"));
    }

    #[test]
    fn unix_is_every_unix_socket_and_nothing_else() {
        assert!(proxy("unix").expect("it is a proxy").is(None));
        assert!(!is("unix", "127.0.0.1"));
        assert!(!proxy("0.0.0.0/0").expect("it is a proxy").is(None));
    }

    #[test]
    fn what_is_no_proxy_is_refused_with_what_is_accepted() {
        for bad in [
            "",
            "localhost",
            "Unix",
            "10.0.0.1/8",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "10.0.0.0/08",
            "10.0.0.0/8/8",
            "10.0.0/8",
            "::/129",
            "2001:db8::1/64",
            "::ffff:10.0.0.1",
            "::ffff:0.0.0.0/96",
            "127.0.0.1:80",
            " 127.0.0.1",
        ] {
            let error = proxy(bad).expect_err(bad);
            assert!(error.starts_with(&format!("{bad:?}")) && error.contains("\"10.0.0.0/8\""), "{error}");
        }
    }
}
