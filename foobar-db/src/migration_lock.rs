//! What an engine gives to the one process of many that runs migrations. It lies below the engines and below what runs
//! migrations: neither of them knows the other.

#[cfg(feature = "sqlite")]
use std::fs::File;

/// What keeps all other processes from running migrations.
pub(crate) enum MigrationLock {
    /// A lock of the operating system, as long as this lives.
    #[cfg(feature = "sqlite")]
    File(#[expect(dead_code, reason = "dropped, it unlocks the file")] File),
    /// There is nobody else.
    #[cfg(feature = "sqlite")]
    Alone,
    /// One that the connection has, until it is closed, where the server has such locks; and once migrations run, a row
    /// in the database, for sessions on other servers of it.
    #[cfg(feature = "mysql")]
    Connection {
        /// Whether the server has given its lock.
        of_server: bool,
        /// That of our row.
        token: Option<String>,
    },
}

/// What has come of an attempt to take the row.
#[cfg(feature = "mysql")]
pub(crate) enum Claim {
    /// It is ours, by this token.
    Ours(String),
    /// Somebody else has it, who may still be there.
    Held(String),
}

impl MigrationLock {
    /// The token of the row, once it is ours.
    pub(crate) fn token(&self) -> Option<&str> {
        match self {
            #[cfg(feature = "mysql")]
            Self::Connection { token, .. } => token.as_deref(),
            #[cfg(feature = "sqlite")]
            Self::File(_) | Self::Alone => None,
        }
    }
}
