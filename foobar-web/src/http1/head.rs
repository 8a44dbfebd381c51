mod claims;
mod parsed;

use std::ops::Range;

use http::StatusCode;
use memchr::memchr;

use crate::limits::HeadLimits;
use crate::request::target;

pub(crate) use claims::IndexedHead;
pub(crate) use parsed::{Field, HeadIndex};

/// Reads the head of a request line by line as its bytes arrive, and refuses whatever is not plainly well-formed.
///
/// Others merge equal `Content-Length` fields, or take one beside a `Transfer-Encoding`, bare line feeds and fragments.
/// Where two programs may read one request differently, one can be smuggled (RFC 9112 §11.2).
pub(crate) struct HeadReader {
    limits: HeadLimits,
    line: usize,
    scanned: usize,
    fields_start: usize,
    fields: usize,
    length: Option<u64>,
    chunked: bool,
    index: HeadIndex,
}

/// A head that is complete and well-formed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Its bytes, to the end of its empty line.
    pub(crate) length: usize,
    /// The content that follows it.
    pub(crate) content: Content,
}

/// How the content of a request is delimited (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// By its length, which may be 0.
    Length(u64),
    /// By chunks.
    Chunked,
}

/// Why a head is refused: the status, and a sentence for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HeadError(pub(crate) StatusCode, pub(crate) &'static str);

impl HeadReader {
    pub(crate) fn new(limits: HeadLimits) -> Self {
        let index = HeadIndex::default();
        Self { limits, line: 0, scanned: 0, fields_start: 0, fields: 0, length: None, chunked: false, index }
    }

    /// What the head says, once it has been read to its end.
    pub(crate) const fn index(&self) -> &HeadIndex {
        &self.index
    }

    /// How many header fields have come.
    pub(crate) const fn fields(&self) -> usize {
        self.fields
    }

    /// Reads on in `bytes`, which begin with the first byte of the head; `None` if its end has not come yet.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> Result<Option<Head>, HeadError> {
        while let Some(end) = memchr(b'\n', &bytes[self.scanned..]) {
            let end = self.scanned + end;
            let line = bytes[self.line..end].strip_suffix(b"\r").ok_or(BARE_LF)?;
            self.check_size(end)?;
            let start = std::mem::replace(&mut self.line, end + 1);
            self.scanned = end + 1;
            if self.fields_start > 0 && line.is_empty() {
                return self.finish().map(Some);
            }
            self.read_line(line, start)?;
        }
        self.scanned = bytes.len();
        self.check_size(bytes.len())?;
        match bytes.get(self.line) {
            Some(first) if self.fields_start == 0 && !is(*first, TOKEN) && *first != b'\r' => Err(REQUEST_LINE),
            _ => Ok(None),
        }
    }

    /// `end` is where the current line ends, or how far it has come.
    fn check_size(&self, end: usize) -> Result<(), HeadError> {
        if self.fields_start == 0 {
            if end - self.line > self.limits.line + 1 { Err(LONG_LINE) } else { Ok(()) }
        } else if end - self.fields_start > self.limits.bytes + 1 {
            Err(LARGE_FIELDS)
        } else {
            Ok(())
        }
    }

    /// `start` is where the line begins.
    fn read_line(&mut self, line: &[u8], start: usize) -> Result<(), HeadError> {
        if self.fields_start > 0 {
            self.fields += 1;
            return if self.fields > self.limits.fields { Err(MANY_FIELDS) } else { self.field(line, start) };
        }
        if line.is_empty() {
            // RFC 9112 §2.2: one empty line before the request line is ignored, as old clients send it after a body.
            return if start == 0 { Ok(()) } else { Err(REQUEST_LINE) };
        }
        let (method, target, minor) = request_line(line)?;
        let raw = !target::is_target(method, target);
        if raw {
            self.check_raw(line, method, target)?;
        }
        self.index.request_line(start, method.len(), target, minor, raw);
        self.fields_start = self.line;
        Ok(())
    }

    /// A target that is none as it is may be one that was not encoded.
    fn check_raw(&self, line: &[u8], method: &[u8], target: &[u8]) -> Result<(), HeadError> {
        let encoded = target::encoded(target).filter(|encoded| target::is_target(method, encoded.as_bytes()));
        let length = line.len() - target.len() + encoded.ok_or(REQUEST_LINE)?.len();
        if length > self.limits.line { Err(LONG_LINE) } else { Ok(()) }
    }

    fn field(&mut self, line: &[u8], start: usize) -> Result<(), HeadError> {
        let colon = token(line);
        if colon == 0 || line.get(colon) != Some(&b':') || !is_text(&line[colon + 1..]) {
            return Err(FIELD);
        }
        let Some(field) = Field::named(&line[..colon]) else { return Ok(()) };
        let value = trim(line, colon + 1);
        match field {
            Field::ContentLength => self.content_length(&line[value.clone()])?,
            Field::TransferEncoding => self.transfer_encoding(&line[value.clone()])?,
            _ => {}
        }
        self.index.field(field, start + value.start..start + value.end);
        Ok(())
    }

    fn content_length(&mut self, value: &[u8]) -> Result<(), HeadError> {
        let digits = (1..=19).contains(&value.len()) && value.iter().all(u8::is_ascii_digit);
        let length = digits.then(|| value.iter().fold(0, |length, digit| length * 10 + u64::from(digit - b'0')));
        if self.length.is_some() || length.is_none() {
            return Err(CONTENT_LENGTH);
        }
        self.length = length;
        Ok(())
    }

    fn transfer_encoding(&mut self, value: &[u8]) -> Result<(), HeadError> {
        if self.chunked || self.index.minor == 0 || !value.eq_ignore_ascii_case(b"chunked") {
            return Err(TRANSFER_ENCODING);
        }
        self.chunked = true;
        Ok(())
    }

    fn finish(&self) -> Result<Head, HeadError> {
        let content = match (self.chunked, self.length) {
            (true, Some(_)) => return Err(TRANSFER_ENCODING),
            (true, None) => Content::Chunked,
            (false, length) => Content::Length(length.unwrap_or(0)), // no length: no content
        };
        Ok(Head { length: self.line, content })
    }
}

/// Well-formed here, and refused by the `http` crate.
pub(crate) const MALFORMED: HeadError = HeadError(StatusCode::BAD_REQUEST, "The head of the request is malformed.");
const REQUEST_LINE: HeadError = HeadError(StatusCode::BAD_REQUEST, "The request line is malformed.");
const BARE_LF: HeadError = HeadError(StatusCode::BAD_REQUEST, "A line of the request does not end in CR LF.");
const FIELD: HeadError = HeadError(StatusCode::BAD_REQUEST, "A header field of the request is malformed.");
const CONTENT_LENGTH: HeadError = HeadError(StatusCode::BAD_REQUEST, "The Content-Length is not one number.");
const TRANSFER_ENCODING: HeadError =
    HeadError(StatusCode::BAD_REQUEST, "The Transfer-Encoding is not `chunked` alone, or does not belong here.");
const VERSION: HeadError =
    HeadError(StatusCode::HTTP_VERSION_NOT_SUPPORTED, "This server speaks HTTP/1.1 and HTTP/1.0.");
const LONG_LINE: HeadError = HeadError(StatusCode::URI_TOO_LONG, "The request line is too long.");
const MANY_FIELDS: HeadError =
    HeadError(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "The request has too many header fields.");
const LARGE_FIELDS: HeadError =
    HeadError(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "The header fields of the request are too large.");

/// Checks the request line and gives the method, what should be the target, and the minor version.
fn request_line(line: &[u8]) -> Result<(&[u8], &[u8], u8), HeadError> {
    let (method, rest) = split(line).ok_or(REQUEST_LINE)?;
    let (target, version) = split(rest).ok_or(REQUEST_LINE)?;
    let minor = match version {
        b"HTTP/1.1" => 1,
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'2'..=b'9'] => 1, // whoever speaks it understands 1.1 (RFC 9110 §2.5)
        b"HTTP/1.0" => 0,
        [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => return Err(VERSION),
        _ => return Err(REQUEST_LINE),
    };
    let well_formed = !method.is_empty() && method.iter().all(|b| is(*b, TOKEN));
    if well_formed { Ok((method, target, minor)) } else { Err(REQUEST_LINE) }
}

fn split(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = memchr(b' ', line)?;
    Some((&line[..space], &line[space + 1..]))
}

/// Where the value that begins at `start` stands without the blanks around it.
fn trim(line: &[u8], start: usize) -> Range<usize> {
    let text = |byte: &u8| !matches!(byte, b' ' | b'\t');
    let end = line[start..].iter().rposition(text).map_or(start, |last| start + last + 1);
    let blanks = line[start..end].iter().position(text).unwrap_or(0); // nothing but blanks: an empty value
    start + blanks..end
}

/// Whether all bytes may stand in a field value, obsolete text included (RFC 9110 §5.5). Without an early end and in
/// pieces of one size, the last of which may overlap the one before, so that the compiler compares many bytes at a time.
fn is_text(value: &[u8]) -> bool {
    const PIECE: usize = 16;
    let bad = |piece: &[u8; PIECE]| {
        piece.iter().fold(false, |bad, byte| bad | (*byte < b' ' && *byte != b'\t') | (*byte == 0x7f))
    };
    match value.last_chunk() {
        Some(last) => !value.as_chunks().0.iter().fold(bad(last), |any, piece| any | bad(piece)),
        None => value.iter().all(|byte| is(*byte, VALUE)),
    }
}

/// How many bytes at the beginning may stand in a token; four at a time, as far as they do.
fn token(line: &[u8]) -> usize {
    let is_token = |byte: &u8| is(*byte, TOKEN);
    let fours = line.as_chunks::<4>().0.iter().take_while(|four| four.iter().fold(true, |all, b| all & is_token(b)));
    let sure = 4 * fours.count();
    sure + line[sure..].iter().take_while(|b| is_token(b)).count()
}

/// The bytes of a token (RFC 9110 §5.6.2).
pub(crate) const TOKEN: u8 = 1;
/// The bytes of a field value, obsolete text included (RFC 9110 §5.5).
pub(crate) const VALUE: u8 = 2;
static CLASSES: [u8; 256] = classes();

/// Whether `byte` belongs to `class`.
pub(crate) fn is(byte: u8, class: u8) -> bool {
    CLASSES[usize::from(byte)] & class != 0
}

const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = class(byte as u8);
        byte += 1;
    }
    classes
}

const fn class(byte: u8) -> u8 {
    let token = byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~');
    let value = matches!(byte, b'\t' | b' '..=b'~' | 0x80..);
    (token as u8 * TOKEN) | (value as u8 * VALUE)
}

#[cfg(test)]
mod tests;
