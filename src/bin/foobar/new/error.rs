use std::io;
use std::path::PathBuf;

use super::dependency::DependencyError;
use super::interrupt::Interruption;
use super::name::NameError;
use super::toolchain::NoCargo;

/// Why a package was not made. Nothing of it is there.
#[derive(Debug, thiserror::Error)]
pub(super) enum NewError {
    #[error(transparent)]
    Name(#[from] NameError),
    #[error(transparent)]
    Dependency(#[from] DependencyError),
    #[error(transparent)]
    Toolchain(#[from] NoCargo),
    #[error("the folder {} is there already and not empty; choose another name", .0.display())]
    NotEmpty(PathBuf),
    #[error("{} is there already and no folder; choose another name", .0.display())]
    NoFolder(PathBuf),
    #[error("cannot write {}; nothing was made", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{0} has come; nothing was made")]
    Interrupted(Interruption),
    #[error("the folder in which the package is to be made cannot be read")]
    Here(#[source] io::Error),
}

impl NewError {
    /// 2 where something else must be asked for, and after a signal what shells say of it.
    pub(super) const fn exit_code(&self) -> u8 {
        match self {
            Self::Name(_) | Self::Dependency(_) => 2,
            Self::Interrupted(interruption) => interruption.exit_code(),
            Self::Toolchain(_) | Self::NotEmpty(_) | Self::NoFolder(_) | Self::Io { .. } | Self::Here(_) => 1,
        }
    }
}
