//! Set-up of the log, for the program's `main`; no library code calls it.

use crate::BoxError;
use crate::config::settings;
use tracing_subscriber::EnvFilter;

settings! {
    /// `[log]`: what this program says about itself, on standard error.
    pub struct LogSettings in "log" {
        /// What is logged: a level (`error`, `warn`, `info`, `debug`, `trace`) or tracing directives such as `"info,foobar_web=debug"`.
        pub filter: LogFilter = r#""info""#,
        /// How lines look: `text` for people, `json` for machines.
        pub format: LogFormat = r#""text""#,
    }
}

/// Directives of `tracing`, known to parse.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct LogFilter(String);

impl TryFrom<String> for LogFilter {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let filter = text.replace(' ', "");
        if filter.split(',').all(is_directive) && EnvFilter::try_new(&filter).is_ok() {
            return Ok(Self(filter));
        }
        Err(format!("{text:?} is not a filter; write a level ({}) or TARGET=LEVEL, with commas", LEVELS.join(", ")))
    }
}

/// `tracing` takes a word that is no level for a target, and so a typo for silence.
fn is_directive(text: &str) -> bool {
    let level = text.rsplit_once('=').map_or(text, |(_, level)| level);
    LEVELS.iter().any(|known| level.eq_ignore_ascii_case(known))
}

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

impl TryFrom<String> for LogFormat {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.as_str() {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("write \"text\" or \"json\""),
        }
    }
}

/// Installs a subscriber for the whole process that writes to standard error.
///
/// Takes what the `log` crate is told too. Fails if a subscriber is there already.
pub fn init(settings: &LogSettings) -> Result<(), BoxError> {
    use std::io::{IsTerminal, stderr};

    let filter = EnvFilter::new(&settings.filter.0);
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    match settings.format {
        LogFormat::Text => lines.with_ansi(stderr().is_terminal()).try_init(),
        LogFormat::Json => lines.json().try_init(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_levels_and_targets_with_levels_and_a_typo_is_neither() {
        for good in ["info", "WARN", "off", "info,foobar_web=debug", "warn, foobar_db=off"] {
            assert!(LogFilter::try_from(good.to_owned()).is_ok(), "{good}");
        }
        for bad in ["inof", "", "info,foobar_web", "foobar_web=debgu", "foobar=nonsense=1"] {
            assert!(LogFilter::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
