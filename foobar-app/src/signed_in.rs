//! Who is signed in, as an argument of a handler; and where those are led to who are not.

use std::future::{Future, Ready, ready};
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::{ACCEPT, CACHE_CONTROL, LOCATION};
use actix_web::http::{Method, StatusCode};
use actix_web::{FromRequest, HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError};
use foobar_core::Accept;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{Accounts, Context, Error, Session, User};

impl FromRequest for Accounts {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, body: &mut Payload) -> Self::Future {
        let client = request.peer_addr().map(|address| address.ip());
        let context = Context::from_request(request, body).into_inner();
        let accounts = context.and_then(|context| Ok(context.accounts()?));
        ready(accounts.map(|accounts| accounts.of_client(client)))
    }
}

impl FromRequest for User {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Error>>>>;

    fn from_request(request: &HttpRequest, body: &mut Payload) -> Self::Future {
        let accounts = Accounts::from_request(request, body).into_inner();
        let session = Session::from_request(request, body);
        let request = request.clone();
        Box::pin(async move {
            let accounts = accounts?;
            let session = session.await?;
            let user = match accounts.signed_in(&session, is_alone(&request)).await {
                Err(error) if error.status().is_server_error() => return Err(session.fail(error).await),
                user => user?,
            };
            user.ok_or_else(|| Error::respond(NotSignedIn::of(&request, accounts.options().sign_in())))
        })
    }
}

/// Whether a browser sends hardly anything else beside it, as with a form and not with what a script fetches: under a
/// new token, what is under way with the old one would be a stranger's.
fn is_alone(request: &HttpRequest) -> bool {
    let mode = request.headers().get("sec-fetch-mode");
    !request.method().is_safe() && mode.is_none_or(|mode| mode == "navigate")
}

impl User {
    /// An error, 403, unless the user has this role.
    pub fn require(&self, role: &str) -> Result<(), Error> {
        self.has_role(role).then_some(()).ok_or_else(|| Error::forbidden("Your account may not do this."))
    }
}

/// Nobody is signed in who has to be.
#[derive(Debug, thiserror::Error)]
#[error("Sign in first.")]
struct NotSignedIn {
    /// The page to sign in at, for somebody who looks at a page.
    sign_in: Option<String>,
}

impl NotSignedIn {
    fn of(request: &HttpRequest, sign_in: &str) -> Self {
        let accept = request.headers().get_all(ACCEPT).map(|field| field.as_bytes());
        let is_page = matches!(*request.method(), Method::GET | Method::HEAD) && Accept::of(accept).prefers_page();
        let here = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let next = utf8_percent_encode(here, NON_ALPHANUMERIC);
        Self { sign_in: is_page.then(|| format!("{sign_in}?next={next}")) }
    }
}

impl ResponseError for NotSignedIn {
    fn status_code(&self) -> StatusCode {
        if self.sign_in.is_some() { StatusCode::SEE_OTHER } else { StatusCode::UNAUTHORIZED }
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponseBuilder::new(self.status_code());
        response.insert_header((CACHE_CONTROL, "no-store"));
        match &self.sign_in {
            Some(sign_in) => response.insert_header((LOCATION, sign_in.as_str())).finish(),
            None => response.body(self.to_string()),
        }
    }
}
