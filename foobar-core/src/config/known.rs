use config::{Value, ValueKind};

use super::origin::DEFAULT;
use super::read::read;
use super::tree::{self, split_last};
use super::{Key, Section};

/// A key by its full name, in which `*` stands for a name that the user chooses, and a last `**` for all that is
/// beneath.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) name: String,
    pub(super) key: Key,
}

impl Known {
    pub(super) fn of(section: &str, keys: &[Key]) -> impl Iterator<Item = Self> {
        keys.iter().map(move |key| Self { name: format!("{section}.{}", key.name), key: key.clone() })
    }

    pub(super) fn is_secret(&self) -> bool {
        self.key.is_secret()
    }

    /// Whether `key` is this one.
    pub(super) fn matches(&self, key: &str) -> bool {
        self.is(tree::segments(key), |known, given| known == given)
    }

    /// Whether these segments are this key, whatever their capitals.
    pub(super) fn is_like(&self, segments: &[&str]) -> bool {
        self.is(segments.iter().copied(), |known, given| known.to_lowercase() == given.to_lowercase())
    }

    fn is<'a>(&self, mut given: impl Iterator<Item = &'a str>, same: fn(&str, &str) -> bool) -> bool {
        for known in tree::segments(&self.name) {
            match given.next() {
                Some(_) if known == BENEATH => return true,
                Some(given) if tree::is_any(known) || same(known, given) => {}
                _ => return false,
            }
        }
        given.next().is_none()
    }

    /// Whether `section` is a table on the way to this key.
    pub(super) fn is_within(&self, section: &str) -> bool {
        let mut known = tree::segments(&self.name);
        for given in tree::segments(section) {
            match known.next() {
                Some(BENEATH) => return true,
                Some(known) if tree::is_any(known) || known == given => {}
                _ => return false,
            }
        }
        known.next().is_some()
    }

    /// Whether its name stands for many, so that none of them can be missing.
    pub(super) fn is_open(&self) -> bool {
        split_last(&self.name).is_some_and(|(_, last)| tree::is_any(last) || last == BENEATH)
    }
}

/// The last segment of a name that stands for all beneath.
pub(super) const BENEATH: &str = "**";

/// The values that a section has when nobody gives any.
pub fn defaults<S: Section>() -> S {
    let mut section = config::Map::new();
    for key in S::KEYS {
        if let Some(default) = key.default {
            section.insert(key.name.to_string(), default_of(default));
        }
    }
    let section = Value::new(None, ValueKind::Table(section));
    read(section).unwrap_or_else(|wrong| panic!("a default of {} is wrong: {wrong}", std::any::type_name::<S>()))
}

/// The value of a default that has been checked, or is Foobar's own.
pub(super) fn default_of(default: &str) -> Value {
    let value = parse(default).unwrap_or_else(|| panic!("the default {default} is not TOML"));
    Value::new(Some(&DEFAULT.to_owned()), value.kind)
}

/// A value as TOML; `None` if it is not.
pub(super) fn parse(value: &str) -> Option<Value> {
    let text = format!("value = {value}");
    let file = config::File::from_str(&text, config::FileFormat::Toml);
    let parsed = config::Config::builder().add_source(file).build();
    tree::find(&parsed.ok()?.cache, "value").cloned() // what is wrong with it is plain to see
}
