use std::fmt;

use serde::de::{self, Expected, Unexpected};

use super::place::Step;

/// What is wrong with a field, and with which.
#[derive(Debug)]
pub(super) struct Wrong {
    /// The way to it, from its end, as far as it is known.
    back: Vec<Step>,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    Missing,
    /// In words for who has sent it.
    Told(String),
    /// In the words of a type, which are not for visitors.
    Refused(String),
}

impl Wrong {
    const fn new(what: What) -> Self {
        Self { back: Vec::new(), what }
    }

    pub(super) fn told(words: impl Into<String>) -> Self {
        Self::new(What::Told(words.into()))
    }

    pub(super) const fn missing() -> Self {
        Self::new(What::Missing)
    }

    fn refused(reason: String) -> Self {
        Self::new(What::Refused(reason))
    }

    /// The same, seen from where this step leads to it.
    pub(super) fn within(mut self, step: Step<&str>) -> Self {
        self.back.push(step.into_owned());
        self
    }

    pub(super) fn way(&self) -> Vec<Step> {
        self.back.iter().rev().cloned().collect()
    }
}

impl What {
    /// What stands beside the field.
    pub(super) fn words(&self) -> &str {
        match self {
            Self::Missing => "is required",
            Self::Told(words) => words,
            Self::Refused(_) => "is invalid",
        }
    }

    /// The same for the log.
    pub(super) fn reason(&self) -> &str {
        match self {
            Self::Refused(reason) => reason,
            told => told.words(),
        }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what.reason())
    }
}

impl std::error::Error for Wrong {}

impl de::Error for Wrong {
    fn custom<T: fmt::Display>(reason: T) -> Self {
        Self::refused(reason.to_string())
    }

    fn missing_field(field: &'static str) -> Self {
        Self::missing().within(Step::Field(field))
    }

    fn unknown_field(field: &str, _: &'static [&'static str]) -> Self {
        Self::told("is not expected").within(Step::Field(field))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::told("is there twice").within(Step::Field(field))
    }

    fn unknown_variant(_: &str, _: &'static [&'static str]) -> Self {
        Self::told("is not one of the choices")
    }

    /// Without the value, which may be a password.
    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::refused(format!("expected {expected}"))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::refused(format!("expected {expected}"))
    }
}
