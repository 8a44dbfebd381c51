use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use foobar_core::{Response, ResponseBody};
use http::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};

use super::disk_file::DiskFile;
use super::pieces::Pieces;
use super::stream::FileStream;
use crate::pace::Pace;

/// The answer of a file, not yet written for the connection that it goes to.
///
/// An error (4xx, 5xx) has its fields but no content: its page is made by who writes it.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    /// Fields that every answer of this kind has.
    pub(crate) fields: Arc<FieldBlock>,
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

/// A piece of content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    /// Text that is at hand.
    Text(Bytes),
    /// Bytes of the file.
    File(Range<u64>),
}

/// Header fields that are made once and sent many times.
#[derive(Debug, Default)]
pub(crate) struct FieldBlock {
    fields: Vec<(HeaderName, HeaderValue)>,
    text: Box<[u8]>,
}

impl Reply {
    /// An answer without content.
    pub(crate) fn empty(status: StatusCode, extra: Vec<(HeaderName, HeaderValue)>) -> Self {
        Self { status, fields: Arc::default(), extra, length: None, content: Content::Empty, pace: None }
    }

    /// The same without its content, for HEAD.
    pub(crate) fn without_content(self) -> Self {
        Self { content: Content::Empty, ..self }
    }

    /// All fields but `Content-Length`.
    pub(crate) fn headers(&self) -> HeaderMap {
        self.fields.fields.iter().chain(&self.extra).cloned().collect()
    }

    /// The answer in the form that everything behind the wire has.
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

impl Segment {
    /// The number of its bytes.
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::File(range) => range.end - range.start,
        }
    }
}

impl FieldBlock {
    pub(crate) fn new(fields: Vec<(HeaderName, HeaderValue)>) -> Self {
        let line = |(name, value): &(HeaderName, HeaderValue)| {
            [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat()
        };
        let text = fields.iter().flat_map(line).collect();
        Self { fields, text }
    }

    /// The fields as they are written on an HTTP/1 connection, each line with its end.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.text
    }
}
