//! Sessions: what an application remembers of a visitor between requests.

mod cookie;
pub(crate) mod current;
mod flash;
mod keeping;
mod key_error;
pub(crate) mod layer;
mod record;
#[cfg(feature = "accounts")]
mod row;
pub(crate) mod sealing;
mod settings;
pub(crate) mod state;
mod store;
pub(crate) mod token;
mod unfinished;

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use foobar_core::BoxError;
#[cfg(feature = "accounts")]
use foobar_core::Chain;
use serde::Serialize;
use serde::de::DeserializeOwned;

#[cfg(feature = "accounts")]
use crate::Db;
use crate::Error;
#[cfg(feature = "accounts")]
use current::Draft;
use current::{Current, Saved};
use state::{CSRF, FLASHES};
#[cfg(feature = "accounts")]
use state::{PASSWORD, RIGHTS};

pub use flash::Flash;
pub use key_error::KeyError;
pub use record::{SessionChange, SessionRecord};
pub use settings::{CookieName, SessionSettings};
#[cfg(feature = "accounts")]
use store::in_cookie::CannotBeEnded;
pub(crate) use store::in_cookie::InCookie;
pub(crate) use store::in_database::InDatabase;
#[cfg(feature = "accounts")]
pub(crate) use store::in_database::delete_of_user;
pub use store::{SessionStore, Updated};

/// What the application remembers of a visitor, as an argument of a handler. The application says where sessions are
/// kept: [`App::sessions`](crate::App::sessions).
///
/// ```
/// # mod foobar { pub use foobar_app::{*, actix_web::web}; }
/// use foobar::{Error, Session, web};
///
/// async fn add(session: Session, article: web::Path<u32>) -> Result<String, Error> {
///     let mut basket: Vec<u32> = session.get("basket")?.unwrap_or_default();
///     basket.push(*article);
///     session.insert("basket", &basket)?;
///     Ok(format!("{} in the basket", basket.len()))
/// }
/// ```
///
/// A visitor of whom nothing is remembered has no cookie. The first [`insert`](Self::insert) begins a session, and the
/// answer sets its cookie: `HttpOnly`, `SameSite=Lax`, and over TLS, also that of a trusted proxy, `Secure` and with the
/// prefix `__Host-`. A cookie that is forged, cut, another site's or too old is that of a new visitor.
///
/// What a handler changes is kept once it has answered, unless the answer's status is 500 or more; where that fails, the
/// client gets 503 or 500 and not the answer. A handler that also does something which cannot be done twice calls
/// [`save`](Self::save) before that. Where only messages for the next page or the time of the last use are not kept,
/// that is logged, and the answer is sent.
///
/// What is being kept when the handler is cut off, by `app.request_timeout` or a panic, comes to its end first, and the
/// browser is told of it; of `Accounts`, where sessions are rows of the same database. A handler that waits for it no
/// longer goes on with the session as it was, and what it changes then is kept too.
///
/// Two requests at once may each change a value of their own, and both stay; of one that both change the last stays.
/// What a request changes whose session meanwhile has ended, or goes on under another token, is lost. A body that
/// streams comes too late to change anything, and reads what was there.
///
/// A session in which nothing is left is removed, and its cookie is as well.
///
/// An answer of a handler that has asked for the session is `Cache-Control: private`, unless it says otherwise, and
/// varies by `Cookie`. One that sets the cookie is `private` in any case.
///
/// Keys that begin with `_` are Foobar's own.
#[derive(Clone)]
pub struct Session(Rc<Current>);

/// A value that cannot be put into a session, or is not what a handler takes it for. It names the key and the type, and
/// never the value: what is in a session is not for the log.
#[derive(Debug, thiserror::Error)]
#[error("the value {key:?} of the session {problem}: {wanted}")]
pub struct SessionError {
    key: String,
    problem: &'static str,
    /// The type that the handler has.
    wanted: &'static str,
}

impl Session {
    /// The value of this key. An error if it is there and no `T`.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, SessionError> {
        let value = self.0.record().values.get(key).map(T::deserialize);
        value
            .transpose()
            .map_err(|_tells_the_value| SessionError::new::<T>(key, "is not of the type that is asked for"))
    }

    /// Puts in a value, in place of any other of its key. An error if it has no form in JSON. A value equal to the one
    /// that the request has found there is no change and is not written, whatever other requests make of it meanwhile.
    pub fn insert<T: Serialize>(&self, key: &str, value: T) -> Result<(), SessionError> {
        let value = serde_json::to_value(value)
            .map_err(|_tells_the_value| SessionError::new::<T>(key, "is of a type without a form in JSON"))?;
        self.0.set(key, Some(value));
        Ok(())
    }

    /// Keeps now what has changed so far, rather than once the handler has answered: before a handler does what cannot be
    /// taken back, so that an error is one of a request that has done nothing: 503 where the database is down, and 409
    /// where the session has ended meanwhile or goes on under another token, and a change is lost that is more than a
    /// message for the next page. What changes afterwards is kept with the answer.
    ///
    /// ```
    /// # use foobar_app as foobar;
    /// use foobar::{Error, Session};
    ///
    /// async fn order(session: Session) -> Result<&'static str, Error> {
    ///     session.remove("basket");
    ///     session.save().await?;
    ///     // … and only then the card is charged.
    ///     session.flash("notice", "Thank you for your order.")?;
    ///     Ok("ordered")
    /// }
    /// ```
    pub async fn save(&self) -> Result<(), Error> {
        match self.0.save().await.map_err(of_store)? {
            Saved::All => Ok(()),
            Saved::Lost => Err(Error::conflict(ENDED)),
        }
    }

    /// Removes the value of this key.
    pub fn remove(&self, key: &str) {
        if self.0.record().values.contains_key(key) {
            self.0.set(key, None);
        }
    }

    /// Goes on under a new token: what somebody may know of the old one is worthless. Call it wherever the visitor gets
    /// more rights; [`set_user`](Self::set_user) does it by itself.
    pub fn rotate(&self) {
        self.0.rotate();
    }

    /// Ends the session, and forgets all of it.
    pub fn purge(&self) {
        self.0.purge();
    }

    /// The id of who is signed in.
    pub fn user(&self) -> Option<i64> {
        self.0.record().user
    }

    /// Signs in, or out with `None`, under a new token; everything else in the session stays, unless another user was signed
    /// in, whose values are forgotten. Sign out by [`purge`](Self::purge) where nothing is to stay.
    pub fn set_user(&self, user: Option<i64>) {
        self.0.set_user(user);
    }

    /// Ends all other sessions of this user, at once. Where sessions are kept in cookies, it is an error.
    pub async fn end_others_of(&self, user: i64) -> Result<(), Error> {
        self.0.finish().await; // it may go on under another token
        let kept = self.0.token();
        self.0.layer.store.remove_user(user, kept.as_deref()).await.map_err(of_store)
    }

    /// Leaves a message for the next page, such as the one that a `303` leads to.
    ///
    /// ```
    /// # use foobar_app as foobar;
    /// # use foobar::Session;
    /// # fn handler(session: &Session) -> Result<(), foobar::Error> {
    /// session.flash("notice", "Your order is on its way.")?;
    /// // … and in the next handler:
    /// let page: Vec<String> = session.take_flashes()?.into_iter().map(|flash| flash.text).collect();
    /// # Ok(())
    /// # }
    /// ```
    pub fn flash(&self, kind: impl Into<String>, text: impl Into<String>) -> Result<(), SessionError> {
        let mut flashes: Vec<Flash> = self.get(FLASHES)?.unwrap_or_default();
        flashes.push(Flash { kind: kind.into(), text: text.into() });
        self.insert(FLASHES, flashes)
    }

    /// The messages that were left for this page; they are gone then.
    pub fn take_flashes(&self) -> Result<Vec<Flash>, SessionError> {
        let flashes = self.get(FLASHES)?.unwrap_or_default();
        self.remove(FLASHES);
        Ok(flashes)
    }
}

impl Session {
    /// What `change` would make of the session. The caller writes it in the transaction of its own work and
    /// [adopts](Self::adopt) it then, so that both are done or neither.
    #[cfg(feature = "accounts")]
    pub(crate) async fn draft(&self, change: impl FnOnce(&Self)) -> Draft {
        self.0.draft(|| change(self)).await
    }

    /// Writes in a transaction, and has `adopt` make of the outcome what the session is then. A transaction that has begun
    /// is not left alone: where the handler is cut off, this ends before the client is told so.
    #[cfg(feature = "accounts")]
    pub(crate) async fn write_with<W: Send + 'static, T: 'static>(
        &self,
        db: &Db,
        write: impl Fn(&mut foobar_db::Conn) -> foobar_db::QueryResult<W> + Send + 'static,
        adopt: impl FnOnce(&Self, W) -> T + 'static,
    ) -> Result<T, Error> {
        let db = db.clone();
        let adopt = |current: &Rc<Current>, written: Result<W, foobar_db::Error>| -> Result<T, Error> {
            Ok(adopt(&Self(Rc::clone(current)), written?))
        };
        self.0.to_its_end(async move { db.write(write).await }, adopt).await
    }

    /// Whether something that was begun has not been kept yet.
    #[cfg(all(test, feature = "accounts"))]
    pub(crate) fn is_being_kept(&self) -> bool {
        self.0.is_being_kept()
    }

    /// Changes the session as a draft says, of which [`Draft::write`] has said what has become.
    #[cfg(feature = "accounts")]
    pub(crate) fn adopt(&self, draft: Draft, updated: Option<Updated>) {
        self.0.adopt(draft, updated);
    }

    /// Ends the request with this error, whatever the handler would make of it.
    #[cfg(feature = "accounts")]
    pub(crate) async fn fail(&self, error: Error) -> Error {
        self.0.fail(error).await
    }

    /// Signs a user in by the password of this fingerprint, with these rights: with another password the session is
    /// nobody's, and with other rights it [goes on under a new token](Self::goes_with).
    #[cfg(feature = "accounts")]
    pub(crate) fn sign_in(&self, user: i64, fingerprint: &str, rights: &str) {
        self.0.set_user(Some(user));
        self.0.set(PASSWORD, Some(fingerprint.into()));
        self.0.set(RIGHTS, Some(rights.into()));
    }

    /// Forgets what a user other than this one has left.
    #[cfg(feature = "accounts")]
    pub(crate) fn pass_to(&self, user: i64) {
        self.0.pass_to(user);
    }

    /// Whether its user has signed in by the password of this fingerprint, or by none: by [`set_user`](Self::set_user).
    /// Where the rights are no longer those of the sign-in, it goes on under a new token if it may.
    #[cfg(feature = "accounts")]
    pub(crate) fn goes_with(&self, fingerprint: &str, rights: &str, may_renew: bool) -> bool {
        let is =
            |key: &str, text: &str| self.0.record().values.get(key).is_none_or(|known| known.as_str() == Some(text));
        let goes_with = is(PASSWORD, fingerprint);
        if goes_with && may_renew && !is(RIGHTS, rights) {
            self.0.renew(rights);
        }
        goes_with
    }

    /// The id of its row in [`delete_of_user`]; empty where nothing of it is kept.
    #[cfg(feature = "accounts")]
    pub(crate) fn row_id(&self) -> Vec<u8> {
        self.0.token().as_deref().and_then(token::hash).unwrap_or_default() // as where there is no session yet
    }

    /// Ends all other sessions of a user whose password is another one now. Those that cannot be ended need not be: they
    /// do not [go with](Self::goes_with) the new one.
    #[cfg(feature = "accounts")]
    pub(crate) async fn end_outdated(&self, user: i64) {
        let token = self.0.token();
        match self.0.layer.store.remove_user(user, token.as_deref()).await {
            Err(error) if !error.is::<CannotBeEnded>() => {
                tracing::warn!("{}", Chain(&*error).after("sessions with an old password are kept until they expire"));
            }
            _ended => {}
        }
    }

    /// That of its forms, made where there is none yet.
    pub(crate) fn csrf_token(&self) -> Result<String, SessionError> {
        if let Some(token) = self.get(CSRF)? {
            return Ok(token);
        }
        let token = token::generate();
        self.insert(CSRF, &token)?;
        Ok(token)
    }
}

impl SessionError {
    fn new<T>(key: &str, problem: &'static str) -> Self {
        Self { key: key.to_owned(), problem, wanted: std::any::type_name::<T>() }
    }
}

impl FromRequest for Session {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Error>>>>;

    fn from_request(request: &HttpRequest, _body: &mut Payload) -> Self::Future {
        let current = request.extensions().get::<Rc<Current>>().cloned();
        Box::pin(async {
            let current = current.ok_or_else(|| Error::internal(NONE))?;
            if let Err(error) = current.load().await {
                return Err(current.fail(of_store(error)).await);
            }
            Ok(Self(current))
        })
    }
}

const ENDED: &str = "Your session has ended meanwhile, or you have signed in on another page. Please try again.";

const NONE: &str = "a handler takes a `Session`, and the application keeps none: say where in `App::sessions`";

/// What a handler gives for an error of the store: 503 where the database is down.
pub(crate) fn of_store(error: BoxError) -> Error {
    match error.downcast::<foobar_db::Error>() {
        Ok(error) => Error::from(*error),
        Err(error) => Error::internal(error as Box<dyn std::error::Error>),
    }
}

#[cfg(feature = "sqlite")]
#[cfg(test)]
mod tests;
