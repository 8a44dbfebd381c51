//! Sessions in the cookie itself, encrypted: nothing is kept on the server, so none can be ended from here before it
//! expires, and of two requests at once the last answer wins.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use foobar_core::{BoxError, BoxFuture, Secret};

use super::{MAX_TOKEN, SessionStore, Updated};
use crate::session::key_error::KeyError;
use crate::session::record::{SessionChange, SessionRecord};
use crate::session::sealing::Sealing;

pub(crate) struct InCookie(Sealing);

#[derive(Debug, thiserror::Error)]
#[error(
    "the session is too large for a cookie: {0} characters, and {MAX_TOKEN} fit; keep less in it, or sessions in the \
     database (`Sessions::in_database`)"
)]
struct TooLarge(usize);

#[derive(Debug, thiserror::Error)]
#[error(
    "sessions that are kept in their cookies cannot be ended from here; keep them in the database (`Sessions::in_database`)"
)]
pub(crate) struct CannotBeEnded;

impl InCookie {
    pub(crate) fn new(keys: &[Secret]) -> Result<Self, KeyError> {
        Sealing::new(keys, PURPOSE).map(Self)
    }

    fn seal(&self, record: &SessionRecord) -> Result<String, BoxError> {
        let token = URL_SAFE_NO_PAD.encode(self.0.seal(serde_json::to_vec(record)?, NOBODY)?);
        if token.len() > MAX_TOKEN { Err(TooLarge(token.len()).into()) } else { Ok(token) }
    }

    /// `None` of what none of the keys has sealed.
    fn open(&self, token: &str) -> Option<SessionRecord> {
        let sealed = URL_SAFE_NO_PAD.decode(token).ok()?; // else nobody gave it out
        serde_json::from_slice(&self.0.open(&sealed, NOBODY)?).ok() // of another version of this program
    }
}

/// A cookie is whoever's has it.
const NOBODY: &[u8] = b"";
const PURPOSE: &[u8] = b"foobar session cookie";

impl SessionStore for InCookie {
    fn load<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Option<SessionRecord>, BoxError>> {
        Box::pin(async { Ok(self.open(token)) })
    }

    fn create(&self, record: SessionRecord) -> BoxFuture<'_, Result<String, BoxError>> {
        Box::pin(async move { self.seal(&record) })
    }

    fn update<'a>(
        &'a self,
        _token: &'a str,
        mut loaded: SessionRecord,
        change: SessionChange,
    ) -> BoxFuture<'a, Result<Updated, BoxError>> {
        Box::pin(async move {
            change.apply(&mut loaded);
            if loaded.is_empty() {
                return Ok(Updated::Ended);
            }
            self.seal(&loaded).map(Updated::Renewed)
        })
    }

    fn remove<'a>(&'a self, _token: &'a str) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(async { Ok(()) }) // the browser is told to forget it
    }

    fn remove_user<'a>(&'a self, _user: i64, _kept: Option<&'a str>) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(async { Err(CannotBeEnded.into()) })
    }

    fn remove_expired(&self, _now: i64) -> BoxFuture<'_, Result<usize, BoxError>> {
        Box::pin(async { Ok(0) })
    }
}
