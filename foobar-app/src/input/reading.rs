use std::cell::Cell;

use super::names::Names;

/// What is seen in reading everything once.
#[derive(Default)]
pub(super) struct Reading {
    pub(super) names: Names,
    parts: Cell<usize>,
    has_invented: Cell<bool>,
}

impl Reading {
    pub(super) fn count_part(&self) {
        self.parts.set(self.parts.get() + 1);
    }

    /// How many fields and items there were.
    pub(super) fn parts(&self) -> usize {
        self.parts.get()
    }

    pub(super) fn invent(&self) {
        self.has_invented.set(true);
    }

    /// Whether the value holds something that nobody has sent. `None` in the place of an optional field is nothing.
    pub(super) fn has_invented(&self) -> bool {
        self.has_invented.get()
    }
}
