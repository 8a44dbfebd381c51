use std::sync::Arc;

use foobar_db::Migrations;

use crate::Context;
use crate::session::layer::SessionLayer;
use crate::session::sealing;
use crate::session::{InCookie, InDatabase, KeyError, SessionSettings, SessionStore};

/// Where an application keeps its [`Session`](crate::Session)s; see [`App::sessions`](crate::App::sessions).
#[derive(Clone, Default)]
pub struct Sessions(Place);

#[derive(Clone, Default)]
enum Place {
    #[default]
    Nowhere,
    Database,
    Cookie,
    Store(Arc<dyn SessionStore>),
}

/// Why sessions cannot be kept where the application wants them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionsError {
    /// In a database that is not there.
    #[error("sessions are kept in the database, and there is none: set `database.url`")]
    NoDatabase,
    /// In cookies that cannot be encrypted.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl Sessions {
    /// No sessions: a handler that takes a [`Session`](crate::Session) answers 500.
    pub fn none() -> Self {
        Self::default()
    }

    /// In the table `foobar_sessions` of the database, which migrations of Foobar's own make. Several processes on one
    /// database share them. The token is in the cookie alone: who reads the table can sign in as nobody.
    pub const fn in_database() -> Self {
        Self(Place::Database)
    }

    /// In the cookie itself, encrypted by `session.keys`: for a site without a database, or many nodes without a common
    /// one. About 2.5 KB fit. No session can be ended from the server before it expires, also not by
    /// [`Session::purge`](crate::Session::purge), which makes the browser forget it; and of two requests at once the last answer wins.
    pub const fn in_cookie() -> Self {
        Self(Place::Cookie)
    }

    /// In a store of your own.
    pub fn in_store(store: impl SessionStore) -> Self {
        Self(Place::Store(Arc::new(store)))
    }

    /// The tables that they need.
    pub(crate) fn migrations(&self) -> Option<Migrations> {
        self.are_in_database().then(InDatabase::migrations)
    }

    pub(crate) const fn are_in_database(&self) -> bool {
        matches!(self.0, Place::Database)
    }

    /// Whether `settings` have what they need.
    pub fn check(&self, settings: &SessionSettings) -> Result<(), KeyError> {
        match self.0 {
            Place::Cookie => InCookie::new(&settings.keys).map(drop),
            Place::Nowhere | Place::Database | Place::Store(_) => sealing::check(&settings.keys),
        }
    }

    /// `None` where there are to be none.
    pub(crate) fn layer(&self, context: &Context) -> Result<Option<Arc<SessionLayer>>, SessionsError> {
        let settings = context.session_settings();
        self.check(&settings)?;
        let layer = match &self.0 {
            Place::Nowhere => return Ok(None),
            Place::Database => {
                let db = context.db().map_err(|_none| SessionsError::NoDatabase)?;
                SessionLayer::in_database(db.clone(), settings)
            }
            Place::Cookie => SessionLayer::in_cookie(settings)?,
            Place::Store(store) => SessionLayer::new(Arc::clone(store), settings),
        };
        Ok(Some(Arc::new(layer)))
    }
}
