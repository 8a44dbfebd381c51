//! Who looks at a page, for the header that every page has.

use std::future::Future;
use std::pin::Pin;

use foobar::actix_web::dev::Payload;
use foobar::actix_web::http::header::COOKIE;
use foobar::actix_web::{FromRequest, HttpRequest};
use foobar::{Error, Flash, Session, Settings, User};

use crate::Shop;

/// The role of who edits the site.
pub(crate) const ADMIN: &str = "admin";

/// An argument of every handler that shows a page.
pub(crate) struct Visitor {
    /// Who is signed in.
    pub(crate) user: Option<User>,
    /// What the last page has left to say.
    pub(crate) flashes: Vec<Flash>,
    /// Where the site is found.
    pub(crate) origin: String,
    has_cookie: bool,
}

impl Visitor {
    /// Whether the page is the same for everybody who sends no cookie.
    pub(crate) const fn is_anyone(&self) -> bool {
        !self.has_cookie
    }

    pub(crate) fn is_admin(&self) -> bool {
        self.user.as_ref().is_some_and(|user| user.has_role(ADMIN))
    }
}

impl FromRequest for Visitor {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Error>>>>;

    fn from_request(request: &HttpRequest, body: &mut Payload) -> Self::Future {
        let user = Option::<User>::from_request(request, body);
        let session = Session::from_request(request, body);
        let shop = Settings::<Shop>::from_request(request, body);
        let has_cookie = request.headers().contains_key(COOKIE);
        Box::pin(async move {
            let Ok(user) = user.await;
            let (flashes, origin) = (session.await?.take_flashes()?, shop.await?.origin.clone());
            Ok(Self { user, flashes, origin, has_cookie })
        })
    }
}
