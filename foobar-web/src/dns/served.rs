use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use foobar_core::Chain;
use tokio::sync::watch;

use super::counters::Counters;
use super::serial::{SerialFile, is_after};
use super::zone::Zone;
use crate::Error;

/// The zone as it is served now, and who changes it.
pub(super) struct Served {
    zone: RwLock<Arc<Zone>>,
    writer: Mutex<Writer>,
    /// The serial of the zone.
    changes: watch::Sender<u32>,
    pub(super) counters: Counters,
}

/// Held by whoever changes the zone.
struct Writer {
    /// Where nobody else has the zone, its serial is not kept.
    serial: Option<SerialFile>,
    /// The records that authorities look for, by name and value: they stay when the configuration changes.
    texts: Vec<(String, String)>,
}

impl Served {
    pub(super) fn new(zone: Zone, serial: Option<SerialFile>) -> Self {
        let changes = watch::Sender::new(zone.serial());
        let writer = Mutex::new(Writer { serial, texts: Vec::new() });
        Self { zone: RwLock::new(Arc::new(zone)), writer, changes, counters: Counters::default() }
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
        let writer = self.writer();
        if let Some(serial) = &writer.serial {
            self.serve(serial.advance((*self.zone()).clone())?);
        }
        Ok(())
    }

    /// Adds a record TXT, with the next serial, unless it is there.
    pub(super) fn set_text(&self, name: &str, value: &str) -> Result<(), String> {
        let mut writer = self.writer();
        self.change(&writer, |zone| zone.with_text(name, value))?;
        let text = (name.to_owned(), value.to_owned());
        if !writer.texts.contains(&text) {
            writer.texts.push(text);
        }
        Ok(())
    }

    /// Takes it away, with the next serial, unless it is not there.
    pub(super) fn clear_text(&self, name: &str, value: &str) -> Result<(), String> {
        let mut writer = self.writer();
        writer.texts.retain(|(of, text)| (of.as_str(), text.as_str()) != (name, value));
        self.change(&writer, |zone| zone.without_text(name, value))
    }

    /// Serves the zone of another configuration, and in it the records that authorities look for, as far as it can have them.
    pub(super) fn replace(&self, zone: Zone, serial: Option<SerialFile>) {
        let mut writer = self.writer();
        writer.serial = serial;
        let before = self.zone();
        let mut after = writer.texts.iter().fold(zone, |zone, (name, value)| {
            zone.with_text(name, value).unwrap_or(zone) // its name is no longer here
        });
        if after.is_named(before.origin()) {
            let as_before = after.clone().with_serial(before.serial());
            if as_before.to_string() == before.to_string() && !is_after(after.serial(), before.serial()) {
                writer.keep(&as_before);
                return;
            }
            if writer.serial.is_some() && !is_after(after.serial(), before.serial()) {
                after = after.following(&before);
            }
        }
        writer.keep(&after);
        self.serve(after);
    }

    /// Serves another zone made of this one, with the next serial, unless it is the same.
    fn change(&self, writer: &Writer, make: impl FnOnce(&Zone) -> Result<Zone, String>) -> Result<(), String> {
        let before = self.zone();
        let after = make(&before)?;
        if after.records().eq(before.records()) {
            return Ok(());
        }
        let after = after.following(&before);
        writer.keep(&after);
        self.serve(after);
        Ok(())
    }

    fn serve(&self, zone: Zone) {
        let serial = zone.serial();
        *self.zone.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(zone); // the same
        self.changes.send_replace(serial);
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner) // the same
    }
}

impl Writer {
    fn keep(&self, zone: &Zone) {
        if let Some(Err(error)) = self.serial.as_ref().map(|serial| serial.keep(zone)) {
            tracing::warn!(error = %Chain(&error), "the serial of the zone is not kept: after a restart secondary name servers may miss a change");
        }
    }
}
