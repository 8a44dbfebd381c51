use std::collections::BinaryHeap;
use std::ffi::{OsStr, OsString};

/// Which part of a directory's list is wanted: directories come first, each kind by name.
#[derive(Clone, Copy)]
pub struct Page<'a> {
    /// How many entries come before it.
    pub first: usize,
    /// How many it has at most.
    pub most: usize,
    /// Whether an entry of this name is listed at all; to be asked once of each, as it counts what is left out.
    pub shows: &'a dyn Fn(&OsStr) -> bool,
}

/// The names of a page, picked out of all that are there: no more of them are in memory than it and those before it
/// have.
pub(crate) struct Picked {
    first: usize,
    until: usize,
    names: BinaryHeap<(Kind, OsString)>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Directory,
    File,
}

impl Picked {
    pub(crate) fn new(page: &Page<'_>) -> Self {
        Self { first: page.first, until: page.first.saturating_add(page.most), names: BinaryHeap::new() }
    }

    pub(crate) fn add(&mut self, directory: bool, name: OsString) {
        self.names.push((if directory { Kind::Directory } else { Kind::File }, name));
        if self.names.len() > self.until {
            self.names.pop();
        }
    }

    /// The names in their order.
    pub(crate) fn names(self) -> impl Iterator<Item = OsString> {
        self.names.into_sorted_vec().into_iter().skip(self.first).map(|(_, name)| name)
    }
}
