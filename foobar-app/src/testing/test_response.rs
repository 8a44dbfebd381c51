use std::fmt;
use std::ops::Deref;

use bytes::Bytes;
use foobar_core::{BoxError, Chain};
use serde::de::DeserializeOwned;

use super::test_head::TestHead;

/// A whole answer; a [`TestHead`] otherwise.
pub struct TestResponse {
    head: TestHead,
    body: Result<Bytes, BoxError>,
}

impl TestResponse {
    pub(super) const fn new(head: TestHead, body: Result<Bytes, BoxError>) -> Self {
        Self { head, body }
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

    /// The token of a page's form ([`CsrfToken`](crate::CsrfToken)): the value of its field `csrf_token`, to be sent with
    /// the other fields by [`form`](super::TestRequest::form).
    ///
    /// # Panics
    ///
    /// If the answer has no such field.
    pub fn csrf_token(&self) -> &str {
        let inputs = self.text().split("<input").skip(1).filter_map(|rest| rest.split('>').next());
        let mut own = inputs.filter(|input| attribute(input, "name") == Some("csrf_token"));
        own.find_map(|input| attribute(input, "value"))
            .unwrap_or_else(|| panic!("the page has no field `csrf_token`: {}", self.text()))
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

/// What stands in quotes behind the name of an attribute.
fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    rest.split('"').next()
}

impl Deref for TestResponse {
    type Target = TestHead;

    fn deref(&self) -> &TestHead {
        &self.head
    }
}

impl fmt::Debug for TestResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}", self.head, self.body)
    }
}
