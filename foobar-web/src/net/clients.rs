use std::net::SocketAddr;
use std::sync::Arc;

use foobar_core::{List, TrustedProxy};

use super::ClientAddresses;
use super::client_addresses::AddressSlot;

/// Who may speak for others, and how much each client may have at a time.
pub(crate) struct Clients {
    proxies: List<TrustedProxy>,
    addresses: Arc<ClientAddresses>,
}

impl Clients {
    /// With `most` connections for each address; 0 is no bound.
    pub(crate) fn new(proxies: List<TrustedProxy>, most: usize) -> Self {
        Self { proxies, addresses: Arc::new(ClientAddresses::new(most)) }
    }

    /// How many connections each address may have; `None` is any number.
    pub(crate) fn most(&self) -> Option<usize> {
        self.addresses.most()
    }

    /// Whether a trusted proxy is there; `None` is a Unix socket.
    pub(crate) fn is_proxy(&self, remote: Option<SocketAddr>) -> bool {
        self.proxies.iter().any(|proxy| proxy.is(remote))
    }

    /// A place for a connection, or for a request that a trusted proxy has sent for its client; `None` if the client has
    /// too many. A proxy itself always has one.
    pub(crate) fn admit(&self, client: Option<SocketAddr>) -> Option<AddressSlot> {
        if self.is_proxy(client) { Some(AddressSlot::default()) } else { self.addresses.admit(client) }
    }
}
