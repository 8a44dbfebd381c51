use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use foobar_core::{ConnectInfo, EarlyHints, Request, Scheme};
use http::header::{COOKIE, HOST, ORIGIN, SET_COOKIE};
use http::{HeaderName, HeaderValue, uri};

use super::cookies::{CookieJar, Place};
use super::test_stream::TestStream;
use super::transport::Transport;

/// Sends requests as one browser does: with the cookies that the answers before have set.
pub(super) struct Browser {
    pub(super) transport: Arc<dyn Transport>,
    cookies: Mutex<CookieJar>,
}

impl Browser {
    pub(super) fn new(transport: Arc<dyn Transport>) -> Self {
        Self { transport, cookies: Mutex::default() }
    }

    pub(super) fn cookies(&self) -> MutexGuard<'_, CookieJar> {
        self.cookies.lock().unwrap_or_else(PoisonError::into_inner) // it is whole at any time
    }

    /// Sends a request, and waits for the head of its answer. Cookies that the request names itself are left as they
    /// are.
    pub(super) async fn send(&self, mut request: Request) -> TestStream {
        let place = place(&request);
        if request.extensions_mut().remove::<WithoutOrigin>().is_none() {
            say_origin(&mut request);
        }
        if let Some(cookies) = self.cookies().header(&place, SystemTime::now())
            && !request.headers().contains_key(COOKIE)
        {
            let cookies = HeaderValue::try_from(cookies).expect("they have come in such a value");
            request.headers_mut().insert(COOKIE, cookies);
        }
        let (hints, mut sent) = EarlyHints::channel();
        request.extensions_mut().insert(hints);
        let response = self.transport.send(request).await;
        for cookie in response.headers().get_all(SET_COOKIE) {
            self.cookies().set(cookie.as_bytes(), &place, SystemTime::now());
        }
        let hints = std::iter::from_fn(|| sent.next_now()).flatten().collect();
        TestStream::new(hints, response)
    }
}

/// A request that does not say which page it is from.
#[derive(Clone, Copy)]
pub(super) struct WithoutOrigin;

/// Says what a browser says of a form on the site's own page, unless the request says something itself.
fn say_origin(request: &mut Request) {
    let says_itself = |name: &HeaderName| name == ORIGIN || name.as_str().starts_with("sec-fetch-");
    if !request.headers().keys().any(says_itself) {
        request.headers_mut().insert("sec-fetch-site", HeaderValue::from_static("same-origin"));
    }
}

/// What cookies depend on.
fn place(request: &Request) -> Place {
    let host = request.headers().get(HOST).map_or("", |host| host.to_str().unwrap_or_default()); // else no cookie's
    let host = host.parse::<uri::Authority>().map_or(String::new(), |host| host.host().to_ascii_lowercase()); // the same
    let connection = request.extensions().get::<ConnectInfo>();
    Place::new(host, request.uri().path(), connection.is_some_and(|connection| connection.scheme == Scheme::Https))
}
