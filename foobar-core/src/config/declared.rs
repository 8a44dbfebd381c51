//! Sections that a program declares for itself, and what the configuration is called.

use std::any::{TypeId, type_name};

use super::known::Known;
use super::{ConfigError, Key, Section, known, shape, tree};

/// A section of the program's own.
#[derive(Clone, Debug)]
pub struct DeclaredSection {
    /// Its name.
    pub name: String,
    /// The Rust type that it is read into.
    pub kind: &'static str,
    /// Its keys.
    pub keys: Vec<Key>,
}

#[derive(Clone)]
pub(super) struct Declared {
    pub(super) section: DeclaredSection,
    id: TypeId,
    /// What is wrong with the type.
    error: Option<String>,
}

impl Declared {
    pub(super) fn new<T: Section + 'static>(name: String) -> Self {
        let kind = type_name::<T>();
        let (keys, error) = match shape::keys::<T>() {
            Ok(leaves) => (leaves.iter().map(|leaf| key(leaf, T::KEYS)).collect(), None),
            Err(what) => (Vec::new(), Some(format!("a section is a table, and `{kind}` is read from {what}"))),
        };
        Self { section: DeclaredSection { name, kind, keys }, id: TypeId::of::<T>(), error }
    }

    pub(super) fn known(&self) -> impl Iterator<Item = Known> {
        Known::of(&self.section.name, &self.section.keys)
    }

    fn check(&self) -> Result<(), String> {
        let DeclaredSection { name, keys, .. } = &self.section;
        is_name(name)?;
        self.error.clone().map_or(Ok(()), Err)?;
        let is_wrong = |key: &&Key| key.default.is_some_and(|default| known::parse(default).is_none());
        match keys.iter().find(is_wrong) {
            Some(key) if key.is_secret() => Err(format!("the default of `{}` is not TOML", key.name)),
            Some(key) => Err(format!("the default of `{}` is not TOML: {}", key.name, key.default.unwrap_or_default())),
            None => Ok(()),
        }
    }
}

/// What serde tells of a key, and beside it what was declared of the key that it is, or is beneath.
fn key(leaf: &shape::Leaf, declared: &'static [Key]) -> Key {
    let mut segments = tree::segments(&leaf.name);
    let (first, is_alone) = (segments.next(), segments.next().is_none());
    let around = declared.iter().find(|key| Some(key.name.trim_start_matches("r#")) == first);
    let itself = around.filter(|_| is_alone);
    Key {
        name: leaf.name.clone().into(),
        kind: itself.filter(|_| !leaf.is_secret()).map_or(leaf.kind, |key| key.kind),
        default: itself.and_then(|key| key.default),
        doc: around.map_or(&[], |key| key.doc),
    }
}

/// Refuses what the program has declared wrongly, or twice.
pub(super) fn check(own: &[Known], all: &[Declared]) -> Result<(), ConfigError> {
    for (at, declared) in all.iter().enumerate() {
        let DeclaredSection { name, kind, .. } = &declared.section;
        let twice = all[..at].iter().find_map(|other| clash(other, declared));
        let of_foobar = own.iter().any(|known| tree::segments(&known.name).next() == Some(name));
        let wrong = match declared.check() {
            _ if of_foobar => Some("it is a section of Foobar's own; choose another name".to_owned()),
            checked => checked.err(),
        };
        if let Some(message) = twice.or(wrong.map(|wrong| format!("the settings [{name}] (`{kind}`): {wrong}"))) {
            return Err(ConfigError::Declaration(message));
        }
    }
    Ok(())
}

fn clash(one: &Declared, other: &Declared) -> Option<String> {
    let (name, kind) = (&one.section.name, one.section.kind);
    match (one.section.name == other.section.name, one.id == other.id) {
        (true, true) => Some(format!("the settings [{name}] (`{kind}`) are declared twice; once is enough")),
        (true, false) => {
            let other = other.section.kind;
            Some(format!("two settings are named [{name}], `{kind}` and `{other}`; give each a name of its own"))
        }
        (false, true) => {
            let other = &other.section.name;
            Some(format!(
                "`{kind}` is the type of two settings, [{name}] and [{other}]; they are found by their type, so \
                          give each a type of its own"
            ))
        }
        (false, false) => None,
    }
}

/// Whether something is a name that variables of the environment can have too.
fn is_name(name: &str) -> Result<(), String> {
    let is_good = name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte))
        && !name.contains("__")
        && !name.ends_with('_');
    if is_good {
        return Ok(());
    }
    Err(format!("{name:?} is no name: write a letter of a-z and then letters, digits, - and single _"))
}

/// What the configuration of a program is called.
#[derive(Clone)]
pub(super) struct Name(String);

impl Name {
    pub(super) const fn new(name: String) -> Self {
        Self(name)
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        is_name(&self.0).map_err(|error| ConfigError::Declaration(format!("the name of the configuration: {error}")))
    }

    /// The file that is read where nobody names another.
    pub(super) fn file(&self) -> String {
        format!("{}.toml", self.0)
    }

    /// What the names of variables begin with.
    pub(super) fn prefix(&self) -> String {
        format!("{}__", self.0.to_uppercase().replace('-', "_"))
    }
}

impl Default for Name {
    fn default() -> Self {
        Self("foobar".to_owned())
    }
}
