use std::sync::Arc;
use std::time::SystemTime;

use http::Method;

use super::browser::Browser;
use super::cookies::Place;
use super::test_request::TestRequest;
use super::transport::Transport;
use super::worker::Worker;
use crate::{App, AppSettings, AppTier, Db, Runtime};

/// Calls an application that runs on a thread of its own. Any number of calls may be under way at once.
///
/// It works under every test attribute (`#[tokio::test]`, `#[actix_web::test]`). The thread ends when the client is
/// dropped, and what is open on it ends too.
///
/// # Cookies
///
/// A client keeps the cookies that it is sent, and sends them where a browser would (RFC 6265): by host and path, until
/// they expire or are deleted, and `Secure` ones only over TLS or to this machine (`localhost`, `*.localhost` and its
/// addresses, which Chrome and Firefox trust without TLS; Safari does not). [`other_user`](Self::other_user) is a
/// client with none.
///
/// ```
/// # mod foobar {
/// #     pub use foobar_app::{*, actix_web::web};
/// #     pub mod test {
/// #         pub use foobar_app::testing::*;
/// #         pub async fn client(app: impl super::App) -> Client { Client::new(app, None).await }
/// #     }
/// # }
/// use foobar::actix_web::cookie::Cookie;
/// use foobar::actix_web::{HttpRequest, HttpResponse, web};
///
/// async fn login() -> HttpResponse {
///     let session = Cookie::build("session", "7").path("/").secure(true).finish();
///     HttpResponse::NoContent().cookie(session).finish()
/// }
///
/// async fn home(request: HttpRequest) -> String {
///     request.cookie("session").map_or("nobody".to_owned(), |session| session.value().to_owned())
/// }
///
/// # #[foobar_app::actix_web::main]
/// # async fn main() {
/// let app = foobar::routes(|routes| {
///     routes.route("/login", web::post().to(login)).route("/", web::get().to(home));
/// });
/// let client = foobar::test::client(app).await;
/// client.post("https://shop.test/login").await;
/// assert_eq!(client.cookie("session").as_deref(), Some("7"));
/// assert_eq!(client.get("https://shop.test/").await.text(), "7");
/// assert_eq!(client.get("http://shop.test/").await.text(), "nobody"); // a `Secure` cookie
/// assert_eq!(client.other_user().get("https://shop.test/").await.text(), "nobody");
/// # }
/// ```
pub struct Client {
    browser: Browser,
}

impl Client {
    /// Starts `app` with the default settings: runs its migrations on `db`, then [`App::start`].
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub async fn new(app: impl App, db: Option<Db>) -> Self {
        Self::of(Arc::new(Runtime::new(app, db, &AppSettings::default()))).await
    }

    /// Starts `tier`.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub async fn of(tier: Arc<dyn AppTier>) -> Self {
        Self::through(Arc::new(Worker::start(tier).await))
    }

    /// Sends its requests by `transport`.
    pub fn through(transport: Arc<dyn Transport>) -> Self {
        Self { browser: Browser::new(transport) }
    }

    /// Another client of the same, with no cookies.
    #[must_use]
    pub fn other_user(&self) -> Self {
        Self::through(Arc::clone(&self.browser.transport))
    }

    /// A `GET`. `path` may have a query, or be a URL: one of `https://` is asked for over TLS.
    pub fn get(&self, path: &str) -> TestRequest<'_> {
        self.call(Method::GET, path)
    }

    /// A `GET` as a browser sends it for a page that somebody opens: its `Accept` names `text/html`. So an error is a page, and
    /// who is not signed in is led to the sign-in page. [`get`](Self::get) names nothing, as a program does. A redirect is
    /// an answer like any other.
    pub fn page(&self, path: &str) -> TestRequest<'_> {
        self.get(path).header("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
    }

    /// A `HEAD`.
    pub fn head(&self, path: &str) -> TestRequest<'_> {
        self.call(Method::HEAD, path)
    }

    /// A `POST`.
    pub fn post(&self, path: &str) -> TestRequest<'_> {
        self.call(Method::POST, path)
    }

    /// A `PUT`.
    pub fn put(&self, path: &str) -> TestRequest<'_> {
        self.call(Method::PUT, path)
    }

    /// A `PATCH`.
    pub fn patch(&self, path: &str) -> TestRequest<'_> {
        self.call(Method::PATCH, path)
    }

    /// A `DELETE`.
    pub fn delete(&self, path: &str) -> TestRequest<'_> {
        self.call(Method::DELETE, path)
    }

    /// An `OPTIONS`.
    pub fn options(&self, path: &str) -> TestRequest<'_> {
        self.call(Method::OPTIONS, path)
    }

    /// Any method. The request's `Host` is that of a URL, else `localhost`, unless a header says otherwise.
    ///
    /// # Panics
    ///
    /// If `path` is not the path of a URI.
    pub fn call(&self, method: Method, path: &str) -> TestRequest<'_> {
        TestRequest::new(&self.browser, method, path)
    }

    /// The value of the cookie of this name, the oldest if there are several at different hosts and paths.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.browser.cookies().value(name, SystemTime::now())
    }

    /// Takes a cookie as if `https://localhost/` had sent it in `Set-Cookie`: `"theme=dark; Path=/"`.
    pub fn set_cookie(&self, field: &str) {
        let localhost = Place::new("localhost".to_owned(), "/", true);
        self.browser.cookies().set(field.as_bytes(), &localhost, SystemTime::now());
    }

    /// Forgets all cookies.
    pub fn clear_cookies(&self) {
        self.browser.cookies().clear();
    }
}

#[cfg(test)]
mod tests;
