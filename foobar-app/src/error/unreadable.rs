use std::error::Error as StdError;

use actix_web::ResponseError;
use actix_web::error::{
    ContentTypeError, InternalError, JsonPayloadError, ParseError, PathError, PayloadError, QueryPayloadError,
    ReadlinesError, UrlencodedError,
};

/// An error that may be one of a type that is asked for.
pub(crate) trait MaybeOf {
    fn find<E: ResponseError + StdError + 'static>(&self) -> Option<&E>;

    /// Whether actix-web made it of a path that it could not parse: it has no type of its own then.
    fn is_of_path(&self) -> bool {
        false
    }

    /// Whether it is the end of what the handler has set as a limit.
    fn is_of_limit(&self) -> bool {
        false
    }
}

impl MaybeOf for actix_web::Error {
    fn find<E: ResponseError + StdError + 'static>(&self) -> Option<&E> {
        self.as_error()
    }

    fn is_of_path(&self) -> bool {
        self.as_error::<InternalError<serde::de::value::Error>>().is_some()
    }
}

impl MaybeOf for dyn StdError + 'static {
    fn find<E: ResponseError + StdError + 'static>(&self) -> Option<&E> {
        self.downcast_ref()
    }

    #[cfg(feature = "multipart")]
    fn is_of_limit(&self) -> bool {
        self.is::<actix_multipart::LimitExceeded>()
    }
}

/// What the client is told where a handler cannot read a request; `None` if it is another error. What the reader itself
/// says is for who wrote the application: it names types, fields and lines of it.
pub(crate) fn words(error: &(impl MaybeOf + ?Sized)) -> Option<&'static str> {
    let json = error.find().map(json);
    let form = json.or_else(|| error.find().map(form));
    let query =
        form.or_else(|| error.find().map(|_: &QueryPayloadError| "The query of the URL is not of the expected form."));
    let path = query.or_else(|| error.find().map(|_: &PathError| PATH)).or_else(|| error.is_of_path().then_some(PATH));
    let lines = path.or_else(|| error.find().map(|_: &ReadlinesError| "The body of the request is not lines of text."));
    let field = lines.or_else(|| error.find().map(|_: &ParseError| FIELD));
    let field = field.or_else(|| error.find().map(|_: &ContentTypeError| FIELD));
    #[cfg(feature = "multipart")]
    let field = field.or_else(|| error.find().map(|error| super::multipart::words(error, payload)));
    field.or_else(|| error.find().map(payload)).or_else(|| error.is_of_limit().then_some(TOO_LARGE))
}

fn json(error: &JsonPayloadError) -> &'static str {
    match error {
        JsonPayloadError::ContentType => "The body of the request has to be JSON, and its Content-Type to say so.",
        JsonPayloadError::OverflowKnownLength { .. } | JsonPayloadError::Overflow { .. } => TOO_LARGE,
        JsonPayloadError::Payload(error) => payload(error),
        _ => "The body of the request is not JSON of the expected form.",
    }
}

fn form(error: &UrlencodedError) -> &'static str {
    match error {
        UrlencodedError::ContentType => "The body of the request has to be a form, and its Content-Type to say so.",
        UrlencodedError::Overflow { .. } => TOO_LARGE,
        UrlencodedError::Payload(error) => payload(error),
        _ => "The body of the request is not a form with the expected fields.",
    }
}

fn payload(error: &PayloadError) -> &'static str {
    match error {
        PayloadError::Overflow => TOO_LARGE,
        _ => "The body of the request could not be read.",
    }
}

const FIELD: &str = "A header field of the request cannot be read.";
const PATH: &str = "The path of the URL is not of the expected form.";
const TOO_LARGE: &str = "The body of the request is too large.";
