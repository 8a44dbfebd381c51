use std::fmt;

use serde::de::{self, Expected, Unexpected};

use super::place::join;

/// What is wrong with a field, and with which.
#[derive(Debug)]
pub(super) struct Wrong {
    /// Of what serde was reading; unknown to serde itself.
    path: Option<String>,
    /// The field in it.
    field: Option<String>,
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
    pub(super) fn told(words: impl Into<String>) -> Self {
        Self { path: None, field: None, what: What::Told(words.into()) }
    }

    pub(super) const fn missing() -> Self {
        Self { path: None, field: None, what: What::Missing }
    }

    fn refused(reason: String) -> Self {
        Self { path: None, field: None, what: What::Refused(reason) }
    }

    /// The same, if nobody knew better, at `path`.
    pub(super) fn at(mut self, path: &str) -> Self {
        self.path.get_or_insert_with(|| path.to_owned());
        self
    }

    fn of(mut self, field: &str) -> Self {
        self.field = Some(field.to_owned());
        self
    }

    pub(super) fn path(&self) -> String {
        let path = self.path.as_deref().unwrap_or_default(); // the whole
        self.field.as_ref().map_or_else(|| path.to_owned(), |field| join(path, field))
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
        Self::missing().of(field)
    }

    fn unknown_field(field: &str, _: &'static [&'static str]) -> Self {
        Self::told("is not expected").of(field)
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::told("is there twice").of(field)
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
