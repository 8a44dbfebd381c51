use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::hash::Hash;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::SetOnce;

/// The work that is under way on the file-reading pool: who asks for the same meanwhile waits for the same.
pub(crate) struct SingleFlight<K, T>(Mutex<HashMap<K, Arc<Flight<T>>>>);

type Flight<T> = SetOnce<Result<T, Arc<io::Error>>>;

impl<K: Clone + Eq + Hash, T: Clone> SingleFlight<K, T> {
    /// What `begin` has its leader complete with, at once or later, or the flight for this key that is under way.
    pub(crate) async fn join(self: &Arc<Self>, key: K, begin: impl FnOnce(Leader<K, T>)) -> io::Result<T> {
        let flight = self.join_flight(key, begin);
        flight.wait().await.clone().map_err(|error| io::Error::new(error.kind(), error))
    }

    fn join_flight(self: &Arc<Self>, key: K, begin: impl FnOnce(Leader<K, T>)) -> Arc<Flight<T>> {
        let pilot = match self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(key) {
            Slot::Occupied(slot) => return Arc::clone(slot.get()),
            Slot::Vacant(slot) => {
                let pilot = Leader { flights: Arc::clone(self), key: slot.key().clone(), flight: Arc::default() };
                slot.insert(Arc::clone(&pilot.flight));
                pilot
            }
        };
        let flight = Arc::clone(&pilot.flight);
        begin(pilot);
        flight
    }
}

impl<K, T> Default for SingleFlight<K, T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

/// Ends a flight, however it ends.
pub(crate) struct Leader<K: Eq + Hash, T> {
    flights: Arc<SingleFlight<K, T>>,
    key: K,
    flight: Arc<Flight<T>>,
}

impl<K: Eq + Hash, T> Leader<K, T> {
    /// Gives the result to all who wait.
    pub(crate) fn complete(&self, result: io::Result<T>) {
        self.flights.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
        _ = self.flight.set(result.map_err(Arc::new)); // it is set here alone, and then by `drop` in vain
    }
}

impl<K: Eq + Hash, T> Drop for Leader<K, T> {
    /// The work panicked, or the pool has ended.
    fn drop(&mut self) {
        if !self.flight.initialized() {
            self.complete(Err(io::Error::other("work on a file was broken off")));
        }
    }
}
