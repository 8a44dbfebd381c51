use std::hash::{BuildHasher, RandomState};
use std::ops::Range;

use http::HeaderValue;

use super::range::content_range;
use crate::reply::Segment;

/// Frames ranges of a file as `multipart/byteranges` (RFC 9110 §14.6).
pub(crate) struct Multipart {
    boundary: String,
}

impl Multipart {
    /// Chooses a boundary that nobody can foresee, so that no file can be written to contain it.
    pub(crate) fn new() -> Self {
        Self { boundary: format!("{:016x}", RandomState::new().hash_one("boundary")) }
    }

    /// The type of the whole message.
    pub(crate) fn content_type(&self) -> HeaderValue {
        HeaderValue::try_from(format!("multipart/byteranges; boundary={}", self.boundary)).expect("digits make a value")
    }

    /// A head and a piece of the file for each range, and the closing line. `content_type` and `size` are the file's.
    pub(crate) fn segments(&self, ranges: &[Range<u64>], content_type: &HeaderValue, size: u64) -> Vec<Segment> {
        let mut segments = Vec::with_capacity(2 * ranges.len() + 1);
        for range in ranges {
            segments.push(Segment::Text(self.head(range, content_type, size).into()));
            segments.push(Segment::File(range.clone()));
        }
        segments.push(Segment::Text(format!("\r\n--{}--\r\n", self.boundary).into()));
        segments
    }

    fn head(&self, range: &Range<u64>, content_type: &HeaderValue, size: u64) -> Vec<u8> {
        let content_range = content_range(range, size);
        [
            b"\r\n--".as_slice(),
            self.boundary.as_bytes(),
            b"\r\nContent-Type: ",
            content_type.as_bytes(),
            b"\r\nContent-Range: ",
            content_range.as_bytes(),
            b"\r\n\r\n",
        ]
        .concat()
    }
}
