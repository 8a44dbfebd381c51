use std::cell::RefCell;

/// A piece of memory to read a file into, lent from the thread that takes it and given back when it is dropped: memory
/// that is used again has no pages to be made first.
pub(crate) struct Buffer {
    memory: Box<[u8]>,
    length: usize,
}

/// The bytes of a buffer: large enough that the calls are small beside the copy, small enough for many slow clients.
pub(crate) const SLICE: usize = 128 << 10;
/// The buffers that a thread keeps.
const KEPT: usize = 16;

thread_local! {
    static KEEP: RefCell<Vec<Box<[u8]>>> = const { RefCell::new(Vec::new()) };
}

impl Buffer {
    /// One of `length` bytes, at most [`SLICE`], with whatever was in it.
    pub(crate) fn take(length: usize) -> Self {
        let kept = KEEP.with_borrow_mut(Vec::pop);
        Self { memory: kept.unwrap_or_else(|| vec![0; SLICE].into()), length: length.min(SLICE) } // none is left: a new one
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.memory[..self.length]
    }
}

impl AsMut<[u8]> for Buffer {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.memory[..self.length]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let memory = std::mem::take(&mut self.memory);
        let back = KEEP.try_with(|keep| {
            let mut keep = keep.borrow_mut();
            if keep.len() < KEPT {
                keep.push(memory);
            }
        });
        _ = back; // the thread is ending, and its buffers with it
    }
}
