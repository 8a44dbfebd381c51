use std::io;
use std::path::PathBuf;

use foobar_core::BoxError;
use foobar_core::config::{Config, ConfigError};
use foobar_core::panics::Panic;

/// Why a server could not be composed or started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A setting parses but cannot be used; the tier says why.
    #[error("{origin}{}", if *divided { " (a text, divided at its commas; write a list where an item has a comma)" } else { "" })]
    Setting {
        /// Where the setting stands.
        origin: String,
        /// Whether it is a list that was given as one text.
        divided: bool,
        /// What the tier says of it.
        source: BoxError,
    },
    /// There is no application, no folder and no route.
    #[error("nothing to serve: give an application, `--root DIR`, or a site with a root or routes")]
    NothingToServe,
    /// Both the application and the server have migrations.
    #[error("migrations come from `App::migrations` and from `Server::migrations`; give them in one place")]
    MigrationsTwice,
    /// The configuration file that was asked for is not there.
    #[error("there is no configuration file {}", .0.display())]
    NoConfigFile(PathBuf),
    /// The configuration in use came from a file, and a reload or an upgrade finds none.
    #[error("there is no configuration file {} any more; put it back, or restart to serve without one", .0.display())]
    ConfigFileGone(PathBuf),
    /// The configuration in use came from a file with content, and a reload or an upgrade finds it empty.
    #[error(
        "the configuration file {} is empty, and the one in use is not; write a comment (`#`) into it if that is meant",
        .0.display()
    )]
    ConfigFileEmpty(PathBuf),
    /// The server serves, and cannot take another configuration: it has begun to stop, or cannot start a thread.
    #[error("the configuration cannot be reloaded")]
    Reload(#[source] BoxError),
    /// A tier failed to start.
    #[error(transparent)]
    Tier(#[from] foobar_core::StartError),
}

impl StartError {
    /// What the web tier says; an error that names no setting is one of the tier as a whole.
    pub(crate) fn web(config: &Config, error: BoxError) -> Self {
        let key = error.downcast_ref().and_then(foobar_web::Error::key).unwrap_or("web").to_owned();
        Self::setting(config, &key, error)
    }

    /// What a tier says of the setting `key`.
    pub(crate) fn setting(config: &Config, key: &str, source: impl Into<BoxError>) -> Self {
        Self::Setting { origin: config.origin(key), divided: config.is_divided(key), source: source.into() }
    }

    /// What the application's list of migrations has come to.
    pub(crate) fn migrations(panic: Panic) -> Self {
        let source = foobar_app::StartError::MigrationsPanicked(panic).into();
        Self::Tier(foobar_core::StartError { tier: "app", source })
    }

    /// Whether another server is where this one was to be, whose log may be the same file.
    pub(crate) fn is_of_another_server(&self) -> bool {
        let causes = std::iter::successors(Some(self as &dyn std::error::Error), |error| error.source());
        let is_taken = |error: &io::Error| error.kind() == io::ErrorKind::AddrInUse;
        causes.into_iter().any(|error| error.downcast_ref::<io::Error>().is_some_and(is_taken))
    }

    /// Whether the configuration is to blame, rather than what the server found when it started.
    pub const fn is_configuration(&self) -> bool {
        !matches!(
            self,
            Self::Tier(_) | Self::Reload(_) | Self::MigrationsTwice | Self::Config(ConfigError::Declaration(_))
        )
    }
}
