use std::net::SocketAddr;
use std::sync::Arc;

use foobar_core::{List, TrustedProxy};

use super::ClientAddresses;
use super::client_addresses::AddressSlot;

/// Who may speak for others, and how much each client may have at a time.
pub(crate) struct Clients {
    proxies: List<TrustedProxy>,
    /// How many connections each address may have; 0 is no bound.
    most: usize,
    addresses: Arc<ClientAddresses>,
}

impl Clients {
    /// With `most` connections for each address; 0 is no bound.
    pub(crate) fn new(proxies: List<TrustedProxy>, most: usize) -> Self {
        Self { proxies, most, addresses: Arc::default() }
    }

    /// The same under other settings: what each address has at the moment goes on to count.
    pub(crate) fn with(&self, proxies: List<TrustedProxy>, most: usize) -> Self {
        Self { proxies, most, addresses: Arc::clone(&self.addresses) }
    }

    /// How many connections each address may have; `None` is any number.
    pub(crate) fn most(&self) -> Option<usize> {
        (self.most > 0).then_some(self.most)
    }

    /// Whether a trusted proxy is there; `None` is a Unix socket.
    pub(crate) fn is_proxy(&self, remote: Option<SocketAddr>) -> bool {
        self.proxies.iter().any(|proxy| proxy.is(remote))
    }

    /// A place for a connection, or for a request that a trusted proxy has sent for its client; `None` if the client has
    /// too many. A proxy itself always has one.
    pub(crate) fn admit(&self, client: Option<SocketAddr>) -> Option<AddressSlot> {
        match self.most() {
            Some(most) if !self.is_proxy(client) => self.addresses.admit(client, most),
            _ => Some(AddressSlot::default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_bound_there_is_always_a_place_and_a_new_bound_counts_what_the_one_before_has_counted() {
        let remote = Some(SocketAddr::from(([192, 0, 2, 1], 1)));
        let proxies = || List::from_iter([]);
        let unbounded = Clients::new(proxies(), 0);
        assert!([unbounded.admit(remote), unbounded.admit(remote)].iter().all(Option::is_some));
        let two = Clients::new(proxies(), 2);
        let place = two.admit(remote);
        let one = two.with(proxies(), 1);
        assert!(place.is_some() && one.admit(remote).is_none());
        drop(place);
        assert!(one.admit(remote).is_some());
    }
}
