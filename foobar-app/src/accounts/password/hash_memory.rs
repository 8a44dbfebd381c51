use std::sync::{Mutex, MutexGuard, PoisonError};

use argon2::{Block, Error};

/// The memory that passwords are hashed in. Each hash has a thread of its own, and an allocator keeps much of what many
/// threads have freed; so it goes from one hash to the next, which writes over all of it, and is freed after the last.
#[derive(Default)]
pub(super) struct HashMemory(Mutex<Vec<Vec<Block>>>);

/// How many blocks of 1 KiB there is room for at least: glibc takes more than 32 MiB from no heap but maps them by
/// themselves, and gives them back to the system when they are freed. What is not used of them takes no memory.
const MAPPED: usize = 33 * 1024;

impl HashMemory {
    /// That of a hash which has ended, or none yet.
    pub(super) fn take(&self) -> Vec<Block> {
        self.lock().pop().unwrap_or_default() // the first one allocates
    }

    /// Keeps it for the next hash.
    pub(super) fn keep(&self, blocks: Vec<Block>) {
        self.lock().push(blocks);
    }

    /// Frees what is kept.
    pub(super) fn free(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Vec<Block>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner) // it is whole at any time
    }
}

/// As many blocks as one hash takes, whatever is in them.
pub(super) fn of_size(blocks: &mut Vec<Block>, count: usize) -> Result<&mut [Block], Error> {
    if blocks.len() < count {
        let more = count.max(MAPPED) - blocks.len();
        blocks.try_reserve_exact(more).map_err(|_too_much| Error::OutOfMemory)?;
        blocks.resize(count, Block::new());
    }
    Ok(&mut blocks[..count])
}

#[cfg(test)]
impl HashMemory {
    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_hash_has_had_the_next_one_has() {
        let memory = HashMemory::default();
        let mut blocks = memory.take();
        let first = of_size(&mut blocks, 64).unwrap().as_ptr();
        memory.keep(blocks);
        let mut blocks = memory.take();
        assert_eq!(of_size(&mut blocks, 19 * 1024).unwrap().as_ptr(), first);
        assert_eq!(of_size(&mut blocks, 64).unwrap().len(), 64);
    }

    #[test]
    fn more_memory_than_there_is_is_an_error() {
        assert!(matches!(of_size(&mut Vec::new(), usize::MAX >> 12), Err(Error::OutOfMemory)));
    }
}
