pub(crate) mod in_cookie;
pub(crate) mod in_database;

use std::fmt;

use foobar_core::{BoxError, BoxFuture};

use super::record::{SessionChange, SessionRecord};

/// The longest token, in bytes. What a browser keeps of a cookie is 4 KiB, with its name and its attributes.
pub(super) const MAX_TOKEN: usize = 3800;

/// Where sessions are kept: the database or the cookie itself; implement it for a place of your own.
///
/// A token is what the cookie has: letters, digits, `-` and `_`, 3,800 of them at most. It must not be guessable, and a
/// store should keep it in a form from which it cannot be read.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot keep sessions",
    label = "not a `SessionStore`",
    note = "`Sessions::in_database()` and `Sessions::in_cookie()` need no store of your own",
    note = "for another place implement `foobar::tiers::SessionStore` for a type that owns what it has and is `Send` and `Sync`"
)]
pub trait SessionStore: Send + Sync + 'static {
    /// The session that a token names; `None` where there is none: it has ended, or the token is forged.
    fn load<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Option<SessionRecord>, BoxError>>;

    /// Keeps a new session; its token.
    fn create(&self, record: SessionRecord) -> BoxFuture<'_, Result<String, BoxError>>;

    /// Changes the session that was `loaded` by a token. Where another request has changed it meanwhile, both changes
    /// stay, key by key. One that is [empty](SessionRecord::is_empty) then may be removed.
    fn update<'a>(
        &'a self,
        token: &'a str,
        loaded: SessionRecord,
        change: SessionChange,
    ) -> BoxFuture<'a, Result<Updated, BoxError>>;

    /// Keeps a new session in place of that of a token, which ends; the new one's token. By default it is made first, so that
    /// neither is lost where the store fails in between; a store that does both in one step leaves none behind then either.
    fn replace<'a>(&'a self, token: &'a str, record: SessionRecord) -> BoxFuture<'a, Result<String, BoxError>> {
        Box::pin(async move {
            let new = self.create(record).await?;
            self.remove(token).await?;
            Ok(new)
        })
    }

    /// Ends the session of a token; nothing where there is none.
    fn remove<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<(), BoxError>>;

    /// Ends all sessions of a user, but that of the token `kept`.
    fn remove_user<'a>(&'a self, user: i64, kept: Option<&'a str>) -> BoxFuture<'a, Result<(), BoxError>>;

    /// Forgets the sessions that have ended at this time; how many.
    fn remove_expired(&self, now: i64) -> BoxFuture<'_, Result<usize, BoxError>>;
}

/// What became of a session that was to be changed.
#[derive(Clone, PartialEq, Eq)]
pub enum Updated {
    /// It keeps its token.
    Kept,
    /// It goes on under this token.
    Renewed(String),
    /// Nothing was left in it, and it is removed: the browser is told to forget its cookie.
    Ended,
    /// It has ended meanwhile, and nothing was kept.
    Gone,
}

/// Whoever has the token has the session.
impl fmt::Debug for Updated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kept => "Kept",
            Self::Renewed(_token) => "Renewed(..)",
            Self::Ended => "Ended",
            Self::Gone => "Gone",
        })
    }
}
