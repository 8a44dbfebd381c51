use std::fmt;

use http::{HeaderMap, HeaderValue, StatusCode};

/// The head of an answer: status and headers.
pub struct TestHead {
    early_hints: Vec<HeaderValue>,
    head: http::response::Parts,
}

impl TestHead {
    pub(super) const fn new(early_hints: Vec<HeaderValue>, head: http::response::Parts) -> Self {
        Self { early_hints, head }
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
}

impl fmt::Debug for TestHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.head.status, self.head.headers)
    }
}
