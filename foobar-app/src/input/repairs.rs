use std::collections::BTreeMap;

use super::names::Names;
use super::place;

/// What stands in the place of a field that was missing or wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Repair {
    /// What a form without it means, such as a box that is not checked; if there is nothing like that, it is missing.
    Absent,
    /// Something harmless of its type, so that the others can be read; where that is text, this text. It has been told.
    Blank(&'static str),
    /// The same, when all others have been read: its type takes none of these texts.
    Last,
}

/// What most types that read themselves from text take: dates and times, ids, addresses.
const TEXTS: [&str; 6] =
    ["", "1970-01-01", "1970-01-01T00:00:00Z", "00:00:00", "00000000-0000-0000-0000-000000000000", "0.0.0.0"];

impl Repair {
    pub(super) const FIRST: Self = Self::Blank(TEXTS[0]);

    /// What to try where this did not help.
    pub(super) fn next(self) -> Option<Self> {
        match self {
            Self::Absent => Some(Self::FIRST),
            Self::Blank(text) => {
                let next = TEXTS.iter().skip_while(|tried| **tried != text).nth(1);
                Some(next.map_or(Self::Last, |text| Self::Blank(text)))
            }
            Self::Last => None,
        }
    }
}

/// What has been found by reading it before.
#[derive(Default)]
pub(super) struct Repairs {
    fields: BTreeMap<String, Repair>,
    names: Names,
}

impl Repairs {
    pub(super) fn of(&self, path: &str) -> Option<Repair> {
        self.fields.get(path).copied()
    }

    pub(super) fn set(&mut self, path: String, repair: Repair) {
        self.fields.insert(path, repair);
    }

    pub(super) const fn names(&self) -> &Names {
        &self.names
    }

    /// The fields within `path` that have a repair, by their names there.
    pub(super) fn within(&self, path: &str) -> impl Iterator<Item = &str> {
        let names = self.fields.keys().filter_map(move |field| {
            if path.is_empty() { Some(field.as_str()) } else { field.strip_prefix(path)?.strip_prefix('.') }
        });
        names.filter(|name| !name.is_empty() && !name.contains(['.', '[']))
    }

    /// Whether `path` has to wait for the others.
    pub(super) fn is_last(&self, path: &str) -> bool {
        self.fields.iter().any(|(field, repair)| *repair == Repair::Last && place::is_within(field, path))
    }

    /// Whether something has been told of `path`, of what is around it, or, for the whole, of anything.
    pub(super) fn has_told(&self, path: &str) -> bool {
        let mut told = self.fields.iter().filter(|(_, repair)| **repair != Repair::Absent);
        told.any(|(field, _)| path.is_empty() || place::is_within(path, field))
    }
}
