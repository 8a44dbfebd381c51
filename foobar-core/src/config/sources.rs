use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use config::{File, FileFormat, Map, Source, Value};

use super::stray_variable::{self, PREFIX};
use super::{Config, ConfigError, Key, Settings, locate, tree};

/// Collects the sources of a configuration and merges them.
#[derive(Clone, Default)]
pub struct Loader {
    keys: Vec<&'static Key>,
    presets: Vec<Override>,
    file: Option<PathBuf>,
    environment: Vec<(String, OsString)>,
    /// Variables that are not ours, by name.
    others: Vec<String>,
    given: Vec<Override>,
}

impl Loader {
    /// Makes the keys of a section known.
    #[must_use]
    pub fn section<S: Settings>(mut self) -> Self {
        self.keys.extend(S::KEYS);
        self
    }

    /// Sets one key beneath file and environment: a default of the program. With `*` for a segment it is the default
    /// of that key in every section there is, as in `sites.*.root`.
    #[must_use]
    pub fn preset(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.presets.push(Override { key: key.into(), value: value.into(), origin: PROGRAM.to_owned() });
        self
    }

    /// Sets one key beneath all presets, also those set before.
    #[must_use]
    pub fn preset_beneath(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.presets.insert(0, Override { key: key.into(), value: value.into(), origin: PROGRAM.to_owned() });
        self
    }

    /// Reads this TOML file, which must exist.
    #[must_use]
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.file = Some(path.into());
        self
    }

    /// Whether it has been given a file to read.
    pub const fn has_file(&self) -> bool {
        self.file.is_some()
    }

    /// Takes the variables that start with `FOOBAR__`; pass `std::env::vars_os()`.
    #[must_use]
    pub fn environment(mut self, variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let named = variables.into_iter().filter_map(|(name, value)| Some((name.into_string().ok()?, value))); // not ours
        let (ours, others): (Vec<_>, Vec<_>) = named.partition(|(name, _)| name.starts_with(PREFIX));
        self.environment.extend(ours);
        self.others.extend(others.into_iter().map(|(name, _)| name));
        self
    }

    /// Sets one key, above file and environment; `origin` says who, such as `--listen`.
    #[must_use]
    pub fn set(mut self, key: impl Into<String>, value: impl Into<String>, origin: impl Into<String>) -> Self {
        self.given.push(Override { key: key.into(), value: value.into(), origin: origin.into() });
        self
    }

    /// Merges the sources, refuses unknown keys and fills in the defaults.
    pub fn load(self) -> Result<Config, ConfigError> {
        let Self { keys, presets, file, environment, others, given } = self;
        let file = file.map(read).transpose()?;
        let environment = from_environment(&keys, environment)?;
        let (everywhere, presets): (Vec<_>, Vec<_>) =
            presets.into_iter().partition(|preset| preset.key.split('.').any(|part| part == "*"));
        let root = merge(Values(presets), file.as_ref(), Values(environment), Values(given))?;
        let warnings = others.iter().filter_map(|name| stray(&keys, name)).collect();
        let mut config = Config { root, keys, file, warnings };
        config.refuse_unknown()?;
        config.fill_in_presets(&everywhere)?;
        config.fill_in_defaults();
        Ok(config)
    }
}

/// What to write in the place of a variable that nobody reads.
fn stray(keys: &[&Key], name: &str) -> Option<String> {
    let meant = stray_variable::meant(keys, name)?;
    Some(format!("{name}: this variable is not read; write {meant}, with two underscores between the parts of a key"))
}

/// The origin of presets.
const PROGRAM: &str = "program";

/// A value that a person or program gave for one key. It may be a secret, so it has no `Debug`.
#[derive(Clone)]
pub(super) struct Override {
    pub(super) key: String,
    value: String,
    origin: String,
}

impl Override {
    pub(super) fn value(&self) -> Value {
        Value::new(Some(&self.origin), self.value.clone())
    }
}

/// Overrides as a source of the `config` crate.
#[derive(Clone)]
struct Values(Vec<Override>);

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|given| &given.key)).finish()
    }
}

impl Source for Values {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, config::ConfigError> {
        let mut root = Map::new();
        for given in &self.0 {
            tree::insert(&mut root, &given.key, given.value());
        }
        Ok(root)
    }
}

fn read(path: PathBuf) -> Result<locate::Source, ConfigError> {
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(locate::Source::new(path, text)),
        Err(source) => Err(ConfigError::Unreadable { path, source }),
    }
}

fn from_environment(keys: &[&Key], variables: Vec<(String, OsString)>) -> Result<Vec<Override>, ConfigError> {
    let mut all: Vec<Override> = Vec::with_capacity(variables.len());
    for (variable, value) in variables {
        let given = from_variable(keys, variable, value)?;
        if let Some(twice) = all.iter().find(|other| other.key == given.key) {
            let mut both = [twice.origin.clone(), given.origin];
            both.sort_by_key(String::len);
            let [variable, other] = both;
            return Err(ConfigError::GivenTwice { variable, other });
        }
        all.push(given);
    }
    Ok(all)
}

/// `FOOBAR__WEB__LISTEN` sets `web.listen`; `FOOBAR__DATABASE__URL_FILE` sets the secret `database.url`.
fn from_variable(keys: &[&Key], variable: String, value: OsString) -> Result<Override, ConfigError> {
    let key = variable[PREFIX.len()..].to_lowercase().replace("__", ".");
    if let Some(secret) = key.strip_suffix("_file")
        && keys.iter().any(|known| known.is_secret() && known.matches(secret))
    {
        let path = PathBuf::from(value);
        return match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Override { key: secret.to_owned(), value: text.trim().to_owned(), origin: variable }),
            Err(source) => Err(ConfigError::SecretFile { variable, path, source }),
        };
    }
    match value.into_string() {
        Ok(value) => Ok(Override { key, value, origin: variable }),
        Err(_) => Err(ConfigError::NotText { variable }),
    }
}

fn merge(
    presets: Values,
    file: Option<&locate::Source>,
    environment: Values,
    given: Values,
) -> Result<Value, ConfigError> {
    let mut builder = config::Config::builder().add_source(presets);
    if let Some(file) = file {
        file.check()?;
        builder = builder.add_source(File::from_str(file.text(), FileFormat::Toml));
    }
    let merged = builder.add_source(environment).add_source(given).build();
    Ok(merged.expect("the file has been parsed and given values are in memory").cache)
}
