//! Why a tier cannot be made or started, and what of its settings will not work. It must not know who asks.

use std::io;
use std::path::PathBuf;

use foobar_core::BoxError;
use rustix::io::Errno;

/// Why the web tier cannot be built or started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting has a value that means nothing.
    #[error("`{key}`: {message}")]
    Setting {
        /// The full key, such as `web.listen`.
        key: String,
        /// What is wrong and what is accepted.
        message: String,
    },
    /// A file or folder that a setting names cannot be opened.
    #[error("`{key}`: cannot open {}", path.display())]
    Open {
        /// The full key.
        key: String,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An address of `web.listen` cannot be listened on.
    #[error("`web.listen`: cannot listen on {address}; {advice}")]
    Listen {
        /// The address as configured.
        address: String,
        /// What to do.
        advice: &'static str,
        /// Why.
        source: io::Error,
    },
    /// A thread could not be started or its runtime could not be built.
    #[error("cannot start the thread {name}")]
    Thread {
        /// The thread's name.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// The application could not be made on a worker thread.
    #[error("the application could not start on a worker thread")]
    Application(#[source] BoxError),
    /// The folder of `web.state_dir` cannot be used.
    #[error("`web.state_dir`: cannot use {}; {}", path.display(), advice_on_state(source))]
    State {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A command about certificates cannot be carried out.
    #[error("{0}")]
    Certificates(String),
    /// A worker thread could not take the sockets of another configuration, so that no worker has taken it: all go on under the
    /// one before.
    #[error("a worker thread cannot listen as the new configuration says, and all keep the one before; reload again")]
    Reload(#[source] io::Error),
    /// The tier serves nothing whose configuration could change: it has not started, or has been drained.
    #[error("the web tier does not serve: there is nothing to reload")]
    NotServing,
    /// The tier has been started before; it starts once.
    #[error("the web tier has been started before")]
    Started,
}

impl Error {
    /// The configuration key that is to blame.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Setting { key, .. } | Self::Open { key, .. } => Some(key),
            Self::Listen { .. } => Some("web.listen"),
            Self::State { .. } => Some("web.state_dir"),
            Self::Thread { .. }
            | Self::Application(_)
            | Self::Certificates(_)
            | Self::Reload(_)
            | Self::NotServing
            | Self::Started => None,
        }
    }

    pub(crate) fn setting(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Setting { key: key.into(), message: message.into() }
    }
}

/// A setting that will not work as somebody may expect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The full key; it may have its default, which is no mistake of anybody's.
    pub key: String,
    /// What will not work, and why.
    pub message: String,
}

/// What helps where the state folder cannot be used.
fn advice_on_state(error: &io::Error) -> &'static str {
    match Errno::from_io_error(error) {
        Some(Errno::NOSPC | Errno::DQUOT) => "make room there",
        Some(Errno::ROFS) => "its file system is read-only; name a folder elsewhere",
        _ => "name a folder that this server may read and write",
    }
}

/// Whether the process or the machine may open no more files.
pub(crate) fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_folder_without_room_is_told_from_one_that_may_not_be_used() {
        let message =
            |errno: Errno| Error::State { path: PathBuf::from("state/acme/a.json"), source: errno.into() }.to_string();
        for full in [Errno::NOSPC, Errno::DQUOT] {
            assert_eq!(message(full), "`web.state_dir`: cannot use state/acme/a.json; make room there");
        }
        assert!(message(Errno::ROFS).ends_with("read-only; name a folder elsewhere"));
        assert!(message(Errno::ACCESS).ends_with("; name a folder that this server may read and write"));
    }
}
