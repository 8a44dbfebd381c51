//! For whom a program acts, as an argument of a handler: by the token of `Authorization: Bearer` (RFC 6750).

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, CACHE_CONTROL, HeaderValue, WWW_AUTHENTICATE};
use actix_web::{FromRequest, HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError};

use crate::{Accounts, ApiUser, Error};

impl FromRequest for ApiUser {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Error>>>>;

    fn from_request(request: &HttpRequest, body: &mut Payload) -> Self::Future {
        let accounts = Accounts::from_request(request, body).into_inner();
        let token = token(request);
        Box::pin(async move {
            let found = accounts?.by_token(&token.map_err(Error::respond)?).await?;
            found.ok_or_else(|| Error::respond(NoToken::Invalid))
        })
    }
}

/// The token of the only `Authorization` field.
fn token(request: &HttpRequest) -> Result<String, NoToken> {
    let mut fields = request.headers().get_all(AUTHORIZATION);
    match (fields.next(), fields.next()) {
        (None, _) => Err(NoToken::Missing),
        (Some(field), None) => of_bearer(field).ok_or(NoToken::Invalid),
        (Some(_), Some(_)) => Err(NoToken::Invalid), // which one is meant?
    }
}

fn of_bearer(field: &HeaderValue) -> Option<String> {
    let (scheme, token) = field.to_str().ok()?.split_once(' ')?; // another one is no token
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim().to_owned())
}

/// Nobody is known for whom a program acts.
#[derive(Clone, Copy, Debug, thiserror::Error)]
enum NoToken {
    #[error("Send a token: `Authorization: Bearer …`.")]
    Missing,
    #[error("The token is unknown, revoked or expired.")]
    Invalid,
}

impl ResponseError for NoToken {
    fn status_code(&self) -> StatusCode {
        StatusCode::UNAUTHORIZED
    }

    fn error_response(&self) -> HttpResponse {
        let challenge = match self {
            Self::Missing => "Bearer", // without a token there is nothing wrong with it (RFC 6750 section 3.1)
            Self::Invalid => "Bearer error=\"invalid_token\"",
        };
        let mut response = HttpResponseBuilder::new(self.status_code());
        response.insert_header((WWW_AUTHENTICATE, challenge)).insert_header((CACHE_CONTROL, "no-store"));
        response.body(self.to_string())
    }
}
