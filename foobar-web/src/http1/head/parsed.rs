use std::ops::Range;

use bytes::Bytes;
use http::uri::{InvalidUri, Uri};

use crate::request::target;

/// What the reader of a head notes for whoever answers from its bytes: where in them the parts stand that matter.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HeadIndex {
    method: Span,
    path: Span,
    target_end: u32,
    raw: bool,
    /// HTTP/1.0 or HTTP/1.1.
    pub(crate) minor: u8,
    fields: [Span; Field::COUNT],
    repeated: bool,
}

/// The fields that are index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Accept,
    AcceptEncoding,
    Connection,
    ContentLength,
    Expect,
    Forwarded,
    Host,
    IfMatch,
    IfModifiedSince,
    IfNoneMatch,
    IfRange,
    IfUnmodifiedSince,
    Range,
    Referer,
    TransferEncoding,
    Upgrade,
    UserAgent,
    XForwardedFor,
    XForwardedHost,
    XForwardedProto,
    XRequestId,
}

/// Where something stands, as a head never has 4 GiB; before the first byte of a field there is a request line, so
/// what is not there starts at 0.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    start: u32,
    end: u32,
}

impl HeadIndex {
    /// The line is well-formed and begins at `start`; its method is so long, and its target `raw` if it is not encoded.
    pub(crate) fn request_line(&mut self, start: usize, method: usize, target: &[u8], minor: u8, raw: bool) {
        let target_start = start + method + 1;
        let path = memchr::memchr(b'?', target).unwrap_or(target.len()); // no query: all of it
        self.method = Span::of(start..start + method);
        self.path = Span::of(target_start..target_start + path);
        self.target_end = (target_start + target.len()) as u32;
        self.minor = minor;
        self.raw = raw;
    }

    pub(crate) fn field(&mut self, field: Field, value: Range<usize>) {
        let place = &mut self.fields[field as usize];
        self.repeated |= place.start > 0;
        *place = Span::of(value);
    }

    /// Whether no field that is index came twice: otherwise only its last value is known here.
    pub(crate) const fn is_plain(&self) -> bool {
        !self.repeated
    }

    pub(crate) fn method<'a>(&self, head: &'a [u8]) -> &'a [u8] {
        self.method.in_head(head)
    }

    /// The target up to its query; for a target that is no path, something else.
    pub(crate) fn path<'a>(&self, head: &'a [u8]) -> &'a [u8] {
        self.path.in_head(head)
    }

    /// What follows the first `?` of the target.
    pub(crate) fn query<'a>(&self, head: &'a [u8]) -> Option<&'a [u8]> {
        head.get(self.path.end as usize + 1..self.target_end as usize)
    }

    /// The request line without its end.
    pub(crate) fn line<'a>(&self, head: &'a [u8]) -> &'a [u8] {
        &head[self.method.start as usize..self.target_end as usize + b" HTTP/1.1".len()]
    }

    /// The target as a URI, encoded if it was not.
    pub(crate) fn uri(&self, head: &Bytes) -> Result<Uri, InvalidUri> {
        match self.encoded_target(head) {
            Some(encoded) => Uri::try_from(encoded),
            None => Uri::from_maybe_shared(head.slice(self.target())),
        }
    }

    /// The target as it should have been encoded; `None` if it was.
    pub(crate) fn encoded_target(&self, head: &[u8]) -> Option<String> {
        if self.raw { target::encoded(&head[self.target()]) } else { None }
    }

    /// Where the target stands.
    pub(crate) const fn target(&self) -> Range<usize> {
        self.path.start as usize..self.target_end as usize
    }

    /// Whether the target has to be encoded first.
    pub(crate) const fn is_raw(&self) -> bool {
        self.raw
    }

    /// Where the first header field begins.
    pub(crate) const fn fields_start(&self) -> usize {
        self.target_end as usize + b" HTTP/1.1\r\n".len()
    }

    /// The value of a field, without the blanks around it; `None` if it is not there.
    pub(crate) fn value<'a>(&self, field: Field, head: &'a [u8]) -> Option<&'a [u8]> {
        let place = self.fields[field as usize];
        (place.start > 0).then(|| place.in_head(head))
    }
}

impl Span {
    const fn of(range: Range<usize>) -> Self {
        Self { start: range.start as u32, end: range.end as u32 }
    }

    fn in_head(self, head: &[u8]) -> &[u8] {
        &head[self.start as usize..self.end as usize]
    }
}

impl Field {
    const COUNT: usize = Self::XRequestId as usize + 1;

    /// The field of this name, in whatever case.
    pub(crate) fn named(name: &[u8]) -> Option<Self> {
        Some(match name.len() {
            4 if is(name, b"host") => Self::Host,
            5 if is(name, b"range") => Self::Range,
            6 if is(name, b"accept") => Self::Accept,
            6 if is(name, b"expect") => Self::Expect,
            7 if is(name, b"referer") => Self::Referer,
            7 if is(name, b"upgrade") => Self::Upgrade,
            8 if is(name, b"if-match") => Self::IfMatch,
            8 if is(name, b"if-range") => Self::IfRange,
            9 if is(name, b"forwarded") => Self::Forwarded,
            10 if is(name, b"user-agent") => Self::UserAgent,
            10 if is(name, b"connection") => Self::Connection,
            12 if is(name, b"x-request-id") => Self::XRequestId,
            13 if is(name, b"if-none-match") => Self::IfNoneMatch,
            14 if is(name, b"content-length") => Self::ContentLength,
            15 if is(name, b"accept-encoding") => Self::AcceptEncoding,
            15 if is(name, b"x-forwarded-for") => Self::XForwardedFor,
            16 if is(name, b"x-forwarded-host") => Self::XForwardedHost,
            17 if is(name, b"if-modified-since") => Self::IfModifiedSince,
            17 if is(name, b"transfer-encoding") => Self::TransferEncoding,
            17 if is(name, b"x-forwarded-proto") => Self::XForwardedProto,
            19 if is(name, b"if-unmodified-since") => Self::IfUnmodifiedSince,
            _ => return None,
        })
    }
}

/// Whether a token is this name, in whatever case: only a letter and its other case differ in this bit alone.
fn is<const LENGTH: usize>(name: &[u8], known: &[u8; LENGTH]) -> bool {
    name.first_chunk::<LENGTH>().is_some_and(|name| name.map(|byte| byte | 0x20) == *known)
}
