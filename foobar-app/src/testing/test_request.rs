use std::future::IntoFuture;

use bytes::Bytes;
use foobar_core::{BoxFuture, ConnectInfo, RequestBody, Scheme};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST};
use http::{HeaderName, HeaderValue, Method, Request, Uri, uri};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use super::browser::{Browser, WithoutOrigin};
use super::multipart::Multipart;
use super::test_response::TestResponse;
use super::test_stream::TestStream;
use super::test_websocket::TestWebSocket;

/// A request that is being put together; `.await` or [`send`](Self::send) sends it.
#[must_use = "a call is sent by `.await`"]
pub struct TestRequest<'a> {
    browser: &'a Browser,
    request: Request<RequestBody>,
}

impl<'a> TestRequest<'a> {
    pub(super) fn new(browser: &'a Browser, method: Method, path: &str) -> Self {
        let mut request = Request::new(RequestBody::empty());
        *request.method_mut() = method;
        let uri = Uri::try_from(path).unwrap_or_else(|error| panic!("{path:?} is not a path: {error}"));
        let host = uri.authority().map_or("localhost", |authority| authority.as_str());
        let host = HeaderValue::from_str(host).unwrap_or_else(|error| panic!("{path:?} has no host: {error}"));
        request.headers_mut().insert(HOST, host);
        if uri.scheme() == Some(&uri::Scheme::HTTPS) {
            request.extensions_mut().insert(ConnectInfo { remote: None, local: None, scheme: Scheme::Https });
        }
        *request.uri_mut() = uri;
        Self { browser, request }
    }

    /// Sets a header, in place of others of its name. `Cookie` is sent in place of the client's own cookies.
    ///
    /// # Panics
    ///
    /// If name or value cannot be sent.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let field = (HeaderName::try_from(name), HeaderValue::try_from(value));
        let (Ok(name), Ok(value)) = field else { panic!("{name:?}: {value:?} is not a header field") };
        self.request.headers_mut().insert(name, value);
        self
    }

    /// Leaves out which site its page is of (`Sec-Fetch-Site`), which is this very one unless a header says otherwise:
    /// as a program sends it, or an old browser.
    pub fn without_origin(self) -> Self {
        self.extension(WithoutOrigin)
    }

    /// Sends `body` as `application/json`.
    ///
    /// # Panics
    ///
    /// If `body` has no form in JSON.
    pub fn json(self, body: &impl Serialize) -> Self {
        let body = serde_json::to_vec(body).unwrap_or_else(|error| panic!("the body is no JSON: {error}"));
        self.header(CONTENT_TYPE.as_str(), "application/json").body(body)
    }

    /// Sends these fields as a browser sends a form.
    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
        let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        self.header(CONTENT_TYPE.as_str(), "application/x-www-form-urlencoded").body(fields.join("&"))
    }

    /// Sends a form with files, as a browser does.
    ///
    /// # Panics
    ///
    /// If a part of it has a media type that cannot be sent.
    pub fn multipart(self, form: Multipart) -> Self {
        let (kind, body) = form.encode();
        self.header(CONTENT_TYPE.as_str(), &kind).body(body)
    }

    /// Sends these bytes.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        self.request.headers_mut().insert(CONTENT_LENGTH, body.len().into());
        *self.request.body_mut() = RequestBody::full(body);
        self
    }

    /// Sends a body of your own making: a stream, or one that fails.
    pub fn stream(mut self, body: RequestBody) -> Self {
        *self.request.body_mut() = body;
        self
    }

    /// Adds to the request what the web tier would, such as a [`ConnectInfo`], or the
    /// [`ClientCertificate`](foobar_core::ClientCertificate) of a client.
    pub fn extension<T: Clone + Send + Sync + 'static>(mut self, value: T) -> Self {
        self.request.extensions_mut().insert(value);
        self
    }

    /// Sends it, and waits for the whole answer, or until it breaks off.
    pub async fn send(self) -> TestResponse {
        self.open().await.finish().await
    }

    /// Sends it, and waits for the head of the answer; its body is read piece by piece.
    pub async fn open(self) -> TestStream {
        self.browser.send(self.request).await
    }

    /// Opens a WebSocket.
    ///
    /// # Panics
    ///
    /// If the answer is anything else; the panic shows it.
    pub async fn websocket(self) -> TestWebSocket {
        self.try_websocket().await.unwrap_or_else(|answer| panic!("the answer is no WebSocket's: {answer:?}"))
    }

    /// Opens a WebSocket, or gives the answer that refuses it.
    ///
    /// # Panics
    ///
    /// If the answer switches to a protocol, and that is not WebSocket.
    pub async fn try_websocket(self) -> Result<TestWebSocket, TestResponse> {
        TestWebSocket::open(self.browser, self.request).await
    }
}

impl<'a> IntoFuture for TestRequest<'a> {
    type Output = TestResponse;
    type IntoFuture = BoxFuture<'a, TestResponse>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}
