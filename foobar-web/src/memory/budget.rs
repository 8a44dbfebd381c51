use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use bytes::Bytes;

use super::Memory;

/// The memory for contents of files, whoever holds them: the cache, or clients that have not taken all of what the
/// cache has let go of. Without a bound for both, slow clients would hold any number of files.
#[derive(Clone)]
pub(crate) struct MemoryBudget {
    taken: Arc<AtomicU64>,
    most: u64,
}

/// A part of a [`MemoryBudget`], given back when it is dropped.
pub(crate) struct Reservation {
    room: MemoryBudget,
    bytes: u64,
}

impl MemoryBudget {
    pub(crate) fn new(most: u64) -> Self {
        Self { taken: Arc::default(), most }
    }

    /// Room for this many bytes; `None` if there is not as much.
    pub(crate) fn claim(&self, bytes: u64) -> Option<Reservation> {
        let add = |taken: u64| taken.checked_add(bytes).filter(|taken| *taken <= self.most);
        self.taken.fetch_update(Relaxed, Relaxed, add).ok()?; // not so much is left
        Some(Reservation { room: self.clone(), bytes })
    }

    /// The bytes that are taken.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Relaxed)
    }
}

impl Reservation {
    /// Content that holds its room as long as anybody holds it. It is not larger than what was claimed; what it does
    /// not need is given back.
    pub(crate) fn hold(mut self, content: impl Into<Memory>) -> Bytes {
        let content = content.into();
        let spare = self.bytes.saturating_sub(content.as_ref().len() as u64);
        self.room.taken.fetch_sub(spare, Relaxed);
        self.bytes -= spare;
        Bytes::from_owner(Held { content, _claim: self })
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.room.taken.fetch_sub(self.bytes, Relaxed);
    }
}

struct Held {
    content: Memory,
    _claim: Reservation,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        self.content.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_anybody_still_holds_takes_room() {
        let room = MemoryBudget::new(10);
        let content = room.claim(6).unwrap().hold(b"12345".as_slice());
        assert_eq!(room.taken(), 5);
        let part = content.slice(4..);
        drop(content);
        assert!(room.claim(6).is_none() && room.claim(u64::MAX).is_none());
        drop(part);
        assert_eq!(room.taken(), 0);
        assert!(room.claim(11).is_none() && room.claim(10).is_some());
    }
}
