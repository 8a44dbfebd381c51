//! The parameters behind the `?` of a URL, as clients of all languages write them.

use crate::Error;

/// One parameter.
#[derive(Clone, Copy)]
pub(crate) struct UrlParameter<'a> {
    pub(crate) name: &'a str,
    /// As it is written, with its escapes; empty where there is none.
    pub(crate) value: &'a str,
}

/// The longest name that is shown.
const LONGEST: usize = 64;

impl<'a> UrlParameter<'a> {
    /// Those in `text`, which stands behind the `?`.
    pub(crate) fn all(text: &'a str) -> impl Iterator<Item = Self> {
        let split = |text: &'a str| text.split_once('=').unwrap_or((text, "")); // a flag that is set by its name
        text.split('&').filter(|text| !text.is_empty()).map(split).map(|(name, value)| Self { name, value })
    }

    /// Its name without what clients write differently: `ssl-mode`, `ssl_mode` and `sslMode` are the same.
    pub(crate) fn key(self) -> String {
        simple(self.name)
    }

    /// Its value in the same way.
    pub(crate) fn word(self) -> String {
        simple(self.value)
    }

    /// Whether it is switched on; `None` for a value that says neither.
    pub(crate) fn flag(self) -> Option<bool> {
        match self.word().as_str() {
            "true" | "1" | "on" | "yes" => Some(true),
            "false" | "0" | "off" | "no" => Some(false),
            _ => None,
        }
    }

    /// The error that names it and never its value. What is no name may be a part of a password.
    pub(crate) fn refuse(self, why: &'static str) -> Error {
        let is_sign = |sign: char| sign.is_ascii_alphanumeric() || sign == '_' || sign == '-';
        if self.name.is_empty() || self.name.len() > LONGEST || !self.name.chars().all(is_sign) {
            return Error::Url("has a parameter whose name has other signs than letters, digits, `_` and `-`");
        }
        Error::UrlParameter { key: "url", parameter: self.name.to_owned(), why }
    }
}

fn simple(text: &str) -> String {
    text.to_ascii_lowercase().replace(['-', '_'], "")
}

/// Whether `names`, which are separated by blanks, have this one.
pub(crate) fn is_in(names: &str, name: &str) -> bool {
    names.split_ascii_whitespace().any(|known| known == name)
}

/// What is said of a value that should switch something on or off.
pub(crate) const NO_FLAG: &str = "whose value is neither `true` nor `false`";
