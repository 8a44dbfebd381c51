//! The errors of actix-multipart.

use std::error::Error as StdError;

use actix_multipart::{LimitExceeded, MultipartError};
use actix_web::ResponseError;
use actix_web::error::PayloadError;
use actix_web::http::StatusCode;

/// What the error says itself; of a body, what the error of the body says, which actix-multipart makes a 400 throughout.
pub(super) fn status(error: &(dyn StdError + 'static)) -> Option<StatusCode> {
    match error.downcast_ref() {
        Some(MultipartError::Payload(error)) => Some(error.status_code()),
        Some(error) => Some(error.status_code()),
        None => error.is::<LimitExceeded>().then_some(StatusCode::PAYLOAD_TOO_LARGE),
    }
}

/// What the client is told; of a body that failed, `payload` knows.
pub(super) fn words(error: &MultipartError, payload: fn(&PayloadError) -> &'static str) -> &'static str {
    match error {
        MultipartError::ContentTypeMissing
        | MultipartError::ContentTypeParse
        | MultipartError::ContentTypeIncompatible => {
            "The body of the request has to be a form with files (multipart/form-data), and its Content-Type to say so."
        }
        MultipartError::Payload(error) => payload(error),
        MultipartError::Incomplete => "The form ends before it is complete.",
        MultipartError::Field { .. }
        | MultipartError::DuplicateField(_)
        | MultipartError::MissingField(_)
        | MultipartError::UnknownField(_) => "The body of the request is not a form with the expected fields.",
        _ => "The body of the request cannot be read as a form with files.",
    }
}
