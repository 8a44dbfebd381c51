//! Finds the line of a key in the configuration file.

use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::ConfigError;

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
        let Err(error) = toml::from_str::<toml::Table>(&self.text) else { return Ok(self) };
        let line = error.span().map(|span| self.line(span.start));
        Err(ConfigError::Syntax { path: self.path, line, message: error.message().to_owned() })
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
        for segment in super::tree::segments(key) {
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
