//! Programs to start, and a client that speaks raw HTTP/1.1.

mod client;
mod connection;
mod descriptors;
mod exposition;
mod footprint;
mod gateway;
pub(crate) mod guide;
pub(crate) mod http2;
pub(crate) mod load;
mod other_clock;
mod program;
mod random;
mod small_disk;
mod trace;
mod wire;

pub(crate) use client::{Answer, Client};
pub(crate) use connection::{Address, Connection, Ended, Response};
pub(crate) use descriptors::allow_many_descriptors;
pub(crate) use exposition::{Exposition, Sample};
pub(crate) use footprint::Footprint;
pub(crate) use gateway::Gateway;
pub(crate) use other_clock::{at_clock, at_clock_of};
pub(crate) use program::Program;
pub(crate) use random::{Random, number_of, seed};
pub(crate) use small_disk::{on_a_small_disk, on_a_small_disk_as};
pub(crate) use trace::{Call, Trace};
pub(crate) use wire::Wire;

use std::time::{Duration, Instant, SystemTime};

/// Ends a test that hangs; nothing else depends on it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Asks again and again until the answer is there. What it waits for tells no other way that it has happened.
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(started.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        std::thread::yield_now();
    }
}

/// The time by the clock that the system stamps files with: the programs that are tested have it, whatever this one's
/// own has been set to.
pub(crate) fn time_of_files() -> SystemTime {
    tempfile::tempfile().unwrap().metadata().unwrap().modified().unwrap()
}
