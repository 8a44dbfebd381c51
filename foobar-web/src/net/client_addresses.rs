use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many connections each client has open, over all workers.
///
/// A client is an IPv4 address or an IPv6 network of 64 bits, which is the least that one customer is given.
#[derive(Default)]
pub(crate) struct ClientAddresses {
    open: Mutex<HashMap<IpAddr, usize>>,
}

/// The place of one connection or request, until it is dropped; by default that of one which is not counted.
#[derive(Default)]
pub(crate) struct AddressSlot(Option<(Arc<ClientAddresses>, IpAddr)>);

impl ClientAddresses {
    /// A place for a connection; `None` if its client has `most` already. Who comes through a Unix socket has no address.
    pub(crate) fn admit(self: &Arc<Self>, remote: Option<SocketAddr>, most: usize) -> Option<AddressSlot> {
        let Some(remote) = remote else { return Some(AddressSlot(None)) };
        let client = client_of(remote.ip());
        let mut open = self.open();
        let connections = open.entry(client).or_default();
        if *connections >= most {
            return None;
        }
        *connections += 1;
        Some(AddressSlot(Some((Arc::clone(self), client))))
    }

    fn open(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AddressSlot {
    fn drop(&mut self) {
        let Some((addresses, client)) = &self.0 else { return };
        let mut open = addresses.open();
        if let Some(connections) = open.get_mut(client) {
            *connections -= 1;
            if *connections == 0 {
                open.remove(client);
            }
        }
    }
}

/// Whom an address belongs to.
pub(crate) fn client_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & NETWORK).into(),
        address => address,
    }
}

/// The bits of an address that name a network of 64 bits.
const NETWORK: u128 = u128::MAX << 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_so_many_places_and_gets_them_back() {
        let addresses = Arc::<ClientAddresses>::default();
        let admit = |address: &str| addresses.admit(Some(SocketAddr::new(address.parse().expect("an address"), 1)), 2);
        let places = [admit("192.0.2.1"), admit("::ffff:192.0.2.1")];
        assert!(places.iter().all(Option::is_some) && admit("192.0.2.1").is_none());
        assert!(admit("192.0.2.2").is_some());
        drop(places);
        assert!(admit("192.0.2.1").is_some());
        assert!(addresses.open().is_empty());
    }

    #[test]
    fn a_network_of_64_bits_is_one_client() {
        let addresses = Arc::<ClientAddresses>::default();
        let admit = |address: &str| addresses.admit(Some(SocketAddr::new(address.parse().expect("an address"), 1)), 1);
        let place = admit("2001:db8::1");
        assert!(place.is_some() && admit("2001:db8::ffff:2").is_none() && admit("2001:db8:0:1::1").is_some());
    }

    #[test]
    fn who_has_no_address_always_has_a_place() {
        let addresses = Arc::<ClientAddresses>::default();
        assert!([addresses.admit(None, 1), addresses.admit(None, 1)].iter().all(Option::is_some));
    }
}
