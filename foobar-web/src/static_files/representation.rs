use std::fs::{File, Metadata};
use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use foobar_core::{Response, ResponseBody};
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, LAST_MODIFIED};
use http::{HeaderValue, StatusCode};

use super::multipart::Multipart;
use super::stream::{self, FileStream, Segment};
use super::validators::Validators;
use crate::answer;

/// A file as it can be sent (RFC 9110 §3.2): its content and what the headers say of it.
///
/// Nothing in it depends on the request: a cache would keep these.
pub(super) struct Representation {
    /// The media type, with its charset.
    pub(super) content_type: HeaderValue,
    /// What tells this state of the file from another.
    pub(super) validators: Validators,
    /// The length of the content, in bytes.
    pub(super) size: u64,
    /// The content.
    pub(super) content: Content,
}

/// The bytes of a file.
pub(super) enum Content {
    /// Read when the file was opened.
    Memory(Bytes),
    /// To be read as they are sent.
    File(Arc<File>),
}

impl Representation {
    /// An open file; its content is read at once if it has at most `at_once` bytes.
    pub(super) fn new(file: File, metadata: &Metadata, content_type: HeaderValue, at_once: u64) -> io::Result<Self> {
        let size = metadata.len();
        let content = if size <= at_once {
            Content::Memory(stream::read(&file, 0..size)?)
        } else {
            Content::File(Arc::new(file))
        };
        Ok(Self { content_type, validators: Validators::new(metadata), size, content })
    }

    /// 200 with all of it.
    pub(super) fn whole(&self) -> Response {
        self.respond(StatusCode::OK, &self.content_type, vec![Segment::File(0..self.size)])
    }

    /// 206 with one range.
    pub(super) fn part(&self, range: Range<u64>) -> Response {
        let content_range = content_range(&range, self.size);
        let mut response = self.respond(StatusCode::PARTIAL_CONTENT, &self.content_type, vec![Segment::File(range)]);
        response.headers_mut().insert(CONTENT_RANGE, content_range);
        response
    }

    /// 206 with several ranges, each in a part of `multipart/byteranges`.
    pub(super) fn parts(&self, ranges: &[Range<u64>]) -> Response {
        let multipart = Multipart::new();
        let segments = multipart.segments(ranges, &self.content_type, self.size);
        self.respond(StatusCode::PARTIAL_CONTENT, &multipart.content_type(), segments)
    }

    /// 304: the client has it.
    pub(super) fn not_modified(&self) -> Response {
        self.validated(StatusCode::NOT_MODIFIED, ResponseBody::empty())
    }

    /// 416 with the length of what there is (RFC 9110 §15.5.17).
    pub(super) fn unsatisfiable(&self) -> Response {
        let length = header(format!("bytes */{}", self.size));
        answer::with_field(StatusCode::RANGE_NOT_SATISFIABLE, CONTENT_RANGE, length)
    }

    fn respond(&self, status: StatusCode, content_type: &HeaderValue, segments: Vec<Segment>) -> Response {
        let length: u64 = segments.iter().map(Segment::len).sum();
        let mut response = self.validated(status, self.body(segments));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, content_type.clone());
        headers.insert(CONTENT_LENGTH, length.into());
        response
    }

    fn body(&self, segments: Vec<Segment>) -> ResponseBody {
        match &self.content {
            Content::Memory(bytes) => ResponseBody::full(stream::gather(bytes, &segments)),
            Content::File(file) => ResponseBody::stream(FileStream::new(Arc::clone(file), segments)),
        }
    }

    fn validated(&self, status: StatusCode, body: ResponseBody) -> Response {
        let mut response = Response::new(body);
        *response.status_mut() = status;
        response.headers_mut().insert(ETAG, self.validators.etag.clone());
        response.headers_mut().insert(LAST_MODIFIED, self.validators.last_modified.clone());
        response
    }
}

/// Where a range lies in a file of `size` bytes, as `Content-Range` says it.
pub(super) fn content_range(range: &Range<u64>, size: u64) -> HeaderValue {
    header(format!("bytes {}-{}/{size}", range.start, range.end - 1))
}

fn header(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("words and digits make a value")
}
