use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use foobar_app::AppSettings;
use foobar_core::config::{Config, ConfigError, Key, Loader, Settings, key, settings};
use foobar_core::log::LogSettings;
use foobar_core::{List, Period};
use foobar_db::DatabaseSettings;
use foobar_web::{RouteSettings, ServerName, SiteSettings, WebSettings};

settings! {
    /// `[server]`: the life of the process.
    pub struct ServerSettings in "server" {
        /// How long a stop may take: what is in flight when it has passed is dropped.
        pub shutdown_timeout: Period = r#""30s""#,
        /// How long before a stop `/readyz` says 503 while everything is served as before, so that a balancer in front
        /// sees it and sends nobody here any more. It comes before `shutdown_timeout`.
        pub shutdown_delay: Period = r#""0""#,
    }
}

settings! {
    /// `[admin]`: the listener for operators, with `/livez`, `/readyz` and `/metrics`.
    pub struct AdminSettings in "admin" {
        /// Its address, or `off`; with the word `ssl` after it, it speaks TLS. It has no password: keep it on the
        /// loopback or a
        /// private network. Where the default
        /// is taken by another program, a free port is used and logged; an address of your own must be free.
        pub listen: String = r#""127.0.0.1:9180""#,
        /// The names it answers to besides IP addresses and `localhost`, written as those of a site, such as `"web"`,
        /// by
        /// which a Prometheus in the next container asks. Any other name gets 421: a page elsewhere whose name has been
        /// pointed here (DNS rebinding) must not read what operators read.
        pub server_name: List<ServerName> = "[]",
        /// Its certificate for TLS, as `ssl_certificate` of a site.
        pub ssl_certificate: List<PathBuf> = "[]",
        /// The private key of each `ssl_certificate`, as `ssl_certificate_key` of a site.
        pub ssl_certificate_key: List<PathBuf> = "[]",
    }
}

/// Every section, parsed.
#[derive(Debug)]
pub(crate) struct AllSettings {
    pub(crate) server: ServerSettings,
    pub(crate) admin: AdminSettings,
    pub(crate) log: LogSettings,
    pub(crate) web: WebSettings,
    pub(crate) sites: BTreeMap<String, SiteSettings>,
    pub(crate) app: AppSettings,
    pub(crate) database: DatabaseSettings,
}

impl AllSettings {
    pub(crate) fn parse(config: &Config) -> Result<Self, ConfigError> {
        Ok(Self {
            server: config.section()?,
            admin: config.section()?,
            log: config.section()?,
            web: config.section()?,
            sites: config.at("sites")?,
            app: config.section()?,
            database: config.section()?,
        })
    }
}

/// Merges the configuration. Where it names no site there is one, so that every key has its place.
pub(crate) fn load(loader: Loader) -> Result<Config, ConfigError> {
    let config = loader.clone().load()?;
    if site_names(&config)?.is_empty() {
        return loader.preset(key(&["sites", DEFAULT_SITE, "default"]), "true").load();
    }
    Ok(config)
}

pub(crate) fn site_names(config: &Config) -> Result<Vec<String>, ConfigError> {
    Ok(config.at::<BTreeMap<String, serde::de::IgnoredAny>>("sites")?.into_keys().collect())
}

/// The site that exists where the configuration names none.
pub(crate) const DEFAULT_SITE: &str = "default";

/// A loader that knows every key.
pub(crate) fn loader() -> Loader {
    Loader::default()
        .section::<ServerSettings>()
        .section::<AdminSettings>()
        .section::<LogSettings>()
        .section::<WebSettings>()
        .section::<SiteSettings>()
        .section::<RouteSettings>()
        .section::<AppSettings>()
        .section::<DatabaseSettings>()
}

/// The reference of every configuration key in Markdown, generated from its declaration.
pub fn reference() -> String {
    let mut text = INTRODUCTION.to_owned();
    section::<ServerSettings>(&mut text, "The process");
    section::<AdminSettings>(&mut text, "The listener for operators");
    section::<LogSettings>(&mut text, "The program's own log");
    section::<WebSettings>(&mut text, "The web tier");
    section::<SiteSettings>(&mut text, "Sites");
    section::<RouteSettings>(&mut text, "Routes of a site");
    section::<AppSettings>(&mut text, "The application tier");
    section::<DatabaseSettings>(&mut text, "The database tier");
    text
}

fn section<S: Settings>(text: &mut String, title: &str) {
    let name = S::SECTION.replace("sites.*", "sites.NAME").replace("routes.*", "routes.\"PATH\"");
    push(text, format_args!("\n## `[{name}]` — {title}\n\n| Key | Default | Meaning |\n|---|---|---|\n"));
    S::KEYS.iter().for_each(|key| row(text, key));
    S::KEYS.iter().for_each(|key| rest(text, key));
}

/// A key's row of the table, with the first sentence of its description.
fn row(text: &mut String, key: &Key) {
    let default = key.default.map_or("—".to_owned(), |default| format!("`{default}`"));
    let doc = doc(key);
    let meaning = doc[..first_sentence(&doc)].replace('|', "\\|");
    push(text, format_args!("| `{}` | {default} | {meaning} |\n", field(key)));
}

/// What else a key's description says, below the table.
fn rest(text: &mut String, key: &Key) {
    let doc = doc(key);
    let rest = doc[first_sentence(&doc)..].trim_start();
    if !rest.is_empty() {
        push(text, format_args!("\n`{}`: ", field(key)));
        wrap(text, rest, field(key).len() + "``: ".len());
    }
}

fn field(key: &Key) -> &'static str {
    key.name.rsplit('.').next().unwrap_or(key.name) // a name without a dot is its own last part
}

fn doc(key: &Key) -> String {
    key.doc.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
}

/// Where the first sentence ends: at a full stop before a space that is not inside code.
fn first_sentence(doc: &str) -> usize {
    let mut ends = doc.match_indices(". ").map(|(at, _)| at + 1);
    ends.find(|end| doc[..*end].matches('`').count().is_multiple_of(2)).unwrap_or(doc.len()) // it is the only one
}

/// Writes words in lines of up to 120 characters, of which the first has so many already.
fn wrap(text: &mut String, words: &str, mut width: usize) {
    for (at, word) in words.split(' ').enumerate() {
        width += 1 + word.chars().count();
        match at {
            0 => {}
            _ if width > 120 => {
                text.push('\n');
                width = word.chars().count();
            }
            _ => text.push(' '),
        }
        text.push_str(word);
    }
    text.push('\n');
}

fn push(text: &mut String, line: std::fmt::Arguments<'_>) {
    text.write_fmt(line).expect("writing to a String cannot fail");
}

const INTRODUCTION: &str = "# Configuration

Every key of `foobar.toml`, generated from the code by `foobar config --reference`; a test keeps this page and the
code the same.

The values come from, each overriding the one before: the defaults below, the program's presets, the file
(`foobar.toml` in the working folder, or `--config FILE`), the environment (`FOOBAR__SECTION__KEY`, for example
`FOOBAR__WEB__LISTEN`; lists with commas, or as a TOML array where an item has a comma: `[\"a, b\", \"c\"]`), and the
command line. A secret can be read from a file:
`FOOBAR__DATABASE__URL_FILE=/run/secrets/url`. `foobar config` shows every effective value and where it came from.

Relative paths are relative to the working folder of the process. Variables have two underscores after `FOOBAR` and
between the parts of a key, and capitals; others are not read, and one that is ours but for that is warned of.

An unknown key and a value that does not parse stop the program before it listens. Sizes are written `\"8KiB\"`,
`\"10MiB\"` (powers of 1024) or `\"10MB\"`; lengths of time `\"250ms\"`, `\"30s\"`, `\"5m\"`, `\"1h\"`, `\"30d\"`.
";
