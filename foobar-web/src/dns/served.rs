use std::sync::{Arc, Mutex, PoisonError, RwLock};

use foobar_core::Chain;
use tokio::sync::watch;

use super::counters::Counters;
use super::serial::SerialFile;
use super::zone::Zone;
use crate::Error;

/// The zone as it is served now, and who changes it.
pub(super) struct Served {
    zone: RwLock<Arc<Zone>>,
    /// Held by whoever changes it. Where nobody else has the zone, its serial is not kept.
    serial: Mutex<Option<SerialFile>>,
    /// The serial of the zone.
    changes: watch::Sender<u32>,
    pub(super) counters: Counters,
}

impl Served {
    pub(super) fn new(zone: Zone, serial: Option<SerialFile>) -> Self {
        let changes = watch::Sender::new(zone.serial());
        Self { zone: RwLock::new(Arc::new(zone)), serial: Mutex::new(serial), changes, counters: Counters::default() }
    }

    pub(super) fn zone(&self) -> Arc<Zone> {
        Arc::clone(&self.zone.read().unwrap_or_else(PoisonError::into_inner)) // it is whole at any time
    }

    /// Tells of each new serial.
    pub(super) fn changes(&self) -> watch::Receiver<u32> {
        self.changes.subscribe()
    }

    /// Gives the zone a serial that follows those of earlier processes.
    pub(super) fn advance(&self) -> Result<(), Error> {
        let serial = self.serial.lock().unwrap_or_else(PoisonError::into_inner); // the same
        if let Some(serial) = &*serial {
            self.serve(serial.advance((*self.zone()).clone())?);
        }
        Ok(())
    }

    /// Serves another zone made of this one, with the next serial, unless it is the same.
    pub(super) fn change(&self, make: impl FnOnce(&Zone) -> Result<Zone, String>) -> Result<(), String> {
        let serial = self.serial.lock().unwrap_or_else(PoisonError::into_inner); // the same
        let before = self.zone();
        let after = make(&before)?;
        if after.records().eq(before.records()) {
            return Ok(());
        }
        let after = after.following(&before);
        if let Some(Err(error)) = serial.as_ref().map(|serial| serial.keep(&after)) {
            tracing::warn!(error = %Chain(&error), "the serial of the zone is not kept: after a restart secondary name servers may miss a change");
        }
        self.serve(after);
        Ok(())
    }

    fn serve(&self, zone: Zone) {
        let serial = zone.serial();
        *self.zone.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(zone); // the same
        self.changes.send_replace(serial);
    }
}
