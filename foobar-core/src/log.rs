//! Set-up of the log, for the program's `main`; no library code calls it.

use crate::BoxError;
use crate::config::settings;

settings! {
    /// `[log]`: what this program says about itself, on standard error.
    pub struct LogSettings in "log" {
        /// What is logged: a level (`error`, `warn`, `info`, `debug`, `trace`) or tracing directives such as `"info,foobar_web=debug"`.
        pub filter: String = r#""info""#,
        /// How lines look: `text` for people, `json` for machines.
        pub format: LogFormat = r#""text""#,
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
/// Fails if the filter does not parse or a subscriber is there already.
pub fn init(settings: &LogSettings) -> Result<(), BoxError> {
    use std::io::{IsTerminal, stderr};

    let filter = tracing_subscriber::EnvFilter::try_new(&settings.filter)
        .map_err(|error| format!("log.filter = {:?} is not a filter: {error}", settings.filter))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    match settings.format {
        LogFormat::Text => lines.with_ansi(stderr().is_terminal()).try_init(),
        LogFormat::Json => lines.json().try_init(),
    }
}
