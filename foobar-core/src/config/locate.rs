//! Finds the line of a key in the configuration file.

use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::{ConfigError, tree};

/// A configuration file and its text.
pub(super) struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    pub(super) const fn new(path: PathBuf, text: String) -> Self {
        Self { path, text }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Itself, if the text is TOML at all. The error does not quote the text, which may hold a password.
    pub(super) fn check(self) -> Result<Self, ConfigError> {
        let error = match toml::from_str(&self.text) {
            Ok(table) => return self.without_dates(&table),
            Err(error) => error,
        };
        let line = error.span().map(|span| self.line(span.start));
        let twice = error.span().filter(|_| error.message() == "duplicate key").and_then(|span| self.twice(span));
        let message = twice.unwrap_or_else(|| error.message().to_owned()); // in the parser's words
        Err(ConfigError::Syntax { path: self.path, line, message })
    }

    /// No key takes a date of TOML: types that are dates read themselves from text.
    fn without_dates(self, table: &toml::Table) -> Result<Self, ConfigError> {
        let Some(key) = date(table) else { return Ok(self) };
        let message = "found a date, which no key takes; write it as text, in quotes".to_owned();
        Err(ConfigError::BadValue { origin: self.place(&key, None), key, message })
    }

    /// Which key is there twice, and where it is first: in the same table above, or as the same header.
    fn twice(&self, again: Range<usize>) -> Option<String> {
        let key = self.text.get(again.clone())?;
        let start = self.text[..again.start].rfind('\n').map_or(0, |end| end + 1);
        let above: Vec<&str> = self.text[..start].lines().map(str::trim_start).collect();
        let before = self.text[start..again.start].trim_start(); // the brackets of a header, and what it is within
        let is_header = before.starts_with('[');
        let follows = if is_header { [']', '.'] } else { ['=', '.'] };
        let is_it = |line: &&str| {
            let rest = line.strip_prefix(before).and_then(|line| line.strip_prefix(key));
            rest.is_some_and(|rest| rest.trim_start().starts_with(follows))
        };
        let mut of_table = above.iter().rev().take_while(|line| is_header || !line.starts_with('['));
        let first = above.len() - of_table.position(is_it)?;
        Some(format!("`{key}` is there twice, first in line {first}"))
    }

    /// `file:line` of the key, or of the innermost table around it, or of an item of its list; the file alone if it has
    /// none of it.
    pub(super) fn place(&self, key: &str, item: Option<usize>) -> String {
        let file = self.path.display();
        self.offset(key, item).map_or_else(|| file.to_string(), |offset| format!("{file}:{}", self.line(offset)))
    }

    fn line(&self, offset: usize) -> usize {
        1 + self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
    }

    fn offset(&self, key: &str, item: Option<usize>) -> Option<usize> {
        let root = DeTable::parse(&self.text).ok()?; // the text parsed when it was loaded
        let mut table = root.get_ref();
        let mut offset = None;
        for segment in tree::segments(key) {
            let Some((name, value)) = table.get_key_value(segment) else { break };
            offset = Some(name.span().start);
            match (value.get_ref(), item) {
                (DeValue::Table(inner), _) => table = inner,
                (DeValue::Array(items), Some(item)) => return items.get(item).map(|item| item.span().start).or(offset),
                _ => break,
            }
        }
        offset
    }
}

/// The key of a date in a table.
fn date(table: &toml::Table) -> Option<String> {
    table.iter().find_map(|(name, value)| match value {
        toml::Value::Table(table) => Some(format!("{}.{}", tree::segment(name), date(table)?)),
        value => is_date(value).then(|| tree::segment(name)),
    })
}

fn is_date(value: &toml::Value) -> bool {
    match value {
        toml::Value::Datetime(_) => true,
        toml::Value::Array(items) => items.iter().any(is_date),
        toml::Value::Table(table) => date(table).is_some(),
        _ => false,
    }
}
