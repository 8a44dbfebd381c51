use super::session::Session;

/// Ends on the server what runs there, by a connection beside the one that waits for it.
pub(super) trait EndOnServer: Send + Sync {
    /// Ends `what` of `session`, if that is certainly a session of the server that this has a connection to; whether the
    /// server has been told to.
    fn end(&self, what: Target, session: &Session) -> bool;
}

/// What of a session is ended.
#[derive(Clone, Copy)]
pub(super) enum Target {
    /// The statement that runs.
    Statement,
    /// All of it.
    Connection,
}
