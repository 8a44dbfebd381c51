use std::fmt::Write;

use foobar_app::{AppSettings, SessionSettings};
use foobar_core::config::{Config, DeclaredSection, Key, Settings};
use foobar_core::log::LogSettings;
use foobar_db::DatabaseSettings;
use foobar_web::{AcmeSettings, DnsSettings, RouteSettings, SiteSettings, WebSettings};

use crate::settings::{AdminSettings, ControlSettings, ServerSettings};

/// The reference of every configuration key in Markdown, generated from its declaration.
pub fn reference() -> String {
    let mut text = INTRODUCTION.to_owned();
    section::<ServerSettings>(&mut text, "The process");
    section::<AdminSettings>(&mut text, "The listener for operators");
    section::<ControlSettings>(&mut text, "Orders to a server that runs");
    section::<LogSettings>(&mut text, "The program's own log");
    section::<WebSettings>(&mut text, "The web tier");
    section::<AcmeSettings>(&mut text, "Who signs the web tier's certificates; `[acme.NAME]` is another one");
    section::<DnsSettings>(&mut text, "The names of the sites");
    section::<SiteSettings>(&mut text, "Sites");
    section::<RouteSettings>(&mut text, "Routes of a site");
    section::<AppSettings>(&mut text, "The application tier");
    section::<SessionSettings>(&mut text, "The sessions of visitors");
    section::<DatabaseSettings>(&mut text, "The database tier");
    text
}

/// The reference of a program: under its own name of the configuration, with the sections that it has declared.
pub(crate) fn of_program(config: &Config) -> String {
    let mut text = reference().replace("foobar.toml", &config.file_name()).replace("FOOBAR__", &config.prefix());
    config.declared().iter().for_each(|section| declared(&mut text, config, section));
    text
}

fn section<S: Settings>(text: &mut String, title: &str) {
    let name = S::SECTION.replace("sites.*", "sites.NAME").replace("routes.*", "routes.\"PATH\"");
    head(text, &name, title);
    S::KEYS.iter().for_each(|key| row(text, key, key.default));
    S::KEYS.iter().for_each(|key| rest(text, key));
}

/// A section of the program's own. The description of a table stands in the rows of its keys, and once below.
fn declared(text: &mut String, config: &Config, section: &DeclaredSection) {
    head(text, &section.name, "Of this program");
    let keys: Vec<&Key> = section.keys.iter().filter(|key| !key.name.ends_with("**")).collect();
    for key in &keys {
        let preset = config.preset(&format!("{}.{}", section.name, key.name));
        let default = if key.is_secret() { key.default.map(|_| "***") } else { preset.as_deref().or(key.default) };
        row(text, key, default);
    }
    keys.iter().filter(|key| !key.name.contains('.')).for_each(|key| rest(text, key));
}

fn head(text: &mut String, section: &str, title: &str) {
    push(text, format_args!("\n## `[{section}]` — {title}\n\n| Key | Default | Meaning |\n|---|---|---|\n"));
}

/// A key's row of the table, with the first sentence of its description.
fn row(text: &mut String, key: &Key, default: Option<&str>) {
    let default = default.map_or("—".to_owned(), |default| format!("`{default}`"));
    let doc = doc(key);
    let meaning = doc[..first_sentence(&doc)].replace('|', "\\|");
    push(text, format_args!("| `{}` | {default} | {meaning} |\n", key.name.replace('*', "NAME")));
}

/// What else a key's description says, below the table.
fn rest(text: &mut String, key: &Key) {
    let doc = doc(key);
    let rest = doc[first_sentence(&doc)..].trim_start();
    if !rest.is_empty() {
        push(text, format_args!("\n`{}`: ", key.name));
        wrap(text, rest, key.name.len() + "``: ".len());
    }
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

Every key of `foobar.toml`, generated from the code by the command `config --reference`.

The values come from, each overriding the one before: the defaults below, the program's presets, the file
(`foobar.toml` in the working folder, or `--config FILE`), the environment (`FOOBAR__SECTION__KEY`, for example
`FOOBAR__WEB__LISTEN`; lists with commas, or as a TOML array where an item has a comma: `[\"a, b\", \"c\"]`), and the
command line. A secret can be read from a file:
`FOOBAR__DATABASE__URL_FILE=/run/secrets/url`. The command `config` shows every effective value and where it came from.

Relative paths are relative to the working folder of the process. Variables begin with `FOOBAR__`, have two underscores
between the parts of a key, and capitals; others are not read, and one that is ours but for that is warned of. A name of your own, such as that of a
site, has the capitals that it has in the file, else small letters, unless the variable is written with some.

An unknown key and a value that does not parse stop the program before it listens. In a file a value has the type of its
key, and no other: `3` is not `\"3\"`, `3.0` or `true`; what the environment and the command line give is text, and is read as what
its key takes. Sizes are written `\"8KiB\"`, `\"10MiB\"` (powers of 1024) or `\"10MB\"`; lengths of time `\"250ms\"`, `\"30s\"`, `\"5m\"`,
`\"1h\"`, `\"30d\"`.
";
