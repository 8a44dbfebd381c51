use std::sync::{Arc, Mutex, PoisonError};

/// Whether it is a server's turn on sockets that it shares with another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Turn {
    /// Another one still serves: connections are left to it, and so are the files of Unix sockets.
    Next,
    /// It serves.
    #[default]
    Now,
    /// Another one serves already: new connections are its own, and so are the files of Unix sockets.
    Over,
}

/// Whose turn it is, for the files of Unix sockets.
#[derive(Clone, Default)]
pub(super) struct SharedTurn(Arc<Mutex<Turn>>);

impl SharedTurn {
    pub(super) fn set(&self, turn: Turn) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = turn; // it is whole at any time
    }

    /// Whether a file stays that is this process's, or was inherited.
    pub(super) fn keeps_file(&self, is_inherited: bool) -> bool {
        match *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Turn::Next => is_inherited,
            Turn::Now => false,
            Turn::Over => true,
        }
    }
}
