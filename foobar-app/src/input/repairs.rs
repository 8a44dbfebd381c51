use std::collections::BTreeMap;

use super::place::Step;

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

/// What has been found by reading a part before: of itself, and of the parts in it.
#[derive(Default)]
pub(super) struct Repairs {
    here: Option<Repair>,
    fields: BTreeMap<String, Self>,
    items: BTreeMap<usize, Self>,
    waits: bool,
}

impl Repairs {
    pub(super) const fn here(&self) -> Option<Repair> {
        self.here
    }

    pub(super) fn within(&self, step: Step<&str>) -> Option<&Self> {
        match step {
            Step::Field(name) => self.fields.get(name),
            Step::Item(number) => self.items.get(&number),
        }
    }

    /// The names of the fields that have one, or something in them has.
    pub(super) fn fields(&self) -> impl Iterator<Item = &str> {
        self.fields.keys().map(String::as_str)
    }

    /// Whether this has to wait for its neighbours.
    pub(super) const fn waits(&self) -> bool {
        self.waits
    }

    pub(super) fn of(&self, way: &[Step]) -> Option<Repair> {
        let Some((step, rest)) = way.split_first() else { return self.here };
        let part = match step {
            Step::Field(name) => self.fields.get(name),
            Step::Item(number) => self.items.get(number),
        };
        part?.of(rest)
    }

    pub(super) fn set(&mut self, way: Vec<Step>, repair: Repair) {
        let mut part = self;
        part.waits |= repair == Repair::Last;
        for step in way {
            part = match step {
                Step::Field(name) => part.fields.entry(name).or_default(),
                Step::Item(number) => part.items.entry(number).or_default(),
            };
            part.waits |= repair == Repair::Last;
        }
        part.here = Some(repair);
    }
}
