use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot::{Receiver, Sender, channel};

use crate::net::{AddressSlot, ClientAddresses, client_of};

/// How many connections there may be over TCP: so many of one client, and so many in all. The secondaries are not counted among
/// these, so that strangers cannot keep the zone from them.
///
/// Where it is full, the connection that has been idle the longest makes room for a new one (RFC 7766, section 6.2.3): whoever
/// only holds connections open keeps nobody else out.
pub(super) struct Room {
    taken: Arc<Mutex<Taken>>,
    clients: Arc<ClientAddresses>,
}

/// The connections by their numbers.
#[derive(Default)]
struct Taken {
    next: u64,
    places: BTreeMap<u64, Entry>,
}

struct Entry {
    client: IpAddr,
    is_secondary: bool,
    /// How late it became idle, as a number of the same kind; `None` while a question is answered.
    idle: Option<u64>,
    /// Dropped when another connection takes the place.
    _stay: Sender<()>,
    _slot: AddressSlot,
}

/// As long as it is there, a connection counts.
pub(super) struct Admission {
    number: u64,
    taken: Arc<Mutex<Taken>>,
    leave: Receiver<()>,
}

impl Room {
    pub(super) fn new() -> Self {
        Self { taken: Arc::default(), clients: Arc::default() }
    }

    /// A place for a connection, which is idle at first; `None` where there is none left and no connection is idle.
    pub(super) fn admit(&self, client: SocketAddr, is_secondary: bool) -> Option<Admission> {
        let mut taken = lock(&self.taken);
        let owner = client_of(client.ip());
        let admit = || self.clients.admit(Some(client), MOST_OF_A_CLIENT);
        let slot = match admit() {
            Some(slot) => slot,
            None => {
                taken.evict(|entry| entry.client == owner)?;
                admit()?
            }
        };
        if !is_secondary && taken.strangers() >= MOST_STRANGERS {
            taken.evict(|entry| !entry.is_secondary)?;
        }
        let (stay, leave) = channel();
        let number = taken.number();
        let entry = Entry { client: owner, is_secondary, idle: Some(number), _stay: stay, _slot: slot };
        taken.places.insert(number, entry);
        Some(Admission { number, taken: Arc::clone(&self.taken), leave })
    }
}

impl Taken {
    const fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn strangers(&self) -> usize {
        self.places.values().filter(|entry| !entry.is_secondary).count()
    }

    /// Takes the place of the one of these that has been idle the longest.
    fn evict(&mut self, is_one: impl Fn(&Entry) -> bool) -> Option<()> {
        let idle = self.places.iter().filter(|(_, entry)| is_one(entry));
        let (_, number) = idle.filter_map(|(number, entry)| Some((entry.idle?, *number))).min()?;
        self.places.remove(&number).map(drop)
    }
}

impl Admission {
    /// A question has come; whether its connection still has the place.
    pub(super) fn set_busy(&self) -> bool {
        lock(&self.taken).places.get_mut(&self.number).map(|entry| entry.idle = None).is_some()
    }

    /// The next question may come.
    pub(super) fn set_idle(&self) {
        let mut taken = lock(&self.taken);
        let now = taken.number();
        if let Some(entry) = taken.places.get_mut(&self.number) {
            entry.idle = Some(now);
        }
    }

    /// Completes when another connection has taken the place.
    pub(super) async fn lost(&mut self) {
        drop((&mut self.leave).await); // the other end is dropped
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        lock(&self.taken).places.remove(&self.number);
    }
}

fn lock(taken: &Mutex<Taken>) -> MutexGuard<'_, Taken> {
    taken.lock().unwrap_or_else(PoisonError::into_inner) // it is whole at any time
}

const MOST_STRANGERS: usize = 256;
const MOST_OF_A_CLIENT: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn admit(room: &Room, client: [u8; 4], is_secondary: bool) -> Vec<Admission> {
        (0..MOST_OF_A_CLIENT).map_while(|_| admit_one(room, client, is_secondary)).collect()
    }

    fn admit_one(room: &Room, client: [u8; 4], is_secondary: bool) -> Option<Admission> {
        room.admit((client, 1).into(), is_secondary)
    }

    fn has_lost(place: &mut Admission) -> bool {
        place.leave.try_recv() == Err(tokio::sync::oneshot::error::TryRecvError::Closed)
    }

    /// All places of strangers, by as many clients as it takes; none is idle.
    fn fill(room: &Room) -> Vec<Admission> {
        let clients = (1..=16).map(|last| admit(room, [127, 0, 0, last], false));
        let taken: Vec<_> = clients.flatten().collect();
        assert_eq!(taken.len(), MOST_STRANGERS);
        assert!(taken.iter().all(Admission::set_busy));
        taken
    }

    #[test]
    fn a_secondary_has_room_although_strangers_have_taken_all_of_theirs() {
        let room = Room::new();
        let taken = fill(&room);
        assert_eq!(admit(&room, [127, 0, 1, 1], false).len(), 0);
        assert_eq!(admit(&room, [127, 0, 1, 1], true).len(), MOST_OF_A_CLIENT);
        drop(taken);
        assert_eq!(admit(&room, [127, 0, 1, 1], false).len(), MOST_OF_A_CLIENT);
    }

    #[test]
    fn the_connection_that_has_been_idle_the_longest_makes_room_for_a_new_one() {
        let room = Room::new();
        let mut taken = fill(&room);
        for at in [9, 3, 7] {
            taken[at].set_idle();
        }
        let mut new: Vec<_> = (1..=3).map(|last| admit_one(&room, [127, 0, 1, last], false).unwrap()).collect();
        let lost: Vec<_> = (0..taken.len()).filter(|at| has_lost(&mut taken[*at])).collect();
        assert_eq!(lost, [3, 7, 9]);
        assert!(!taken[9].set_busy() && taken[0].set_busy());
        assert!(new.iter_mut().all(|place| !has_lost(place)));
    }

    #[test]
    fn a_client_that_has_all_its_places_loses_an_idle_one_of_its_own() {
        let room = Room::new();
        let mut others = admit(&room, [127, 0, 0, 1], false);
        let mut own = admit(&room, [127, 0, 0, 2], false);
        assert!(own[1..].iter().all(Admission::set_busy));
        let last = admit_one(&room, [127, 0, 0, 2], false).unwrap();
        assert!(has_lost(&mut own[0]) && others.iter_mut().all(|place| !has_lost(place)));
        assert!(last.set_busy() && admit_one(&room, [127, 0, 0, 2], false).is_none());
    }

    #[test]
    fn addresses_of_one_network_of_ipv6_are_one_client() {
        let room = Room::new();
        let admit = |address: &str| room.admit(SocketAddr::new(address.parse().unwrap(), 1), false);
        let mut own: Vec<_> = (0..MOST_OF_A_CLIENT).map_while(|_| admit("2001:db8::1")).collect();
        assert_eq!(own.len(), MOST_OF_A_CLIENT);
        let last = admit("2001:db8::2").unwrap();
        assert!(has_lost(&mut own[0]) && last.set_busy());
    }

    #[test]
    fn strangers_do_not_take_the_places_of_secondaries() {
        let room = Room::new();
        let mut secondary = admit(&room, [127, 0, 1, 1], true);
        let taken = fill(&room);
        assert!(admit_one(&room, [127, 0, 1, 2], false).is_none() && !has_lost(&mut secondary[0]));
        drop(taken);
        assert!(lock(&room.taken).places.len() == secondary.len());
    }
}
