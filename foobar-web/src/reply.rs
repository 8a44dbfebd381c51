//! An answer of the tier's own, not yet written for the connection that it goes to. It must not know where it comes
//! from, nor a version of HTTP beyond header lines, which are made once and sent many times.

mod caching;
mod field_block;
mod file_stream;
mod pieces;
mod problem_page;
mod segment;

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use foobar_core::{Response, ResponseBody};
use http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, EXPIRES, HeaderName, HeaderValue, LOCATION, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, StatusCode};

use crate::file_source::DiskFile;

use crate::clock::after;
use file_stream::FileStream;

pub(crate) use caching::{is_for_caches, remove_beside_cache_control};
pub(crate) use field_block::FieldBlock;
pub(crate) use pieces::Pieces;
pub(crate) use problem_page::{ProblemPage, ProblemPages, SAFE_FIELDS};
pub(crate) use segment::Segment;

/// The answer of a file, not yet written for the connection that it goes to.
///
/// An error (4xx, 5xx) has its fields but no content: its page is made by who writes it.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    /// Fields that every answer of this kind has.
    pub(crate) fields: FieldBlock,
    /// Fields of this answer alone.
    pub(crate) extra: Vec<(HeaderName, HeaderValue)>,
    /// What `Content-Length` says, also of content that is left out of the answer to HEAD; `None` where it says nothing.
    pub(crate) length: Option<u64>,
    pub(crate) content: Content,
    /// How fast it may be sent, if there is a bound.
    pub(crate) pace: Option<Pace>,
}

/// What follows the head of an answer.
pub(crate) enum Content {
    Empty,
    Memory(Bytes),
    /// Pieces of what is in memory.
    Pieces(Pieces),
    /// Pieces of a file, and text between them.
    File(Arc<DiskFile>, Vec<Segment>),
}

/// How fast an answer may go to its client, as with nginx's `limit_rate` and `limit_rate_after`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    /// Bytes a second; not 0.
    pub(crate) rate: NonZeroU64,
    /// The bytes at the beginning that are not held up.
    pub(crate) after: u64,
}

impl Reply {
    /// An answer without content. An error says no length: it may get a page.
    pub(crate) fn empty(status: StatusCode, extra: Vec<(HeaderName, HeaderValue)>) -> Self {
        let length = (!is_error(status) && !has_no_content(status)).then_some(0);
        Self { status, fields: FieldBlock::default(), extra, length, content: Content::Empty, pace: None }
    }

    /// The same without its content, for HEAD.
    pub(crate) fn without_content(self) -> Self {
        Self { content: Content::Empty, ..self }
    }

    /// Whether it is an error without content, which gets a page.
    pub(crate) fn is_bare_error(&self) -> bool {
        is_error(self.status) && matches!(self.content, Content::Empty)
    }

    /// Whether it has a field of this name, but for `Content-Length` and `Expires`.
    pub(crate) fn says(&self, name: &HeaderName) -> bool {
        self.fields.has(name) || self.extra.iter().any(|(own, _)| own == name)
    }

    /// All fields but `Content-Length`.
    pub(crate) fn headers(&self) -> HeaderMap {
        let expires = self.fields.lifetime().and_then(|lifetime| {
            Some((EXPIRES, HeaderValue::try_from(after(SystemTime::now(), lifetime)).ok()?)) // a date makes a value
        });
        let mut headers = self.fields.to_map();
        headers.extend(self.extra.iter().cloned().chain(expires));
        headers
    }

    /// The answer in the form that the pipeline has.
    pub(crate) fn into_response(self) -> Response {
        let mut headers = self.headers();
        if let Some(length) = self.length {
            headers.insert(CONTENT_LENGTH, length.into());
        }
        let mut response = Response::new(match self.content {
            Content::Empty => ResponseBody::empty(),
            Content::Memory(bytes) => ResponseBody::full(bytes),
            Content::Pieces(pieces) => ResponseBody::stream(pieces),
            Content::File(file, segments) => ResponseBody::stream(FileStream::new(file, segments)),
        });
        *response.status_mut() = self.status;
        *response.headers_mut() = headers;
        response
    }
}

/// A redirect with this status to exactly this place.
pub(crate) fn redirect(status: StatusCode, location: HeaderValue) -> Response {
    Reply::empty(status, vec![(LOCATION, location)]).into_response()
}

/// An answer without a body, with one header field.
pub(crate) fn with_field(status: StatusCode, name: HeaderName, value: HeaderValue) -> Response {
    let mut response = Response::new(ResponseBody::empty());
    *response.status_mut() = status;
    response.headers_mut().insert(name, value);
    response
}

/// A few words, which are nobody else's to keep.
pub(crate) fn text(words: String) -> Response {
    let mut response = Response::new(Bytes::from(words).into());
    let fields = [(CONTENT_TYPE, "text/plain"), (CACHE_CONTROL, "no-store"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    response.headers_mut().extend(fields.map(|(name, value)| (name, HeaderValue::from_static(value))));
    response
}

/// Whether a response with these fields is a stream of events (`text/event-stream`), as the HTML standard has it.
pub(crate) fn is_event_stream(headers: &HeaderMap) -> bool {
    const EVENT_STREAM: &[u8] = b"text/event-stream";
    let kind = headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let essence = kind.split(|byte| *byte == b';').next().unwrap_or_default(); // there is always a first part
    essence.trim_ascii().eq_ignore_ascii_case(EVENT_STREAM)
}

pub(crate) fn is_error(status: StatusCode) -> bool {
    status.is_client_error() || status.is_server_error()
}

/// Whether answers of this status have no content, nor a length of one.
pub(crate) const fn has_no_content(status: StatusCode) -> bool {
    matches!(status.as_u16(), 204 | 205 | 304)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use http::header::{AGE, CONTENT_TYPE, ETAG, VARY};

    #[test]
    fn fields_are_lines_and_a_part_of_them_has_its_own_and_all_become_headers_again() {
        let field = |name: HeaderName, value| (name, HeaderValue::from_static(value));
        let all = [field(CONTENT_TYPE, "a: b"), field(ETAG, "\"x\""), field(AGE, "")];
        let block = FieldBlock::new(&all).expiring(Some(Duration::ZERO));
        assert_eq!(block.as_bytes(), b"content-type: a: b\r\netag: \"x\"\r\nage: \r\n");
        assert_eq!(block.part(1..3).as_bytes(), b"etag: \"x\"\r\nage: \r\n");
        assert_eq!(block.part(1..3).part(0..1).as_bytes(), b"etag: \"x\"\r\n");
        let reply = Reply { fields: block.part(0..3), ..Reply::empty(StatusCode::OK, vec![field(LOCATION, "/")]) };
        assert!([ETAG, LOCATION].iter().all(|name| reply.says(name)));
        assert!(!reply.says(&HeaderName::from_static("content")) && !reply.says(&VARY));
        let headers = reply.headers();
        assert!(all.iter().all(|(name, value)| headers[name] == value) && headers.contains_key(EXPIRES), "{headers:?}");
        assert_eq!(headers.len(), 5);
    }
}
