use std::fmt;
use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use crate::{Error, Session};

/// The token of a visitor's session, for the forms of old browsers; an argument of a handler, and text in its page.
///
/// A browser of today says by itself which site a request comes from, and needs none. For one that does not, a form
/// with a field `csrf_token`, as its first one, or a script with a header `X-CSRF-Token`, shows that it is of this
/// site. A page with a token begins a session, so it has a cookie and can be cached by nobody else.
///
/// ```
/// # use foobar_app as foobar;
/// use foobar::CsrfToken;
///
/// async fn form(token: CsrfToken) -> String {
///     format!(r#"<form method="post"><input type="hidden" name="csrf_token" value="{token}"><button>Buy</button></form>"#)
/// }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct CsrfToken(String);

impl FromRequest for CsrfToken {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Error>>>>;

    fn from_request(request: &HttpRequest, body: &mut Payload) -> Self::Future {
        let session = Session::from_request(request, body);
        Box::pin(async { Ok(Self(session.await?.csrf_token()?)) })
    }
}

impl fmt::Display for CsrfToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CsrfToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
