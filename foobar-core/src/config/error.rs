use std::path::PathBuf;

/// What is wrong with the configuration: which key, where, and what would be accepted.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration file {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{}{}: not TOML: {message}", path.display(), line.map(|line| format!(":{line}")).unwrap_or_default())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, if the parser tells.
        line: Option<usize>,
        /// What the parser says, without the text.
        message: String,
    },
    /// A key that nothing reads.
    #[error("{origin}: unknown key `{key}`{}", nearest.as_ref().map(|name| format!("; did you mean `{name}`?")).unwrap_or_default())]
    UnknownKey {
        /// The key as given.
        key: String,
        /// Where it stands.
        origin: String,
        /// The known key most like it.
        nearest: Option<String>,
    },
    /// A value that its key does not take.
    #[error("{origin}: `{key}`: {message}")]
    BadValue {
        /// The key.
        key: String,
        /// Where the value stands.
        origin: String,
        /// What is wrong with it and what is accepted.
        message: String,
    },
    /// An environment variable that is not text.
    #[error("{variable}: the value is not UTF-8")]
    NotText {
        /// The environment variable.
        variable: String,
    },
    /// A secret that is given as itself and as a file.
    #[error("{variable} and {variable}_FILE are both set; set one")]
    GivenTwice {
        /// The environment variable.
        variable: String,
    },
    /// The file that a `…_FILE` variable names cannot be read.
    #[error("{variable}: cannot read {}", path.display())]
    SecretFile {
        /// The environment variable.
        variable: String,
        /// The file it names.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// The key and the bare message of an error of the `config` crate.
pub(super) fn split(error: &config::ConfigError) -> (String, String) {
    use config::ConfigError::{At, NotFound, Type};
    match error {
        At { error, key, .. } => {
            let (inner, message) = split(error);
            (key.clone().unwrap_or(inner), message)
        }
        Type { key, unexpected, expected, .. } => {
            (key.clone().unwrap_or_default(), format!("found {unexpected}, expected {expected}"))
        }
        NotFound(key) => (key.clone(), "a value is required".to_owned()),
        other => (String::new(), other.to_string()),
    }
}
