use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::reply::ProblemPages;
use crate::site::KnownHost;

/// What the connections of one worker read and write with, one after the other: an idle connection holds no memory.
#[derive(Default)]
pub(crate) struct ScratchBuffers {
    input: Cell<Vec<u8>>,
    output: Cell<Vec<u8>>,
    pub(crate) problems: RefCell<ProblemPages>,
    /// That of the last request on a connection that had not had it.
    pub(crate) host: RefCell<Option<Rc<KnownHost>>>,
}

/// What is read at a time.
const INPUT: usize = 16 << 10;
/// What is kept of the output, however large it has become.
const OUTPUT: usize = 64 << 10;

impl ScratchBuffers {
    /// Room for what is read.
    pub(crate) fn with_input<T>(&self, work: impl FnOnce(&mut [u8]) -> T) -> T {
        let mut input = self.input.take();
        input.resize(INPUT, 0);
        let done = work(&mut input);
        self.input.set(input);
        done
    }

    /// An empty buffer for what is written.
    pub(crate) fn with_output<T>(&self, work: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        let mut output = self.take_output();
        let done = work(&mut output);
        self.give_back(output);
        done
    }

    /// The same for whoever writes in several steps, and gives it back once all has been sent.
    pub(crate) fn take_output(&self) -> Vec<u8> {
        let mut output = self.output.take();
        output.clear();
        output
    }

    pub(crate) fn give_back(&self, mut output: Vec<u8>) {
        output.clear(); // it shrinks to no less than it holds
        output.shrink_to(OUTPUT);
        self.output.set(output);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_that_has_become_large_is_kept_and_shrinks() {
        let buffers = ScratchBuffers::default();
        buffers.give_back(vec![b'x'; 3 * OUTPUT]);
        let output = buffers.take_output();
        assert!(output.is_empty() && output.capacity() >= OUTPUT && output.capacity() < 2 * OUTPUT);
    }
}
