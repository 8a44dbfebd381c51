//! The known keys, held against a merged tree: what is unknown is refused, what is missing gets its default.

use config::{Value, ValueKind};

use super::error::Hint;
use super::given::Override;
use super::known::{Known, default_of};
use super::tree::{self, split_last};
use super::{Config, ConfigError, nginx, stray_variable};

impl Config {
    pub(super) fn refuse_unknown(&self) -> Result<(), ConfigError> {
        let mut refused = None;
        tree::leaves(&self.root, &mut |key, value| {
            if refused.is_some() || self.known.iter().any(|known| known.matches(key)) {
                return;
            }
            let empty = matches!(value.kind, ValueKind::Table(_));
            let section = self.known.iter().any(|known| known.is_within(key)) && (empty || !self.is_beside_keys(key));
            if !(section && empty) {
                refused = Some(if section { self.error(key, self.no_section(key)) } else { self.unknown(key) });
            }
        });
        refused.map_or(Ok(()), Err)
    }

    /// Whether there are keys in the section of this one, beside tables: then it may be one of these, misspelled.
    fn is_beside_keys(&self, key: &str) -> bool {
        let Some((section, _)) = split_last(key) else { return false };
        let is_beside = |known: &Known| {
            let around = split_last(&known.name).is_some_and(|(around, last)| around == section && !tree::is_any(last));
            around && !known.is_open()
        };
        self.known.iter().any(is_beside)
    }

    /// Gives the program's presets for every section; the last one of a key wins. Twice, since one may make a route
    /// that another is for.
    pub(super) fn fill_in_presets(&mut self, presets: &[Override]) -> Result<(), ConfigError> {
        for preset in presets.iter().rev().chain(presets.iter().rev()) {
            if !self.known.iter().any(|known| known.matches(&preset.key)) {
                return Err(self.unknown_at(&preset.key, preset.origin.clone()));
            }
            self.fill_in(&preset.key, &preset.value());
        }
        Ok(())
    }

    pub(super) fn fill_in_defaults(&mut self) {
        for known in self.known.clone() {
            if let Some(default) = known.key.default {
                self.fill_in(&known.name, &default_of(default));
            }
        }
    }

    /// Sets `pattern` to `value` in every section that it names, where it has no value yet.
    fn fill_in(&mut self, pattern: &str, value: &Value) {
        let Some((section, field)) = split_last(pattern) else { return };
        for section in tree::expand(&self.root, &section) {
            let name = tree::join(&section, field);
            if tree::find(&self.root, &name).is_none()
                && let ValueKind::Table(root) = &mut self.root.kind
            {
                tree::insert(root, &name, value.clone());
            }
        }
    }

    /// Why a value at the place of a section is none.
    fn no_section(&self, key: &str) -> &'static str {
        let has = |field: &str| self.known.iter().any(|known| known.matches(&tree::join(key, field)));
        match has("secs") && has("nanos") {
            true => {
                "this is a `std::time::Duration`, which is a table of `secs` and `nanos`; declare it as `foobar::config::Period`, which reads \"30s\""
            }
            false => "this is a section, not a value",
        }
    }

    fn unknown(&self, key: &str) -> ConfigError {
        self.unknown_at(key, self.origin(key))
    }

    fn unknown_at(&self, key: &str, origin: String) -> ConfigError {
        let candidates = self.known.iter().flat_map(|known| self.candidates(known, key));
        let near = candidates.filter_map(|name| Some((distance(&name, key)?, name)));
        let nearest = near.min_by_key(|(distance, _)| *distance).map(|(_, name)| Hint::Nearest(name));
        let hint = self
            .variable_meant(&origin)
            .or(nearest)
            .or_else(|| self.section_of_nginx(key))
            .or_else(|| self.undeclared_section(key))
            .or_else(|| self.key_of_section_around(key))
            .or_else(|| self.key_of_other_section(key))
            .or_else(|| of_nginx(split_last(key)?.1));
        ConfigError::UnknownKey { key: key.to_owned(), origin, hint }
    }

    /// What may have been meant by `key`: a known one, and for a section without a value the sections on the way to it.
    fn candidates(&self, known: &Known, key: &str) -> Vec<String> {
        let is_section = tree::find(&self.root, key).is_some_and(|value| matches!(value.kind, ValueKind::Table(_)));
        let around = |name: &String| split_last(name).map(|(section, _)| section).filter(|section| !section.is_empty());
        let sections = std::iter::successors(around(&known.name), around).filter(|_| is_section);
        std::iter::once(known.name.clone()).chain(sections).map(|name| named_like(&name, key)).collect()
    }

    /// The variable that was meant by this one, if the key is from the environment.
    fn variable_meant(&self, origin: &str) -> Option<Hint> {
        let prefix = self.name.prefix();
        origin.starts_with(&prefix).then(|| stray_variable::meant(&self.known, &prefix, origin))?.map(Hint::Variable)
    }

    /// The section that `key` is in, if there is none of that name.
    fn undeclared_section(&self, key: &str) -> Option<Hint> {
        let section = tree::segments(key).next()?;
        let is_known = self.known.iter().any(|known| tree::segments(&known.name).next() == Some(section));
        let is_section = matches!(tree::find(&self.root, section)?.kind, ValueKind::Table(_));
        (is_section && !is_known).then(|| Hint::Undeclared(section.to_owned()))
    }

    fn key_of_section_around(&self, key: &str) -> Option<Hint> {
        let (around, field) = split_last(key)?;
        let depth = tree::segments(&around).count();
        let known = self.known.iter().find_map(|known| {
            let (section, name) = known.name.rsplit_once('.')?;
            let is_around = section.split('.').count() < depth && known.is_within(&first(&around, section));
            (name == field && is_around).then_some(section)
        })?;
        Some(Hint::OfSection { field: field.to_owned(), section: first(&around, known), not_of: around })
    }

    /// Where a key of this very name stands, if there is one such place: it was written elsewhere, or has moved.
    fn key_of_other_section(&self, key: &str) -> Option<Hint> {
        let (not_of, field) = split_last(key).filter(|(section, _)| !section.is_empty())?;
        let sections = self.known.iter().filter_map(|known| known.name.rsplit_once('.'));
        let mut sections: Vec<&str> = sections.filter(|(_, name)| *name == field).map(|(section, _)| section).collect();
        let depth = |section: &str| section.split('.').count();
        let highest = sections.iter().map(|section| depth(section)).min()?;
        sections.retain(|section| depth(section) == highest);
        let [section] = sections[..] else { return None };
        Some(Hint::OfSection { field: field.to_owned(), section: section.replace('*', "NAME"), not_of })
    }

    /// The first section around `key` that nobody knows, where nginx does.
    fn section_of_nginx(&self, key: &str) -> Option<Hint> {
        let segments: Vec<&str> = tree::segments(key).collect();
        let is_unknown = |length: &usize| {
            let section = super::key(&segments[..*length]);
            !self.known.iter().any(|known| known.is_within(&section))
        };
        of_nginx(segments[(1..segments.len()).find(is_unknown)? - 1])
    }
}

/// That of a directive of nginx.
fn of_nginx(word: &str) -> Option<Hint> {
    nginx::counterpart(word).map(|counterpart| Hint::OfNginx { directive: word.to_owned(), counterpart })
}

/// How far `key` is from a known name, if that may be what was meant: segment by segment, two letters at most, and one
/// in a short word.
fn distance(name: &str, key: &str) -> Option<usize> {
    let (names, keys) = (tree::segments(name), tree::segments(key));
    if names.count() != keys.count() {
        return None;
    }
    tree::segments(name).zip(tree::segments(key)).try_fold(0, |sum, (name, key)| {
        let distance = strsim::damerau_levenshtein(&name.to_lowercase(), &key.to_lowercase());
        let most = if name.len().min(key.len()) <= 4 { 1 } else { 2 };
        (distance <= most).then_some(sum + distance)
    })
}

/// As many segments of `key` as `pattern` has.
fn first(key: &str, pattern: &str) -> String {
    let segments: Vec<&str> = tree::segments(key).take(pattern.split('.').count()).collect();
    super::key(&segments)
}

/// The pattern with its `*` replaced by the names at the same places in `key`.
fn named_like(pattern: &str, key: &str) -> String {
    let mut given = tree::segments(key);
    let name = |segment| match (segment, given.next()) {
        ("*", Some(name)) => tree::segment(name),
        (segment, _) => tree::segment(segment),
    };
    tree::segments(pattern).map(name).collect::<Vec<_>>().join(".")
}
