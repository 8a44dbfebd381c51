use std::collections::VecDeque;
use std::io::IoSlice;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use foobar_core::BoxError;
use http_body::{Frame, SizeHint};

use super::segment::Segment;

/// Bytes in memory that are sent one after another. They belong to who else holds them, such as the cache: nothing is
/// copied for a client.
#[derive(Debug, Default)]
pub(crate) struct Pieces(VecDeque<Bytes>);

impl Pieces {
    /// The most pieces of one write.
    pub(crate) const MOST: usize = 16;

    /// Segments of a file that is in memory.
    pub(crate) fn of(content: &Bytes, segments: Vec<Segment>) -> Self {
        let piece = |segment| match segment {
            Segment::Text(text) => text,
            Segment::File(range) => content.slice(range.start as usize..range.end as usize),
        };
        segments.into_iter().map(piece).collect()
    }

    /// Puts something before all others.
    pub(crate) fn push_front(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.0.push_front(piece);
        }
    }

    /// Puts something behind all others.
    pub(crate) fn push_back(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.0.push_back(piece);
        }
    }

    /// The first of them, at most `limit` bytes and [`MOST`](Self::MOST) pieces; gives their number.
    pub(crate) fn first<'a>(&'a self, slices: &mut [IoSlice<'a>; Self::MOST], mut limit: usize) -> usize {
        let mut count = 0;
        for (slice, piece) in slices.iter_mut().zip(&self.0) {
            let length = piece.len().min(limit);
            if length == 0 {
                break;
            }
            *slice = IoSlice::new(&piece[..length]);
            limit -= length;
            count += 1;
        }
        count
    }

    /// Drops what has been sent.
    pub(crate) fn advance(&mut self, mut bytes: usize) {
        while let Some(first) = self.0.front_mut()
            && bytes > 0
        {
            let now = bytes.min(first.len());
            first.advance(now);
            bytes -= now;
            if first.is_empty() {
                self.0.pop_front();
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Bytes> for Pieces {
    fn from_iter<T: IntoIterator<Item = Bytes>>(pieces: T) -> Self {
        Self(pieces.into_iter().filter(|piece| !piece.is_empty()).collect())
    }
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.iter().map(|piece| piece.len() as u64).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(pieces: &Pieces, limit: usize) -> Vec<Vec<u8>> {
        let mut slices = [IoSlice::new(&[]); Pieces::MOST];
        let count = pieces.first(&mut slices, limit);
        slices[..count].iter().map(|slice| slice.to_vec()).collect()
    }

    #[test]
    fn segments_of_a_file_in_memory_are_not_copied() {
        let content = Bytes::from(b"0123456789".to_vec());
        let segments = vec![Segment::Text(Bytes::from_static(b"--")), Segment::File(0..1), Segment::File(2..10)];
        let pieces = Pieces::of(&content, segments);
        assert_eq!(text(&pieces, 100), [&b"--"[..], b"0", b"23456789"]);
        assert_eq!(pieces.0[2].as_ptr(), content[2..].as_ptr());
    }

    #[test]
    fn they_are_sent_in_order_up_to_a_limit_and_from_where_the_client_stopped() {
        let mut pieces: Pieces = ["ab", "", "cde", "f"].map(Bytes::from).into_iter().collect();
        assert_eq!(text(&pieces, 0), [b""; 0]);
        assert_eq!(text(&pieces, 4), [&b"ab"[..], b"cd"]);
        pieces.advance(3);
        assert_eq!(text(&pieces, 100), [&b"de"[..], b"f"]);
        pieces.push_front(Bytes::from_static(b"x"));
        pieces.advance(3);
        assert_eq!(text(&pieces, 100), [b"f"]);
        pieces.advance(1);
        assert!(pieces.is_empty());
    }

    #[test]
    fn one_write_takes_a_bounded_number_of_them() {
        let pieces: Pieces = std::iter::repeat_n(Bytes::from_static(b"x"), 40).collect();
        assert_eq!(text(&pieces, 100).len(), Pieces::MOST);
    }
}
