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
        match EnvFilter::try_new(&text) {
            Ok(_) => Ok(Self(text)),
            Err(error) => Err(format!("{text:?} is not a filter ({error}); write for example \"info\"")),
        }
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
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
