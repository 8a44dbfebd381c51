use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use foobar_core::{BoxError, Chain, Response};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body::Body;
use serde::de::DeserializeOwned;

/// A whole answer of the application.
pub struct TestResponse {
    early_hints: Vec<HeaderValue>,
    head: http::response::Parts,
    body: Result<Bytes, BoxError>,
}

impl TestResponse {
    /// Reads the response to its end.
    pub(super) async fn collect(early_hints: Vec<HeaderValue>, response: Response) -> Self {
        let (head, mut body) = response.into_parts();
        let mut bytes = BytesMut::new();
        while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            match frame.map(|frame| frame.into_data()) {
                Ok(Ok(data)) => bytes.extend_from_slice(&data),
                Ok(Err(_trailers)) => {}
                Err(error) => return Self { early_hints, head, body: Err(error) },
            }
        }
        Self { early_hints, head, body: Ok(bytes.freeze()) }
    }

    /// The links that the handler sent [early](foobar_core::EarlyHints).
    pub fn early_hints(&self) -> &[HeaderValue] {
        &self.early_hints
    }

    /// The status.
    pub const fn status(&self) -> StatusCode {
        self.head.status
    }

    /// All headers.
    pub const fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// The first value of a header, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok() // what is not text reads as absent, as documented
    }

    /// The body, or why it broke off.
    pub fn try_bytes(&self) -> Result<&Bytes, &BoxError> {
        self.body.as_ref()
    }

    /// The body.
    ///
    /// # Panics
    ///
    /// If it broke off.
    pub fn bytes(&self) -> &Bytes {
        self.try_bytes().unwrap_or_else(|error| panic!("the answer broke off: {}", Chain(&**error)))
    }

    /// The body as text.
    ///
    /// # Panics
    ///
    /// If it broke off or is not UTF-8.
    pub fn text(&self) -> &str {
        std::str::from_utf8(self.bytes()).unwrap_or_else(|error| panic!("the answer is not text: {error}"))
    }

    /// The body as JSON.
    ///
    /// # Panics
    ///
    /// If it broke off or is not JSON of this shape.
    pub fn json<T: DeserializeOwned>(&self) -> T {
        let parsed = serde_json::from_slice(self.bytes());
        parsed.unwrap_or_else(|error| panic!("the answer is not the JSON asked for: {error}: {}", self.text()))
    }
}

impl fmt::Debug for TestResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} {:?}", self.head.status, self.head.headers, self.body)
    }
}
