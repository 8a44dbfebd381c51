//! What is wrong with a value, and where.

use std::fmt;
use std::ops::RangeInclusive;

use serde::de::{self, Expected, Unexpected};

use super::super::key::what_to_write;
use super::super::tree::{join, segment};

/// What is wrong, and the way to it from the value that was read.
#[derive(Debug)]
pub(in super::super) struct Wrong {
    /// The innermost step first.
    path: Vec<Step>,
    pub(in super::super) what: What,
}

#[derive(Debug)]
pub(in super::super) enum What {
    Missing,
    /// Another type: what it is, and what was expected.
    Type(&'static str, String),
    /// An integer, and those that are accepted.
    OutOfRange(i128, RangeInclusive<i128>),
    Other(String),
}

#[derive(Debug)]
enum Step {
    Key(String),
    Item(usize),
}

/// Where something is wrong.
pub(in super::super) struct Place {
    pub(in super::super) key: String,
    /// The number of the item in the list that the key has.
    pub(in super::super) item: Option<usize>,
    /// The item and what is in it, such as `[1].host`; empty if the whole item is wrong.
    pub(in super::super) beneath: String,
}

impl Wrong {
    pub(super) fn in_key(mut self, key: &str) -> Self {
        self.path.push(Step::Key(key.to_owned()));
        self
    }

    pub(super) fn in_item(mut self, number: usize) -> Self {
        self.path.push(Step::Item(number));
        self
    }

    /// The place, for a value that was read from `section`.
    pub(in super::super) fn place(&self, section: &str) -> Place {
        let mut place = Place { key: section.to_owned(), item: None, beneath: String::new() };
        for step in self.path.iter().rev() {
            match (step, place.item) {
                (Step::Key(name), None) => place.key = join(&place.key, name),
                (Step::Key(name), Some(_)) => place.beneath += &format!(".{}", segment(name)),
                (Step::Item(number), None) => place.item = Some(*number),
                (Step::Item(number), Some(_)) => place.beneath += &format!("[{number}]"),
            }
        }
        if let Some(number) = place.item.filter(|_| !place.beneath.is_empty()) {
            place.beneath.insert_str(0, &format!("[{number}]"));
        }
        place
    }
}

impl From<What> for Wrong {
    fn from(what: What) -> Self {
        Self { path: Vec::new(), what }
    }
}

impl std::error::Error for Wrong {}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place("").key, self.what)
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("a value is required"),
            Self::Type(found, expected) => write!(f, "found {found}, expected {expected}"),
            Self::OutOfRange(number, range) => {
                let (start, end) = (range.start(), range.end());
                let is = if *number > *end {
                    "too large"
                } else if *start == 0 {
                    "negative"
                } else {
                    "too small"
                };
                write!(f, "it is {is}, expected an integer from {start} to {end}")
            }
            Self::Other(message) => f.write_str(message),
        }
    }
}

/// What a type of the program's own has to say, and serde for it.
impl de::Error for Wrong {
    fn custom<T: fmt::Display>(message: T) -> Self {
        What::Other(message.to_string()).into()
    }

    fn missing_field(field: &'static str) -> Self {
        Self::from(What::Missing).in_key(field)
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        What::Type(kind(&unexpected), in_toml(&expected.to_string())).into()
    }

    /// The value stands beside it.
    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        What::Other(format!("expected {expected}")).into()
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        What::Other(format!("it has {length} items, expected {expected}")).into()
    }

    fn unknown_variant(_: &str, variants: &'static [&'static str]) -> Self {
        What::Other(what_to_write(variants)).into()
    }
}

/// What was found, in the words of TOML.
const fn kind(unexpected: &Unexpected<'_>) -> &'static str {
    match unexpected {
        Unexpected::Bool(_) => "a boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "an integer",
        Unexpected::Float(_) => "a float",
        Unexpected::Char(_) | Unexpected::Str(_) => "a string",
        Unexpected::Seq => "an array",
        Unexpected::Map => "a table",
        _ => "something else",
    }
}

/// What serde expects, in the words of TOML.
fn in_toml(expected: &str) -> String {
    match expected {
        "a sequence" => "an array",
        "a map" => "a table",
        other if other.starts_with("struct ") => "a table",
        other => other,
    }
    .to_owned()
}
