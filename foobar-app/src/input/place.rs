//! The way to a field: `items[2].price`.

/// From a table to a field of it, or from a list to an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step<N = String> {
    Field(N),
    Item(usize),
}

impl Step<&str> {
    pub(super) fn into_owned(self) -> Step {
        match self {
            Self::Field(name) => Step::Field(name.to_owned()),
            Self::Item(number) => Step::Item(number),
        }
    }
}

/// As a client reads it; the way to the whole is empty.
pub(super) fn shown(way: &[Step]) -> String {
    let mut shown = String::new();
    for step in way {
        match step {
            Step::Field(name) if shown.is_empty() => shown.push_str(name),
            Step::Field(name) => shown.extend([".", name]),
            Step::Item(number) => shown.push_str(&format!("[{number}]")),
        }
    }
    shown
}
