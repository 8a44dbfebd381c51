//! Sessions: what an application remembers of a visitor between requests.

mod cookie;
pub(crate) mod current;
mod flash;
mod key_error;
pub(crate) mod layer;
mod record;
pub(crate) mod sealing;
mod settings;
mod store;
pub(crate) mod token;

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use foobar_core::BoxError;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Error;
#[cfg(feature = "accounts")]
use current::PASSWORD;
use current::{CSRF, Current};

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
/// client gets 503 or 500 and not the answer. Two requests at once may each change a value of their own, and both stay;
/// of one that both change the last stays. A body that streams comes too late to change anything, and reads
/// what was there.
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

    /// Puts in a value, in place of any other of its key. An error if it has no form in JSON.
    pub fn insert<T: Serialize>(&self, key: &str, value: T) -> Result<(), SessionError> {
        let value = serde_json::to_value(value)
            .map_err(|_tells_the_value| SessionError::new::<T>(key, "is of a type without a form in JSON"))?;
        self.0.set(key, Some(value));
        Ok(())
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
        let kept = self.0.token();
        self.0.layer.store.remove_user(user, kept).await.map_err(of_store)
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
    /// Signs a user in by the password of this fingerprint: with another password the session is nobody's.
    #[cfg(feature = "accounts")]
    pub(crate) fn sign_in(&self, user: i64, fingerprint: &str) {
        self.0.set_user(Some(user));
        self.0.set(PASSWORD, Some(fingerprint.into()));
    }

    /// Forgets what a user other than this one has left.
    #[cfg(feature = "accounts")]
    pub(crate) fn pass_to(&self, user: i64) {
        self.0.pass_to(user);
    }

    /// Whether its user has signed in by the password of this fingerprint, or by none: by [`set_user`](Self::set_user).
    #[cfg(feature = "accounts")]
    pub(crate) fn goes_with(&self, fingerprint: &str) -> bool {
        self.0.record().values.get(PASSWORD).is_none_or(|known| known.as_str() == Some(fingerprint))
    }

    /// The id of its row in [`delete_of_user`]; empty where nothing of it is kept.
    #[cfg(feature = "accounts")]
    pub(crate) fn row_id(&self) -> Vec<u8> {
        self.0.token().and_then(token::hash).unwrap_or_default() // as where there is no session yet
    }

    /// Ends all other sessions of a user whose password is another one now. Those in cookies cannot be ended, and need
    /// not be: they do not [go with](Self::goes_with) the new one.
    #[cfg(feature = "accounts")]
    pub(crate) async fn end_outdated(&self, user: i64) -> Result<(), Error> {
        match self.0.layer.store.remove_user(user, self.0.token()).await {
            Err(error) if error.is::<CannotBeEnded>() => Ok(()),
            ended => ended.map_err(of_store),
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

const FLASHES: &str = "_flashes";

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
            current.load().await.map_err(of_store)?;
            Ok(Self(current))
        })
    }
}

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
