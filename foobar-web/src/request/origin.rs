mod claims;
mod fields;
mod forwarded;
mod told;

use std::net::SocketAddr;

pub(crate) use claims::{Claim, Claims};
pub(crate) use fields::{clean, strip};
pub(crate) use told::Origin;

/// Where a request came from, by the claims that a trusted proxy, `peer`, has sent with it.
///
/// Each proxy adds whom it was asked by. So the claims are read from the nearest on, and the client is the first that is no
/// trusted proxy itself: what stands beyond is what a client may have sent. Where one is no address, nothing beyond it is
/// believed either. Where one of `X-Forwarded-For`, `-Proto` and `-Host` is sent, `Forwarded` (RFC 7239) does not count: a
/// proxy that writes the one passes the other on as the client has sent it.
pub(crate) fn find(
    claims: &impl Claims,
    peer: Option<SocketAddr>,
    is_proxy: impl Fn(Option<SocketAddr>) -> bool,
) -> Origin {
    let is_sent = |claim| claims.values(claim).next().is_some();
    let hops = match [Claim::For, Claim::Proto, Claim::Host].into_iter().any(is_sent) {
        true => x_forwarded(claims),
        false => forwarded::hops(claims.values(Claim::Forwarded)),
    };
    nearest_client(hops, peer, &is_proxy)
}

fn nearest_client(
    hops: Vec<Origin>,
    peer: Option<SocketAddr>,
    is_proxy: &impl Fn(Option<SocketAddr>) -> bool,
) -> Origin {
    let mut found = Origin { client: peer, ..Origin::default() };
    for hop in hops {
        let is_last = hop.client.is_none() || !is_proxy(hop.client);
        found = Origin { client: hop.client.or(found.client), ..hop };
        if is_last {
            break;
        }
    }
    found
}

/// What `X-Forwarded-For`, `-Proto` and `-Host` say, from the nearest on. A list of schemes or hosts that has as many items as
/// there are addresses belongs to them one by one; of any other the last counts, which the nearest proxy has written.
fn x_forwarded(claims: &impl Claims) -> Vec<Origin> {
    let [addresses, schemes, hosts] =
        [Claim::For, Claim::Proto, Claim::Host].map(|claim| nearest_first(claims.values(claim)));
    let at = |list: &[&[u8]], hop| if list.len() == addresses.len() { hop } else { 0 };
    let hop = |hop| {
        let (scheme, host) = (schemes.get(at(&schemes, hop)), hosts.get(at(&hosts, hop)));
        Origin::new(addresses.get(hop).copied(), scheme.copied(), host.copied())
    };
    (0..addresses.len().max(1)).map(hop).collect()
}

fn nearest_first<'a>(values: impl Iterator<Item = &'a [u8]>) -> Vec<&'a [u8]> {
    let items = values.flat_map(|value| value.split(|byte| *byte == b','));
    let mut items: Vec<_> = items.map(<[u8]>::trim_ascii).filter(|item| !item.is_empty()).collect();
    items.reverse();
    items
}

#[cfg(test)]
mod tests;
