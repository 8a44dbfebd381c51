//! Which configuration may follow another one: a file that is gone or empty where there was one with content is a
//! mistake, and not the wish for the defaults.

use foobar_core::config::Config;

use crate::StartError;

/// What is known of the file of a configuration, also by the program that takes the place of another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ConfigFile {
    #[default]
    Absent,
    /// It is empty, but for blanks.
    Empty,
    Filled,
}

impl ConfigFile {
    pub(crate) fn of(config: &Config) -> Self {
        match config.file() {
            None => Self::Absent,
            Some(_) if config.is_file_empty() => Self::Empty,
            Some(_) => Self::Filled,
        }
    }

    /// Refuses a configuration that lacks what this one had. The name of a file is that of the one that is looked for.
    pub(crate) fn require_in(self, next: &Config) -> Result<(), StartError> {
        match (self, Self::of(next)) {
            (Self::Empty | Self::Filled, Self::Absent) => Err(StartError::ConfigFileGone(next.file_name().into())),
            (Self::Filled, Self::Empty) => {
                let path = next.file().unwrap_or_default(); // there is one
                Err(StartError::ConfigFileEmpty(path))
            }
            _ => Ok(()),
        }
    }
}
