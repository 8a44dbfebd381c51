use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use config::{File, FileFormat, Map, Source, Value, ValueKind};

use super::declared::{Declared, Name};
use super::given::Override;
use super::known::Known;
use super::origin::{DEFAULTS, PROGRAM};
use super::{Config, ConfigError, Section, Settings, declared, environment, locate, stray_variable, tree};

/// Collects the sources of a configuration and merges them.
#[derive(Clone, Default)]
pub struct Loader {
    name: Name,
    known: Vec<Known>,
    declared: Vec<Declared>,
    beneath: Vec<Override>,
    defaults: Vec<String>,
    presets: Vec<Override>,
    file: Option<PathBuf>,
    environment: Vec<(String, OsString)>,
    given: Vec<Override>,
    leaves_unknown: bool,
}

impl Loader {
    /// Makes the keys of a section of Foobar's own known.
    #[must_use]
    pub fn section<S: Settings>(mut self) -> Self {
        self.known.extend(Known::of(S::SECTION, S::KEYS));
        self
    }

    /// Makes the same keys known in other tables too, such as `"acme.*"`.
    #[must_use]
    pub fn section_in<S: Settings>(mut self, section: &str) -> Self {
        self.known.extend(Known::of(section, S::KEYS));
        self
    }

    /// Makes a section of the program's own known. What is wrong with it, [`load`](Self::load) tells.
    #[must_use]
    pub fn declare<T: Section + 'static>(mut self, section: impl Into<String>) -> Self {
        self.declared.push(Declared::new::<T>(section.into()));
        self
    }

    /// Changes the name of the file from `foobar.toml` to `NAME.toml`, and the first part of the variables from
    /// `FOOBAR__` to `NAME__`.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Name::new(name.into());
        self
    }

    /// The name of the file that is read where nobody names another.
    pub fn file_name(&self) -> String {
        self.name.file()
    }

    /// Takes the program's own defaults as TOML: beneath all presets, and with stars as in [`preset`](Self::preset),
    /// `[sites."*"]`. What a second text says goes above the first.
    #[must_use]
    pub fn defaults(mut self, toml: impl Into<String>) -> Self {
        self.defaults.push(toml.into());
        self
    }

    /// Sets one key beneath file and environment: a default of the program. With `*` for a segment it is the default
    /// of that key in every section there is, as in `sites.*.root`; it makes no site.
    #[must_use]
    pub fn preset(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.presets.push(Override::text(key, value, PROGRAM));
        self
    }

    /// Sets one key beneath all presets and defaults of the program.
    #[must_use]
    pub fn preset_beneath(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.beneath.push(Override::text(key, value, PROGRAM));
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
        self.environment.extend(named);
        self
    }

    /// Sets one key, above file and environment; `origin` says who, such as `--listen`.
    #[must_use]
    pub fn set(mut self, key: impl Into<String>, value: impl Into<String>, origin: impl Into<String>) -> Self {
        self.given.push(Override::text(key, value, origin));
        self
    }

    /// Leaves unknown keys where they are instead of refusing them: for whoever looks for one value in a configuration that
    /// may be wrong elsewhere.
    #[must_use]
    pub const fn leave_unknown(mut self) -> Self {
        self.leaves_unknown = true;
        self
    }

    /// Merges the sources, refuses unknown keys and fills in the defaults.
    pub fn load(mut self) -> Result<Config, ConfigError> {
        self.name.check()?;
        declared::check(&self.known, &self.declared)?;
        self.known.extend(self.declared.iter().flat_map(Declared::known));
        let file = self.file.take().map(read).transpose()?;
        let (everywhere, presets) = self.of_the_program()?;
        let sources = |environment| [Values(presets.clone()), environment, Values(self.given.clone())];
        let (prefix, known) = (self.name.prefix(), self.known);
        let (ours, others): (Vec<_>, Vec<_>) =
            self.environment.into_iter().partition(|(name, _)| name.starts_with(&prefix));
        let warnings = others.iter().filter_map(|(name, _)| stray_variable::warning(&known, &prefix, name)).collect();
        let names = merge(sources(Values::default()), file.as_ref());
        let environment = environment::read(&known, names, &prefix, ours)?;
        let root = merge(sources(Values(environment)), file.as_ref());
        let declared = self.declared.into_iter().map(|declared| declared.section).collect();
        let mut config = Config { root, known, declared, name: self.name, presets, file, warnings };
        if !self.leaves_unknown {
            config.refuse_unknown()?;
        }
        config.fill_in_presets(&everywhere)?;
        config.fill_in_defaults();
        Ok(config)
    }

    /// Presets and defaults of the program, the strongest last: those with a star, and the others.
    fn of_the_program(&mut self) -> Result<(Vec<Override>, Vec<Override>), ConfigError> {
        let mut all = std::mem::take(&mut self.beneath);
        for text in self.defaults.drain(..) {
            all.extend(of_text(text)?);
        }
        all.append(&mut self.presets);
        Ok(all.into_iter().partition(|preset| tree::has_star(&preset.key)))
    }
}

/// Overrides as a source of the `config` crate.
#[derive(Clone, Default)]
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
        Ok(text) => locate::Source::new(path, text).check(),
        Err(source) => Err(ConfigError::Unreadable { path, source }),
    }
}

/// Each value of the program's own text of defaults. An empty table counts where it makes a section.
fn of_text(text: String) -> Result<Vec<Override>, ConfigError> {
    let source = locate::Source::new(DEFAULTS.into(), text).check()?;
    let mut all = Vec::new();
    tree::leaves(
        &merge([Values::default(), Values::default(), Values::default()], Some(&source)),
        &mut |key, value| {
            let is_empty = matches!(value.kind, ValueKind::Table(_));
            if !(is_empty && tree::has_star(key)) {
                let origin = source.place(key, None);
                all.push(Override::new(key, value.kind.clone(), origin));
            }
        },
    );
    Ok(all)
}

/// Presets, the file, the environment, and what is set above all.
fn merge([presets, environment, given]: [Values; 3], file: Option<&locate::Source>) -> Value {
    let mut builder = config::Config::builder().add_source(presets);
    if let Some(file) = file {
        builder = builder.add_source(File::from_str(file.text(), FileFormat::Toml));
    }
    let merged = builder.add_source(environment).add_source(given).build();
    merged.expect("the file has been parsed and given values are in memory").cache
}
