/// Why a connection could not be opened.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The database refuses this user, password, name or file: trying again does not help.
    #[error("{0}")]
    Refused(String),
    /// The database is there, and has as many connections as it takes.
    #[error("{0}")]
    Full(String),
    /// The database cannot be reached, or takes no connection now.
    #[error("{0}")]
    Unreachable(String),
}
