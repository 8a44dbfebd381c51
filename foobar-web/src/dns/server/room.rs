use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::net::{AddressSlot, ClientAddresses};

/// How many connections there may be over TCP: so many of one client, and so many in all. The secondaries are not counted among
/// these, so that strangers cannot keep the zone from them.
pub(super) struct Room {
    strangers: Arc<Semaphore>,
    clients: Arc<ClientAddresses>,
}

/// As long as it is there, a connection counts.
pub(super) struct Place {
    _stranger: Option<OwnedSemaphorePermit>,
    _client: AddressSlot,
}

impl Room {
    pub(super) fn new() -> Self {
        Self { strangers: Arc::new(Semaphore::new(MOST_STRANGERS)), clients: Arc::default() }
    }

    /// A place for a connection; `None` where there is none left.
    pub(super) fn admit(&self, client: SocketAddr, is_secondary: bool) -> Option<Place> {
        let slot = self.clients.admit(Some(client), MOST_OF_A_CLIENT)?;
        let stranger = match is_secondary {
            true => None,
            false => Some(Arc::clone(&self.strangers).try_acquire_owned().ok()?), // it is full
        };
        Some(Place { _stranger: stranger, _client: slot })
    }
}

const MOST_STRANGERS: usize = 256;
const MOST_OF_A_CLIENT: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn admit(room: &Room, client: [u8; 4], is_secondary: bool) -> Vec<Place> {
        (0..20).map_while(|port| room.admit((client, port).into(), is_secondary)).collect()
    }

    #[test]
    fn a_secondary_has_room_although_strangers_have_taken_all_of_theirs() {
        let room = Room::new();
        let taken: Vec<_> = (1..=16).map(|last| admit(&room, [127, 0, 0, last], false)).collect();
        assert!(taken.iter().all(|places| places.len() == MOST_OF_A_CLIENT));
        assert_eq!(admit(&room, [127, 0, 1, 1], false).len(), 0);
        assert_eq!(admit(&room, [127, 0, 1, 1], true).len(), MOST_OF_A_CLIENT);
        drop(taken);
        assert_eq!(admit(&room, [127, 0, 1, 1], false).len(), MOST_OF_A_CLIENT);
    }
}
