//! Finds the line of a key in the configuration file.

use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::ConfigError;

/// A configuration file and its text.
#[derive(Debug)]
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

    /// Whether the text is TOML at all.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        match DeTable::parse(&self.text) {
            Ok(_) => Ok(()),
            Err(error) => Err(ConfigError::Syntax { path: self.path.clone(), message: error.to_string() }),
        }
    }

    /// `file:line` of the key, or of the innermost table around it; the file alone if it has none of it.
    pub(super) fn place(&self, key: &str) -> String {
        let file = self.path.display();
        self.offset(key).map_or_else(
            || file.to_string(),
            |offset| format!("{file}:{}", 1 + self.text.as_bytes()[..offset].iter().filter(|b| **b == b'\n').count()),
        )
    }

    fn offset(&self, key: &str) -> Option<usize> {
        let root = DeTable::parse(&self.text).ok()?; // the text parsed when it was loaded
        let mut table = root.get_ref();
        let mut offset = None;
        for segment in super::tree::segments(key) {
            let Some((name, value)) = table.get_key_value(segment) else { break };
            offset = Some(name.span().start);
            let DeValue::Table(inner) = value.get_ref() else { break };
            table = inner;
        }
        offset
    }
}
