use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::SetOnce;

use super::entry::{Entry, Key};
use super::pool::Pool;

/// The looks that are under way on the file-reading pool: who asks for the same meanwhile waits for the same.
#[derive(Default)]
pub(super) struct Flights(Mutex<HashMap<Key, Arc<Flight>>>);

type Flight = SetOnce<Result<Arc<Entry>, Arc<io::Error>>>;

impl Flights {
    /// What `look` finds, or the look for this key that is under way.
    pub(super) async fn join(
        self: &Arc<Self>,
        key: Key,
        pool: &Pool,
        look: impl FnOnce() -> io::Result<Arc<Entry>> + Send + 'static,
    ) -> io::Result<Arc<Entry>> {
        let flight = self.board(key, pool, look);
        flight.wait().await.clone().map_err(|error| io::Error::new(error.kind(), error))
    }

    fn board(
        self: &Arc<Self>,
        key: Key,
        pool: &Pool,
        look: impl FnOnce() -> io::Result<Arc<Entry>> + Send + 'static,
    ) -> Arc<Flight> {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(key) {
            Slot::Occupied(slot) => Arc::clone(slot.get()),
            Slot::Vacant(slot) => {
                let pilot = Pilot { flights: Arc::clone(self), key: slot.key().clone(), flight: Arc::default() };
                let flight = Arc::clone(slot.insert(Arc::clone(&pilot.flight)));
                pool.spawn(move || pilot.land(look()));
                flight
            }
        }
    }
}

/// Ends a flight, however it ends.
struct Pilot {
    flights: Arc<Flights>,
    key: Key,
    flight: Arc<Flight>,
}

impl Pilot {
    fn land(&self, found: io::Result<Arc<Entry>>) {
        self.flights.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
        _ = self.flight.set(found.map_err(Arc::new)); // it is set here alone, and then by `drop` in vain
    }
}

impl Drop for Pilot {
    /// The look panicked, or the pool has ended.
    fn drop(&mut self) {
        if !self.flight.initialized() {
            self.land(Err(io::Error::other("the look for a file was broken off")));
        }
    }
}
