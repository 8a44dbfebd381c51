//! Variables of the environment: which keys they set.
//!
//! Shells write them in capitals, so the capitals of a key are those of its declaration, and the capitals of a name
//! that the user has chosen, such as that of a site, are those that it has elsewhere in the configuration.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use config::{Value, ValueKind};

use super::given::Override;
use super::known::Known;
use super::{ConfigError, tree};

/// Reads `variables`, all of which begin with `prefix`; `root` has the names that are known already.
pub(super) fn read(
    known: &[Known],
    mut root: Value,
    prefix: &str,
    mut variables: Vec<(String, OsString)>,
) -> Result<Vec<Override>, ConfigError> {
    variables.sort(); // so that what they come to does not depend on their order
    let mut all: Vec<Override> = Vec::with_capacity(variables.len());
    for (variable, value) in variables {
        let given = Names { known, root: &root, prefix, variable: &variable }.read(value)?;
        if let Some(twice) = all.iter().find(|other| other.key == given.key) {
            return Err(ConfigError::GivenTwice { one: twice.origin.clone(), other: given.origin });
        }
        if let ValueKind::Table(table) = &mut root.kind {
            tree::insert(table, &given.key, given.value());
        }
        all.push(given);
    }
    Ok(all)
}

/// A variable, and what its segments may be.
struct Names<'a> {
    known: &'a [Known],
    root: &'a Value,
    prefix: &'a str,
    variable: &'a str,
}

impl Names<'_> {
    /// `FOOBAR__WEB__LISTEN` sets `web.listen`; `FOOBAR__DATABASE__URL_FILE` sets the secret `database.url`.
    fn read(&self, value: OsString) -> Result<Override, ConfigError> {
        let variable = self.variable.to_owned();
        let name = &self.variable[self.prefix.len()..];
        if let Some((_, key)) = self.find(name)? {
            return text(key, value, variable);
        }
        if let Some(name) = without_file(name)
            && let Some((known, key)) = self.find(name)?
            && known.key.is_secret()
        {
            let path = PathBuf::from(value);
            return match secret(&path) {
                Ok(text) => Ok(Override::text(key, text.trim(), variable)),
                Err(source) => Err(ConfigError::SecretFile { variable, path, source }),
            };
        }
        let name = name.to_lowercase();
        text(super::key(&name.split("__").collect::<Vec<_>>()), value, variable)
    }

    /// The key that the segments in `name` are.
    fn find(&self, name: &str) -> Result<Option<(&Known, String)>, ConfigError> {
        let given: Vec<&str> = name.split("__").collect();
        let known = self.known.iter().find(|known| known.is_like(&given));
        known.map(|known| Ok((known, self.spell(known, &given)?))).transpose()
    }

    /// The same in the capitals of the key.
    fn spell(&self, known: &Known, given: &[&str]) -> Result<String, ConfigError> {
        let declared = tree::segments(&known.name).filter(|segment| *segment != "**").map(Some);
        let mut key = String::new();
        for (declared, given) in declared.chain(std::iter::repeat(None)).zip(given) {
            let segment = match declared {
                Some(segment) if !tree::is_any(segment) => segment.to_owned(),
                _ => self.name(&key, given)?,
            };
            key = tree::join(&key, &segment);
        }
        Ok(key)
    }

    /// The name in `table` that is `given` but for its capitals. One that is not there yet is small, unless it was
    /// written with small letters among others.
    fn name(&self, table: &str, given: &str) -> Result<String, ConfigError> {
        let small = given.to_lowercase();
        let table = tree::find(self.root, table).map(|value| &value.kind);
        let names = if let Some(ValueKind::Table(table)) = table { table.keys().collect() } else { Vec::new() };
        let mut alike = names.into_iter().filter(|name| name.to_lowercase() == small);
        match (alike.next(), alike.next()) {
            (None, _) => Ok(if given.contains(char::is_lowercase) { given.to_owned() } else { small }),
            (Some(name), None) => Ok(name.clone()),
            (Some(one), Some(other)) => {
                let mut names = [one.clone(), other.clone()];
                names.sort();
                Err(ConfigError::AmbiguousName { variable: self.variable.to_owned(), names })
            }
        }
    }
}

/// A FIFO would be waited for, a device read for ever.
fn secret(path: &Path) -> io::Result<String> {
    let kind = fs::metadata(path)?.file_type();
    if kind.is_file() || kind.is_dir() {
        fs::read_to_string(path) // of a folder the system says itself that it is none
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file but a FIFO, a socket or a device"))
    }
}

/// `URL` of `URL_FILE`.
fn without_file(name: &str) -> Option<&str> {
    let at = name.len().checked_sub("_FILE".len())?;
    name.is_char_boundary(at)
        .then(|| name.split_at(at))
        .filter(|(_, end)| end.eq_ignore_ascii_case("_FILE"))
        .map(|(name, _)| name)
}

fn text(key: String, value: OsString, variable: String) -> Result<Override, ConfigError> {
    match value.into_string() {
        Ok(value) => Ok(Override::text(key, value, variable)),
        Err(_) => Err(ConfigError::NotText { variable }),
    }
}
