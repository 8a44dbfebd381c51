use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName, LAST_MODIFIED, VARY,
};
use http::{HeaderValue, StatusCode};

use super::multipart::Multipart;
use super::range::content_range;
use super::validators::Validators;
use crate::encoding::Coding;
use crate::reply::{Content, FieldBlock, Pieces, Reply, Segment};
use crate::static_files::load::Stored;

/// A file as it can be sent (RFC 9110 §3.2): its content and what the headers say of it.
///
/// Nothing in it depends on the request: the cache keeps these.
pub(crate) struct Representation {
    /// What tells this state of the file from another.
    pub(crate) validators: Validators,
    /// The length of the content, in bytes.
    pub(crate) size: u64,
    /// The content.
    pub(crate) stored: Stored,
    announced: FileHeaders,
    whole: FieldBlock,
    not_modified: FieldBlock,
}

/// What the name of a file says of it.
#[derive(Clone)]
pub(crate) struct FileHeaders {
    /// The media type, with its charset.
    pub(crate) content_type: HeaderValue,
    /// Fields of every answer that has content, beside those that all files have.
    pub(crate) fields: Vec<(HeaderName, HeaderValue)>,
    /// Fields that 304 has too (RFC 9110 §15.4.5), such as `Cache-Control`.
    pub(crate) lasting: Vec<(HeaderName, HeaderValue)>,
    /// How long it may be kept, for `Expires`.
    pub(crate) lifetime: Option<Duration>,
    /// Whether ranges are served.
    pub(crate) ranges: bool,
}

/// The memory that a representation takes beside its content and its fields, with the map of these that HTTP/2 has.
const OWN: u64 = 1280;

impl Representation {
    /// A file as it is, of `size` bytes.
    pub(crate) fn new(validators: Validators, size: u64, stored: Stored, announced: FileHeaders) -> Self {
        let (whole, not_modified) = fields(&validators, &announced, &announced.content_type);
        Self { validators, size, stored, announced, whole, not_modified }
    }

    /// A file that holds the content of another in a coding; `announced` is that of the other.
    pub(crate) fn sibling(
        validators: &Validators,
        size: u64,
        stored: Stored,
        announced: &FileHeaders,
        coding: Coding,
    ) -> Self {
        Self::new(validators.in_coding(coding), size, stored, announced.in_coding(coding))
    }

    /// This in a coding that its content was compressed in. Ranges are not served of it: it may have other bytes on
    /// another server, or after an upgrade.
    pub(crate) fn compressed(&self, coding: Coding, content: Bytes) -> Self {
        let announced = FileHeaders { ranges: false, ..self.announced.in_coding(coding) };
        let (size, stored) = (content.len() as u64, Stored::Memory(content));
        Self::new(self.validators.in_coding(coding), size, stored, announced)
    }

    /// Whether its content is in memory; else it holds a file open.
    pub(crate) const fn is_in_memory(&self) -> bool {
        matches!(self.stored, Stored::Memory(_))
    }

    /// The bytes of memory that it takes, if its content is there; its fields twice, as values and as lines.
    pub(crate) fn memory(&self) -> u64 {
        if self.is_in_memory() { OWN + 2 * self.whole.as_bytes().len() as u64 + self.size } else { 0 }
    }

    /// The media type, with its charset.
    pub(crate) const fn content_type(&self) -> &HeaderValue {
        &self.announced.content_type
    }

    /// 200 with all of it.
    pub(crate) fn whole(&self) -> Reply {
        let content = match &self.stored {
            Stored::Memory(bytes) => Content::Memory(bytes.clone()),
            Stored::File(file) => Content::File(Arc::clone(file), vec![Segment::File(0..self.size)]),
        };
        let (fields, length) = (self.whole.clone(), Some(self.size));
        Reply { status: StatusCode::OK, fields, extra: Vec::new(), length, content, pace: None }
    }

    /// 206 with one range.
    pub(crate) fn part(&self, range: Range<u64>) -> Reply {
        let extra = vec![(CONTENT_RANGE, content_range(&range, self.size))];
        self.pieces(self.whole.clone(), extra, vec![Segment::File(range)])
    }

    /// 206 with several ranges, each in a part of `multipart/byteranges`.
    pub(crate) fn parts(&self, ranges: &[Range<u64>]) -> Reply {
        let multipart = Multipart::new();
        let segments = multipart.segments(ranges, self.content_type(), self.size);
        let (fields, _) = fields(&self.validators, &self.announced, &multipart.content_type());
        self.pieces(fields, Vec::new(), segments)
    }

    /// 304: the client has it.
    pub(crate) fn not_modified(&self) -> Reply {
        Reply { fields: self.not_modified.clone(), ..Reply::empty(StatusCode::NOT_MODIFIED, Vec::new()) }
    }

    /// 416 with the length of what there is (RFC 9110 §15.5.17).
    pub(crate) fn unsatisfiable(&self) -> Reply {
        let length = header(format!("bytes */{}", self.size));
        Reply::empty(StatusCode::RANGE_NOT_SATISFIABLE, vec![(CONTENT_RANGE, length)])
    }

    fn pieces(&self, fields: FieldBlock, extra: Vec<(HeaderName, HeaderValue)>, segments: Vec<Segment>) -> Reply {
        let length = Some(segments.iter().map(Segment::len).sum());
        let content = match &self.stored {
            Stored::Memory(bytes) => in_memory(bytes, segments),
            Stored::File(file) => Content::File(Arc::clone(file), segments),
        };
        Reply { status: StatusCode::PARTIAL_CONTENT, fields, extra, length, content, pace: None }
    }
}

impl FileHeaders {
    /// The same for a file that is sent in several codings.
    pub(crate) fn varying(mut self) -> Self {
        self.lasting.push((VARY, HeaderValue::from_static("Accept-Encoding")));
        self
    }

    fn in_coding(&self, coding: Coding) -> Self {
        let mut announced = self.clone();
        announced.fields.push((CONTENT_ENCODING, HeaderValue::from_static(coding.name())));
        announced
    }
}

/// Nothing of it is copied, for each client would hold a copy.
fn in_memory(content: &Bytes, segments: Vec<Segment>) -> Content {
    match &segments[..] {
        [Segment::File(range)] => Content::Memory(content.slice(range.start as usize..range.end as usize)),
        _ => Content::Pieces(Pieces::of(content, segments)),
    }
}

/// The fields of an answer with content, and those among them that 304 has too.
fn fields(validators: &Validators, announced: &FileHeaders, content_type: &HeaderValue) -> (FieldBlock, FieldBlock) {
    let mut fields = vec![(CONTENT_TYPE, content_type.clone())];
    fields.extend(validators.etag.as_deref().map(|tag| (ETAG, header(tag.to_owned()))));
    fields.extend(validators.last_modified().map(|date| (LAST_MODIFIED, header(date))));
    fields.extend_from_slice(&announced.lasting);
    let lasting = 1..fields.len();
    fields.extend(announced.ranges.then(|| (ACCEPT_RANGES, HeaderValue::from_static("bytes"))));
    fields.extend_from_slice(&announced.fields);
    let block = FieldBlock::new(&fields).expiring(announced.lifetime);
    let not_modified = block.part(lasting);
    (block, not_modified)
}

fn header(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("words, digits and quotes make a value")
}
