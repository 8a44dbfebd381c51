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
//! A preset with a star (`sites.*.root`) is a program's default for every site: a preset for one named site would make
//! a second site beside the user's.
//!
//! A program declares sections of its own by [`Loader::declare`]: any type that serde reads from a table.

mod check;
mod declared;
mod environment;
mod error;
mod given;
mod key;
mod known;
mod locate;
mod nginx;
mod origin;
mod read;
mod shape;
mod shown;
mod sources;
mod stray_variable;
mod tree;
mod word;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use config::{Value, ValueKind};
use serde::de::DeserializeOwned;

use crate::panics;
use crate::secret::EMPTY as EMPTY_SECRET;

use given::Override;
use known::Known;
use origin::DEFAULT;
use read::{Place, What, Wrong};

pub use declared::DeclaredSection;
pub use error::{ConfigError, Hint};
pub use key::{Key, Section, Settings};
pub use sources::Loader;
pub use tree::key;

#[doc(inline)]
pub use crate::{choice, settings};

#[doc(hidden)]
pub mod __private {
    pub use super::key::what_to_write;
    pub use super::known::defaults;
    pub use super::word::Word;
    pub use serde::{self, Deserialize};
}

/// The merged configuration, every value with its origin. It holds secrets, so it has no `Debug`.
pub struct Config {
    root: Value,
    known: Vec<Known>,
    declared: Vec<DeclaredSection>,
    name: declared::Name,
    presets: Vec<Override>,
    file: Option<locate::Source>,
    warnings: Vec<String>,
}

/// The effective values of a configuration by their keys; see [`Config::values`].
#[derive(Clone)]
pub struct Values(BTreeMap<String, String>);

impl Values {
    /// The keys whose values are not those of `other`, in their order.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let keys: BTreeSet<_> = self.0.keys().chain(other.0.keys()).collect();
        keys.into_iter().filter(|key| self.0.get(*key) != other.0.get(*key)).cloned().collect()
    }

    /// Gives these keys the values that they have in `other`, or takes them away where it has none.
    pub fn keep(&mut self, keys: &[String], other: &Self) {
        for key in keys {
            match other.0.get(key) {
                Some(value) => self.0.insert(key.clone(), value.clone()),
                None => self.0.remove(key),
            };
        }
    }
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
        match panics::catch(|| read::read(value)) {
            Ok(read) => read.map_err(|wrong| self.bad_value(section, &wrong)),
            Err(panic) => Err(self.error(section, format!("what reads it {panic}"))),
        }
    }

    /// The names of the tables in a section, in their order, such as those of all sites.
    pub fn tables(&self, section: &str) -> Vec<String> {
        let Some(ValueKind::Table(table)) = tree::find(&self.root, section).map(|value| &value.kind) else {
            return Vec::new();
        };
        let mut names: Vec<String> = tree::tables(table).cloned().collect();
        names.sort();
        names
    }

    /// An error about the value of `key`, with its place.
    pub fn error(&self, key: &str, message: impl Into<String>) -> ConfigError {
        ConfigError::BadValue { key: key.to_owned(), origin: self.origin(key), message: message.into() }
    }

    /// All effective values in the order of their keys.
    pub fn entries(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        tree::leaves(&self.root, &mut |key, value| {
            entries.push(Entry { key: key.to_owned(), value: self.shown(key, value), origin: self.origin(key) });
        });
        entries.sort_by(|a, b| a.key.cmp(&b.key));
        entries
    }

    /// The keys that have neither a value nor a default, in the order of declaration.
    pub fn absent(&self) -> Vec<String> {
        let of_key = |known: &Known| {
            let (section, field) = tree::split_last(&known.name).unwrap_or_default(); // no name is empty
            let sections = tree::expand(&self.root, &section);
            sections.into_iter().map(|section| tree::join(&section, field)).collect::<Vec<_>>()
        };
        let one_each = self.known.iter().filter(|known| !known.is_open());
        one_each.flat_map(of_key).filter(|key| tree::find(&self.root, key).is_none()).collect()
    }

    /// The effective values, secrets among them, to be compared with those of another configuration.
    pub fn values(&self) -> Values {
        Values(tree::values(&self.root))
    }

    /// The sections that the program has declared, in their order.
    pub fn declared(&self) -> &[DeclaredSection] {
        &self.declared
    }

    /// What the program gives `key` where nobody else does, as TOML; `"***"` for a secret.
    pub fn preset(&self, key: &str) -> Option<String> {
        let preset = self.presets.iter().rev().find(|preset| preset.key == key)?;
        Some(self.shown(key, &preset.value()))
    }

    /// The name of the file that is read where nobody names another.
    pub fn file_name(&self) -> String {
        self.name.file()
    }

    /// What the names of variables begin with.
    pub fn prefix(&self) -> String {
        self.name.prefix()
    }

    /// Where the value of `key` came from; for a key without a value, the section around it.
    pub fn origin(&self, key: &str) -> String {
        self.origin_of_item(key, None)
    }

    /// Whether `key` takes a list and has one text, which its commas divide into items.
    pub fn is_divided(&self, key: &str) -> bool {
        let takes_list = self.known.iter().any(|known| known.key.kind.contains("List") && known.matches(key));
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

    /// Whether the file that was read is empty, but for blanks; `false` where there is none.
    pub fn is_file_empty(&self) -> bool {
        self.file.as_ref().is_some_and(|file| file.text().trim().is_empty())
    }

    fn bad_value(&self, section: &str, wrong: &Wrong) -> ConfigError {
        let Place { key, item, beneath } = wrong.place(section);
        if matches!(wrong.what, What::Missing) && item.is_none() {
            return self.missing(key);
        }
        let value = tree::find(&self.root, &key).filter(|_| beneath.is_empty());
        let value = item.and_then(|item| tree::item(value?, item)).or(value);
        let message = match value {
            _ if self.is_secret(&key) => not_shown(&wrong.what),
            Some(value) if !matches!(value.kind, ValueKind::Table(_)) => {
                format!("{} is not accepted: {}", tree::display(value), wrong.what)
            }
            _ => wrong.what.to_string(),
        };
        let message = if self.is_divided(&key) { format!("{message}; commas separate items") } else { message };
        let message = if matches!(wrong.what, What::Type(..)) { message + &self.form(&key) } else { message };
        ConfigError::BadValue { origin: self.origin_of_item(&key, item), key: key + &beneath, message }
    }

    /// How the value of `key` is written, where that is known.
    fn form(&self, key: &str) -> String {
        match self.known.iter().find(|known| known.matches(key)).map(|known| (known.key.default, known.key.kind)) {
            Some((Some(default), _)) => format!("; its default is {default}"),
            Some((None, kind)) if kind.starts_with("Option<") => "; it may be left out".to_owned(),
            _ => String::new(),
        }
    }

    fn missing(&self, key: String) -> ConfigError {
        let origin = if self.file.is_some() { self.origin(&key) } else { "the configuration".to_owned() };
        let segments: Vec<_> = tree::segments(&key).map(str::to_uppercase).collect();
        ConfigError::Missing { origin, variable: format!("{}{}", self.prefix(), segments.join("__")), key }
    }

    fn shown(&self, key: &str, value: &Value) -> String {
        let known = self.known.iter().find(|known| known.matches(key));
        match value.origin().filter(|origin| origin::gives_text(origin)).and(known) {
            _ if self.is_secret(key) => "\"***\"".to_owned(),
            Some(known) => shown::as_toml(known.key.kind, value),
            None => tree::display(value),
        }
    }

    /// Whether the value of `key`, or of the list that it is in, must not be shown.
    fn is_secret(&self, key: &str) -> bool {
        let list = key.split_once('[').map_or(key, |(list, _)| list);
        self.known.iter().any(|known| known.is_secret() && (known.matches(key) || known.matches(list)))
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

/// What is wrong with a secret, which a message by others could quote.
fn not_shown(what: &What) -> String {
    match what {
        What::Type(_, expected) => format!("the value, which is a secret, is not accepted: expected {expected}"),
        What::Other(message) if message == EMPTY_SECRET => message.clone(),
        _ => "the value, which is a secret, is not accepted".to_owned(),
    }
}

#[cfg(test)]
mod tests;
