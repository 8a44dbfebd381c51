//! Memory for contents of files, and the budget that they share; and what is freed where it holds up nobody.
//!
//! Contents have a budget whoever holds them: the cache, or clients that take them slowly after the cache has let go.
//! Where there is no room, a file is sent from its descriptor, nothing is compressed, and a list gets 503. Contents of
//! 128 KiB and more have pages of their own, which go back to the system at once.

mod budget;
mod freed_aside;

use memmap2::MmapMut;

pub(crate) use budget::{MemoryBudget, Reservation};
pub(crate) use freed_aside::FreedAside;

/// The bytes of a content.
///
/// A large one has pages of its own, which the system gets back when it is dropped. Of the heap it would keep much:
/// there some threads allocate and others free.
pub(crate) enum Memory {
    Heap(Box<[u8]>),
    Pages(MmapMut),
}

/// From so many bytes on; as malloc does it, as long as nothing that large was freed.
const LARGE: usize = 128 << 10;

impl Memory {
    /// So many bytes, all 0.
    pub(crate) fn zeroed(length: usize) -> Self {
        let pages = if length < LARGE { None } else { MmapMut::map_anon(length).ok() }; // too many: the heap then
        pages.map_or_else(|| Self::Heap(vec![0; length].into()), Self::Pages)
    }
}

impl From<&[u8]> for Memory {
    fn from(bytes: &[u8]) -> Self {
        let mut memory = Self::zeroed(bytes.len());
        memory.as_mut().copy_from_slice(bytes);
        memory
    }
}

impl AsRef<[u8]> for Memory {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Heap(bytes) => bytes,
            Self::Pages(pages) => pages,
        }
    }
}

impl AsMut<[u8]> for Memory {
    fn as_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Heap(bytes) => bytes,
            Self::Pages(pages) => pages,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_the_same_bytes_wherever_they_lie() {
        for length in [0, 1, LARGE - 1, LARGE, LARGE + 1] {
            let bytes: Vec<u8> = (0..length).map(|at| at as u8).collect();
            let memory = Memory::from(bytes.as_slice());
            assert_eq!(memory.as_ref(), bytes);
            assert_eq!(matches!(memory, Memory::Pages(_)), length >= LARGE);
            assert_eq!(Memory::zeroed(length).as_mut(), vec![0; length]);
        }
    }
}
