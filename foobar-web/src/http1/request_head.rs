use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Version};
use memchr::memchr;

use super::head::{Content, HeadIndex};
use crate::pipeline::Refusal;

/// What came, and is not for the fast path.
pub(super) enum Received {
    Request(RequestHead, Content),
    /// A head that is malformed; whether its method seemed to be HEAD.
    Refused(Refusal, bool),
}

/// The head of a request, in its bytes.
pub(super) struct RequestHead {
    pub(super) bytes: Bytes,
    pub(super) index: HeadIndex,
    /// How many fields it has.
    pub(super) fields: usize,
}

impl RequestHead {
    /// The same for the request path, which shares the bytes. An error where the `http` crate is stricter than the reader
    /// of heads.
    pub(super) fn parts(&self) -> Result<Parts, http::Error> {
        let (mut parts, ()) = Request::new(()).into_parts();
        parts.method = Method::from_bytes(self.index.method(&self.bytes))?;
        parts.uri = self.index.uri(&self.bytes)?;
        parts.version = if self.index.minor == 0 { Version::HTTP_10 } else { Version::HTTP_11 };
        parts.headers = self.headers()?;
        Ok(parts)
    }

    fn headers(&self) -> Result<HeaderMap, http::Error> {
        let mut headers = HeaderMap::with_capacity(self.fields);
        let mut at = self.index.fields_start();
        while let Some(length) = memchr(b'\n', &self.bytes[at..]) {
            let line = &self.bytes[at..at + length];
            let Some(colon) = memchr(b':', line) else { break }; // the empty line at the end
            let name = HeaderName::from_bytes(&line[..colon])?;
            let value = self.bytes.slice_ref(line[colon + 1..].trim_ascii());
            headers.try_append(name, HeaderValue::from_maybe_shared(value)?)?;
            at += length + 1;
        }
        Ok(headers)
    }
}
