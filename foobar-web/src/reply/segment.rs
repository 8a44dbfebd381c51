use std::ops::Range;

use bytes::Bytes;

/// A piece of content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    /// Text that is at hand.
    Text(Bytes),
    /// Bytes of the file.
    File(Range<u64>),
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
