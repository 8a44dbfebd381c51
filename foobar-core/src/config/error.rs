use std::fmt;
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
    #[error("{origin}: unknown key `{key}`{}", hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default())]
    UnknownKey {
        /// The key as given.
        key: String,
        /// Where it stands.
        origin: String,
        /// What may have been meant.
        hint: Option<Hint>,
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
    /// A value that a key needs and does not have.
    #[error("{origin}: `{key}`: a value is required; write it there, or set {variable}")]
    Missing {
        /// The key.
        key: String,
        /// Where its section stands.
        origin: String,
        /// The environment variable that would set it.
        variable: String,
    },
    /// One key that is given by two environment variables, as a secret by itself and by a file.
    #[error("{one} and {other} are both set; set one")]
    GivenTwice {
        /// One environment variable.
        one: String,
        /// The other.
        other: String,
    },
    /// An environment variable that may mean either of two names.
    #[error("{variable}: this may be `{}` or `{}`, which differ in their capitals alone; give one another name", names[0], names[1])]
    AmbiguousName {
        /// The environment variable.
        variable: String,
        /// The names in the configuration.
        names: [String; 2],
    },
    /// What the program has declared of its own configuration is wrong.
    #[error("{0}")]
    Declaration(String),
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

/// What an unknown key may have been meant to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// The known key most like it.
    Nearest(String),
    /// A key that stands in another section than the one where it was written.
    OfSection {
        /// The key.
        field: String,
        /// The section where it stands; `NAME` is a name of its own.
        section: String,
        /// The section where it was written.
        not_of: String,
    },
    /// The environment variable that was meant.
    Variable(String),
    /// A directive of nginx.
    OfNginx {
        /// Its name.
        directive: String,
        /// What is written here instead, or why nothing is.
        counterpart: &'static str,
    },
    /// A section that nobody has declared.
    Undeclared(String),
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nearest(name) => write!(f, "did you mean `{name}`?"),
            Self::OfSection { field, section, not_of } => {
                write!(f, "`{field}` is a key of [{section}], not of [{not_of}]")
            }
            Self::Variable(name) => write!(f, "write {name}, with two underscores between the parts of a key"),
            Self::OfNginx { directive, counterpart } => write!(f, "`{directive}` is nginx's: {counterpart}"),
            Self::Undeclared(section) => write!(
                f,
                "nobody has declared a section [{section}]; a program does so with `Server::settings::<T>({section:?})`"
            ),
        }
    }
}
