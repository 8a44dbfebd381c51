use std::collections::BTreeMap;

use tokio::sync::oneshot;

/// The requests that are held, in the order in which they came.
#[derive(Default)]
pub(super) struct Queue {
    /// By their numbers.
    held: BTreeMap<u64, oneshot::Sender<()>>,
    /// How many have come.
    came: u64,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// The number of one more.
    pub(super) const fn number(&mut self) -> u64 {
        self.came += 1;
        self.came
    }

    /// Holds the one of this number, until what it gives is told.
    pub(super) fn hold(&mut self, number: u64) -> oneshot::Receiver<()> {
        let (release, released) = oneshot::channel();
        self.held.insert(number, release);
        released
    }

    /// One goes, whatever for.
    pub(super) fn leave(&mut self, number: u64) {
        self.held.remove(&number);
    }

    /// Lets all go on; how many.
    pub(super) fn release(&mut self) -> usize {
        let held = std::mem::take(&mut self.held);
        let released = held.len();
        held.into_values().for_each(|release| _ = release.send(())); // an error: its client has gone
        released
    }
}
