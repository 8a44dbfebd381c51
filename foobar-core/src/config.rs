//! Configuration: defaults, then the program's presets, then a TOML file, then the environment, then the command
//! line; the last one wins.
//!
//! Each crate declares its sections with [`settings!`]; that one declaration gives the struct, the defaults, the
//! list of known keys and the reference manual. [`Loader`] merges the sources by the `config` crate, refuses keys
//! that nobody declared, and keeps where each value came from.
//!
//! In the environment a key is `FOOBAR__` and its segments in capitals, joined by two underscores:
//! `FOOBAR__WEB__LISTEN`. A secret may come from a file: `FOOBAR__DATABASE__URL_FILE=/run/secrets/url`.
//!
//! A preset with a star (`sites.*.root`) is a program's default for every site: a preset for one named site would make a
//! second site beside the user's.

use std::path::PathBuf;

use config::{Value, ValueKind};
use serde::de::DeserializeOwned;

mod error;
mod key;
mod known;
mod locate;
mod sources;
mod stray_variable;
mod tree;

pub use error::{ConfigError, Hint};
pub use key::{Key, Settings};
pub use sources::Loader;

#[doc(inline)]
pub use crate::{choice, settings};

#[doc(hidden)]
pub mod __private {
    pub use super::key::what_to_write;
    pub use super::known::defaults;
    pub use serde::{self, Deserialize};
}

/// The origin of a value that nobody gave.
const DEFAULT: &str = "default";

/// The merged configuration, every value with its origin. It holds secrets, so it has no `Debug`.
pub struct Config {
    root: Value,
    keys: Vec<&'static Key>,
    file: Option<locate::Source>,
    warnings: Vec<String>,
}

/// One effective value; see [`Config::entries`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The full key, such as `web.listen`.
    pub key: String,
    /// The value as TOML; `"***"` for a secret.
    pub value: String,
    /// Where it came from: `default`, `program`, `foobar.toml:12`, `FOOBAR__WEB__LISTEN`, `--listen`.
    pub origin: String,
}

impl Config {
    /// The values of one section as its struct, or which key has a bad value and what would be accepted.
    pub fn section<S: Settings>(&self) -> Result<S, ConfigError> {
        self.at(S::SECTION)
    }

    /// The values under `section` as any type, for a table of sections such as `sites`.
    pub fn at<T: DeserializeOwned>(&self, section: &str) -> Result<T, ConfigError> {
        let value = tree::find(&self.root, section).cloned().unwrap_or_else(tree::table); // a section without values
        value.try_deserialize().map_err(|error| self.bad_value(section, &error))
    }

    /// An error about the value of `key`, with its place.
    pub fn error(&self, key: &str, message: impl Into<String>) -> ConfigError {
        ConfigError::BadValue { key: key.to_owned(), origin: self.origin(key), message: message.into() }
    }

    /// All effective values in the order of their keys.
    pub fn entries(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        tree::leaves(&self.root, &mut |key, value| {
            let secret = self.keys.iter().any(|known| known.is_secret() && known.matches(key));
            let value = if secret { "\"***\"".to_owned() } else { tree::display(value) };
            entries.push(Entry { key: key.to_owned(), value, origin: self.origin(key) });
        });
        entries.sort_by(|a, b| a.key.cmp(&b.key));
        entries
    }

    /// The keys that have neither a value nor a default, in the order of declaration.
    pub fn absent(&self) -> Vec<String> {
        let of_key = |key: &&'static Key| {
            let (section, field) = key.name.rsplit_once('.').unwrap_or(("", key.name)); // a key outside a section
            tree::expand(&self.root, section).into_iter().map(move |section| format!("{section}.{field}"))
        };
        self.keys.iter().flat_map(of_key).filter(|key| tree::find(&self.root, key).is_none()).collect()
    }

    /// Where the value of `key` came from; for a key without a value, the section around it.
    pub fn origin(&self, key: &str) -> String {
        self.origin_of_item(key, None)
    }

    /// Whether `key` takes a list and has one text, which its commas divide into items.
    pub fn is_divided(&self, key: &str) -> bool {
        let takes_list = self.keys.iter().any(|known| known.kind.contains("List") && known.matches(key));
        let text = tree::find(&self.root, key).map(|value| &value.kind);
        takes_list
            && matches!(text, Some(ValueKind::String(text)) if text.contains(',') && !text.trim().starts_with('['))
    }

    /// Variables of the environment that are not read, and look as if they were meant to be: which, and what to write.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The configuration file that was read.
    pub fn file(&self) -> Option<PathBuf> {
        self.file.as_ref().map(|file| file.path().to_owned())
    }

    fn bad_value(&self, section: &str, error: &config::ConfigError) -> ConfigError {
        let (key, message) = error::split(error);
        let (key, item) = tree::split_item(&key);
        let key =
            if key.is_empty() { section.to_owned() } else { tree::quoted(&self.root, &format!("{section}.{key}")) };
        let value = tree::find(&self.root, &key);
        let value = item.and_then(|item| tree::item(value?, item)).or(value);
        let message = match value {
            Some(value) if !self.keys.iter().any(|known| known.is_secret() && known.matches(&key)) => {
                format!("{} is not accepted: {message}", tree::display(value))
            }
            _ => message,
        };
        let message = if self.is_divided(&key) { format!("{message}; commas separate items") } else { message };
        ConfigError::BadValue { origin: self.origin_of_item(&key, item), key, message }
    }

    /// The same of one item of a list.
    fn origin_of_item(&self, key: &str, item: Option<usize>) -> String {
        let origin = tree::find(&self.root, key).and_then(Value::origin);
        match (origin, &self.file) {
            (Some(origin), _) => origin.to_owned(),
            (None, Some(file)) => file.place(key, item), // only what the file holds is without an origin
            (None, None) => DEFAULT.to_owned(),
        }
    }
}

/// A key from its segments, those with other than letters, digits, `_` and `-` in quotes, as in TOML:
/// `sites."www.foobar.com".root`.
pub fn key(segments: &[&str]) -> String {
    segments.iter().map(|segment| tree::segment(segment)).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests;
