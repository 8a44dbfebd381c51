use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use foobar_core::{ConnectInfo, EarlyHints, Request, Scheme};
use http::header::{COOKIE, HOST, SET_COOKIE};
use http::{HeaderValue, uri};

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

/// What cookies depend on.
fn place(request: &Request) -> Place {
    let host = request.headers().get(HOST).map_or("", |host| host.to_str().unwrap_or_default()); // else no cookie's
    let host = host.parse::<uri::Authority>().map_or(String::new(), |host| host.host().to_ascii_lowercase()); // the same
    let connection = request.extensions().get::<ConnectInfo>();
    Place::new(host, request.uri().path(), connection.is_some_and(|connection| connection.scheme == Scheme::Https))
}
