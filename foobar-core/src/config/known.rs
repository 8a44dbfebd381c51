//! The declared keys, held against a merged tree: what is unknown is refused, what is missing gets its default.

use config::{Value, ValueKind};

use super::error::Hint;
use super::sources::Override;
use super::stray_variable::{self, PREFIX};
use super::{Config, ConfigError, DEFAULT, Key, Settings, tree};

impl Config {
    pub(super) fn refuse_unknown(&self) -> Result<(), ConfigError> {
        let mut refused = None;
        tree::leaves(&self.root, &mut |key, value| {
            let known = self.keys.iter().any(|known| known.matches(key));
            let section = self.keys.iter().any(|known| known.is_within(key));
            let empty = matches!(value.kind, ValueKind::Table(_));
            if refused.is_none() && !known && !(section && empty) {
                refused =
                    Some(if section { self.error(key, "this is a section, not a value") } else { self.unknown(key) });
            }
        });
        refused.map_or(Ok(()), Err)
    }

    /// Gives the program's presets for every section; the last one of a key wins.
    pub(super) fn fill_in_presets(&mut self, presets: &[Override]) -> Result<(), ConfigError> {
        for preset in presets.iter().rev() {
            if !self.keys.iter().any(|known| known.name == preset.key) {
                return Err(self.unknown(&preset.key));
            }
            self.fill_in(&preset.key, &preset.value());
        }
        Ok(())
    }

    pub(super) fn fill_in_defaults(&mut self) {
        for key in self.keys.clone() {
            if let Some(default) = key.default {
                self.fill_in(key.name, &parse(default));
            }
        }
    }

    /// Sets `pattern` to `value` in every section that it names, where it has no value yet.
    fn fill_in(&mut self, pattern: &str, value: &Value) {
        let Some((section, field)) = pattern.rsplit_once('.') else { return };
        for section in tree::expand(&self.root, section) {
            let name = format!("{section}.{field}");
            if tree::find(&self.root, &name).is_none()
                && let ValueKind::Table(root) = &mut self.root.kind
            {
                tree::insert(root, &name, value.clone());
            }
        }
    }

    fn unknown(&self, key: &str) -> ConfigError {
        let candidates = self.keys.iter().map(|known| named_like(known.name, key));
        let near = candidates.filter_map(|name| Some((distance(&name, key)?, name)));
        let nearest = near.min_by_key(|(distance, _)| *distance).map(|(_, name)| Hint::Nearest(name));
        let hint = self
            .variable_meant(key)
            .or(nearest)
            .or_else(|| self.key_of_section_around(key))
            .or_else(|| self.key_of_other_section(key));
        ConfigError::UnknownKey { key: key.to_owned(), origin: self.origin(key), hint }
    }

    /// The variable that was meant by the one that gives `key`.
    fn variable_meant(&self, key: &str) -> Option<Hint> {
        let origin = self.origin(key);
        origin.starts_with(PREFIX).then(|| stray_variable::meant(&self.keys, &origin))?.map(Hint::Variable)
    }

    fn key_of_section_around(&self, key: &str) -> Option<Hint> {
        let (around, field) = split_last(key)?;
        let depth = tree::segments(&around).count();
        let known = self.keys.iter().find_map(|known| {
            let (section, name) = known.name.rsplit_once('.')?;
            let is_around = section.split('.').count() < depth && known.is_within(&first(&around, section));
            (name == field && is_around).then_some(section)
        })?;
        Some(Hint::OfSection { field: field.to_owned(), section: first(&around, known), not_of: around })
    }

    /// Where a key of this very name stands, if there is one such place: it was written elsewhere, or has moved.
    fn key_of_other_section(&self, key: &str) -> Option<Hint> {
        let (not_of, field) = split_last(key).filter(|(section, _)| !section.is_empty())?;
        let sections = self.keys.iter().filter_map(|known| known.name.rsplit_once('.'));
        let mut sections: Vec<&str> = sections.filter(|(_, name)| *name == field).map(|(section, _)| section).collect();
        let depth = |section: &str| section.split('.').count();
        let highest = sections.iter().map(|section| depth(section)).min()?;
        sections.retain(|section| depth(section) == highest);
        let [section] = sections[..] else { return None };
        Some(Hint::OfSection { field: field.to_owned(), section: section.replace('*', "NAME"), not_of })
    }
}

/// How far `key` is from a known name, if that may be what was meant: segment by segment, two letters at most, and one in
/// a short word.
fn distance(name: &str, key: &str) -> Option<usize> {
    let (names, keys) = (tree::segments(name), tree::segments(key));
    if names.count() != keys.count() {
        return None;
    }
    tree::segments(name).zip(tree::segments(key)).try_fold(0, |sum, (name, key)| {
        let distance = strsim::damerau_levenshtein(&name.to_ascii_lowercase(), &key.to_ascii_lowercase());
        let most = if name.len().min(key.len()) <= 4 { 1 } else { 2 };
        (distance <= most).then_some(sum + distance)
    })
}

/// The section of a key, and the key in it.
fn split_last(key: &str) -> Option<(String, &str)> {
    let mut segments: Vec<&str> = tree::segments(key).collect();
    let last = segments.pop()?;
    Some((super::key(&segments), last))
}

/// As many segments of `key` as `pattern` has.
fn first(key: &str, pattern: &str) -> String {
    let segments: Vec<&str> = tree::segments(key).take(pattern.split('.').count()).collect();
    super::key(&segments)
}

/// The values that a section has when nobody gives any.
pub fn defaults<S: Settings>() -> S {
    let mut section = config::Map::new();
    for key in S::KEYS {
        if let (Some(default), Some((_, field))) = (key.default, key.name.rsplit_once('.')) {
            section.insert(field.to_owned(), parse(default));
        }
    }
    let section = Value::new(None, ValueKind::Table(section));
    section.try_deserialize().unwrap_or_else(|error| panic!("a default of `{}` is wrong: {error}", S::SECTION))
}

/// The pattern with its `*` replaced by the names at the same places in `key`.
fn named_like(pattern: &str, key: &str) -> String {
    let mut given = tree::segments(key);
    let name = |segment| match (segment, given.next()) {
        ("*", Some(name)) => tree::segment(name),
        (segment, _) => segment.to_owned(),
    };
    pattern.split('.').map(name).collect::<Vec<_>>().join(".")
}

fn parse(default: &str) -> Value {
    let text = format!("value = {default}");
    let file = config::File::from_str(&text, config::FileFormat::Toml);
    let parsed = config::Config::builder().add_source(file).build();
    let parsed = parsed.unwrap_or_else(|error| panic!("the default {default} is not TOML: {error}"));
    let value = tree::find(&parsed.cache, "value").cloned().unwrap_or_else(tree::table);
    Value::new(Some(&DEFAULT.to_owned()), value.kind)
}

impl Key {
    /// Whether `section` is a table on the way to this key.
    fn is_within(&self, section: &str) -> bool {
        let mut segments = tree::segments(section);
        let on_the_way = self
            .name
            .split('.')
            .take_while(|known| segments.next().is_some_and(|given| *known == "*" || *known == given));
        let depth = on_the_way.count();
        depth == tree::segments(section).count() && depth < self.name.split('.').count()
    }
}
