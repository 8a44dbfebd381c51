#[cfg(feature = "multipart")]
mod multipart;
mod unreadable;

use std::error::Error as StdError;
use std::fmt;

use actix_web::error::{
    ContentTypeError, JsonPayloadError, ParseError, PathError, PayloadError, QueryPayloadError, ReadlinesError,
    ResponseError, UrlencodedError,
};
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, HttpResponseBuilder};
use foobar_core::{BoxError, Chain};
use foobar_db::diesel::{self, result::DatabaseErrorKind};
use serde::Serialize;
use serde_json::{Map, Value};

pub(crate) use unreadable::words;

/// What a handler returns when it cannot answer: any error by `?`, or a status with a sentence for the client.
///
/// ```
/// # mod foobar { pub use foobar_app::{*, actix_web::web}; }
/// use foobar::actix_web::Responder;
/// use foobar::{Db, Error, web};
/// use diesel::prelude::*;
///
/// diesel::table! { products (id) { id -> Integer, name -> Text } }
///
/// async fn product(db: Db, id: web::Path<i32>) -> Result<impl Responder, Error> {
///     let id = id.into_inner();
///     let name = db.read(move |conn| products::table.find(id).select(products::name).first::<String>(conn)).await?;
///     Ok(name)
/// }
///
/// async fn price(id: web::Path<i32>) -> Result<String, Error> {
///     match *id {
///         1 => Ok("free".to_owned()),
///         id => Err(Error::not_found(format!("there is no product {id}"))),
///     }
/// }
/// ```
///
/// The status comes from the error that `?` was used on:
///
/// | Error | Status |
/// |---|---|
/// | a row that was not found | 404 |
/// | a violated UNIQUE constraint | 409, "This exists already." |
/// | a database that is down or overloaded | 503 with `Retry-After` |
/// | a write of which the database has not said whether it took effect | 500, which says so; no `Retry-After` |
/// | an [`actix_web::Error`] | what it says itself |
/// | a body, path, query or field of the request that cannot be read, by actix-web or actix-multipart (the feature `multipart`) | what it says itself, in a general sentence: what a deserializer says is not for visitors |
/// | everything else, types of your own too | 500 |
///
/// A status of 500 or more is logged with its causes and the request's id, and the client learns nothing but that
/// status and the sentence that you wrote for it.
///
/// A type of your own that is a [`ResponseError`] answers for itself where the handler returns it in place of this type
/// (`Result<_, YourError>`), or where it goes through [`Error::respond`]: `.map_err(Error::respond)?`. `?` alone makes
/// it a 500. From 500 on its text, and that of an error of actix-web, is for the log; a page that it writes is kept if
/// its content type is another than `text/plain`.
///
/// Like actix-web's own error it does not move between threads. Where an error has to, as in
/// [`App::start`](crate::App::start), `?` makes a [`BoxError`] of it.
#[derive(Debug)]
pub struct Error {
    status: StatusCode,
    detail: Option<String>,
    /// Seldom any, and `Result`s stay small.
    members: Option<Box<Map<String, Value>>>,
    source: Source,
}

/// What is behind an error.
#[derive(Debug)]
enum Source {
    /// Nothing but what the client is told.
    Nothing,
    /// What the log is told.
    Cause(Box<dyn StdError>),
    /// An error that `?` was used on and that answers for itself.
    Actix(actix_web::Error),
}

impl Error {
    /// An answer of this status. `detail` is for the client: what is wrong with the request and what would be right.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: Some(detail.into()), members: None, source: Source::Nothing }
    }

    /// 400, with a sentence for the client: the request makes no sense.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 403, with a sentence for the client: this client may not do this.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// 409, with a sentence for the client: the request conflicts with the current state.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// 422, with a sentence for the client: the request is well-formed, but what it says is not valid.
    /// [`with`](Self::with) adds which fields are wrong.
    pub fn unprocessable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    /// 404, with a sentence for the client.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// 500 for an error that `?` does not take, such as a `Box<dyn Error>` or a text. The client does not see it.
    pub fn internal(source: impl Into<Box<dyn StdError>>) -> Self {
        Self::of(StatusCode::INTERNAL_SERVER_ERROR, Source::Cause(source.into()))
    }

    /// The answer of an error that has its own, for `.map_err(Error::respond)?`.
    ///
    /// ```
    /// # use foobar_app as foobar;
    /// use foobar::Error;
    /// use foobar::actix_web::ResponseError;
    /// use foobar::actix_web::http::StatusCode;
    ///
    /// #[derive(Debug, thiserror::Error)]
    /// #[error("there is nothing left of it")]
    /// struct OutOfStock;
    ///
    /// impl ResponseError for OutOfStock {
    ///     fn status_code(&self) -> StatusCode {
    ///         StatusCode::CONFLICT
    ///     }
    /// }
    ///
    /// fn take(pieces: u32) -> Result<u32, OutOfStock> {
    ///     pieces.checked_sub(1).ok_or(OutOfStock)
    /// }
    ///
    /// async fn order() -> Result<String, Error> {
    ///     let left = take(0).map_err(Error::respond)?;
    ///     Ok(format!("{left} left"))
    /// }
    /// # let answer = futures_util::FutureExt::now_or_never(order()).expect("it waits for nothing");
    /// # assert_eq!(answer.unwrap_err().status(), StatusCode::CONFLICT);
    /// ```
    pub fn respond(error: impl ResponseError + 'static) -> Self {
        Self::of_actix(error.into())
    }

    fn of_actix(error: actix_web::Error) -> Self {
        Self::of(error.as_response_error().status_code(), Source::Actix(error))
    }

    const fn of(status: StatusCode, source: Source) -> Self {
        Self { status, detail: None, members: None, source }
    }

    /// Adds a member for programs to the problem (RFC 9457 section 3.2); a page does not show it.
    ///
    /// ```
    /// # use foobar_app as foobar;
    /// use foobar::Error;
    ///
    /// async fn sign(name: String) -> Result<String, Error> {
    ///     if name.is_empty() {
    ///         let errors = std::collections::HashMap::from([("name", ["is empty"])]);
    ///         return Err(Error::unprocessable("The form has mistakes.").with("errors", errors));
    ///     }
    ///     Ok(format!("Thank you, {name}!"))
    /// }
    /// ```
    ///
    /// `type`, `title` and `instance` take the place of what they are by default. A `key` that is `status` or `detail`,
    /// which the error has already, and a value that cannot be JSON make it a 500 whose cause says so. An error that
    /// [answers for itself](Self::respond) has no members.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Serialize) -> Self {
        let key = key.into();
        if key == "status" || key == "detail" {
            return Self::internal(format!("`Error::with` cannot change `{key}`: it is given to `Error::new`"));
        }
        match serde_json::to_value(value) {
            Ok(value) => {
                self.members.get_or_insert_default().insert(key, value);
                self
            }
            Err(error) => Self::internal(format!("`Error::with`: the value of `{key}` cannot be JSON: {error}")),
        }
    }

    /// Adds what caused it, for the log; an answer below 500 is not logged.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError>>) -> Self {
        self.source = Source::Cause(source.into());
        self
    }

    /// The status of the answer.
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The sentence for the client.
    pub(crate) fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    /// What programs are told besides.
    pub(crate) fn members(&self) -> impl Iterator<Item = (String, Value)> {
        self.members.iter().flat_map(|members| (**members).clone())
    }

    /// What caused it.
    pub(crate) fn cause(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.source {
            Source::Cause(cause) => Some(&**cause),
            Source::Nothing | Source::Actix(_) => None,
        }
    }

    /// The error that answers in its place.
    pub(crate) const fn as_actix(&self) -> Option<&actix_web::Error> {
        match &self.source {
            Source::Actix(error) => Some(error),
            Source::Nothing | Source::Cause(_) => None,
        }
    }
}

impl<E: StdError + 'static> From<E> for Error {
    fn from(error: E) -> Self {
        let source: Box<dyn StdError> = Box::new(error);
        match source.downcast::<actix_web::Error>() {
            Ok(error) => Self::of_actix(*error),
            Err(source) => {
                let (status, detail) = classify(&*source);
                Self { detail, ..Self::of(status, Source::Cause(source)) }
            }
        }
    }
}

/// For what is no handler, such as [`App::start`](crate::App::start): an error of the database stays what it is, so that a start
/// waits for one that is down; of any other the text stays, with its causes.
impl From<Error> for BoxError {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match error.source {
            Source::Cause(cause) => match cause.downcast::<foobar_db::Error>() {
                Ok(error) => error,
                Err(cause) if error.detail.is_some() => Chain(&*cause).after(&text).into(),
                Err(cause) => Chain(&*cause).to_string().into(),
            },
            Source::Nothing | Source::Actix(_) => text.into(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.detail, &self.source) {
            (Some(detail), _) => f.write_str(detail),
            (None, Source::Nothing) => self.status.fmt(f),
            (None, Source::Cause(cause)) => cause.fmt(f),
            (None, Source::Actix(error)) => error.fmt(f),
        }
    }
}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        if let Some(error) = self.as_actix() {
            return error.error_response();
        }
        let mut response = HttpResponseBuilder::new(self.status);
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.insert_header((header::RETRY_AFTER, "1"));
        }
        let status = self.status.canonical_reason().unwrap_or("Error"); // a status without a registered name
        let text = self.detail.as_deref().unwrap_or(status).to_owned(); // never the cause, which is not for the client
        response.content_type("text/plain; charset=utf-8").body(text)
    }
}

/// The status of an error, and what of it may be told to the client.
fn classify(error: &(dyn StdError + 'static)) -> (StatusCode, Option<String>) {
    match error.downcast_ref() {
        Some(foobar_db::Error::Query(error)) => return of_query(error),
        Some(foobar_db::Error::OutcomeUnknown { .. }) => {
            return (StatusCode::INTERNAL_SERVER_ERROR, Some(OUTCOME_UNKNOWN.to_owned()));
        }
        Some(error) if error.is_unavailable() => return (StatusCode::SERVICE_UNAVAILABLE, None),
        _ => {}
    }
    if let Some(error) = error.downcast_ref() {
        return of_query(error);
    }
    match CLIENT_ERRORS.iter().find_map(|status| status(error)) {
        Some(status) => (status, words(error).map(str::to_owned).filter(|_| status.is_client_error())),
        None => (StatusCode::INTERNAL_SERVER_ERROR, None),
    }
}

/// What a client is told of a write that the database has not confirmed.
pub(crate) const OUTCOME_UNKNOWN: &str = "It is not known whether this has been done. Look before you send it again.";

fn of_query(error: &diesel::result::Error) -> (StatusCode, Option<String>) {
    match error {
        diesel::result::Error::NotFound => (StatusCode::NOT_FOUND, None),
        diesel::result::Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => {
            (StatusCode::CONFLICT, Some("This exists already.".to_owned()))
        }
        _ => (StatusCode::INTERNAL_SERVER_ERROR, None),
    }
}

/// The errors that a handler meets when it reads a request by itself.
const CLIENT_ERRORS: &[fn(&(dyn StdError + 'static)) -> Option<StatusCode>] = &[
    status::<PayloadError>,
    status::<JsonPayloadError>,
    status::<UrlencodedError>,
    status::<QueryPayloadError>,
    status::<PathError>,
    status::<ReadlinesError>,
    status::<ParseError>,
    status::<ContentTypeError>,
    #[cfg(feature = "multipart")]
    multipart::status,
];

fn status<E: ResponseError + StdError + 'static>(error: &(dyn StdError + 'static)) -> Option<StatusCode> {
    error.downcast_ref::<E>().map(E::status_code)
}

#[cfg(test)]
mod tests;
