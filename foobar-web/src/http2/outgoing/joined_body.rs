use std::io;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};

use crate::pipeline::MeasuredBody;

/// A body whose small pieces, as far as they are ready, are joined: each piece becomes a frame, and clients end the
/// connection for too many that carry next to nothing.
pub(super) struct JoinedBody {
    body: MeasuredBody,
    /// What could not be joined with what came before: it is too large, or an error.
    held: Option<io::Result<Bytes>>,
    /// It has been read to its end.
    has_ended: bool,
}

/// The length from which a piece goes out by itself.
const LARGE: usize = 1 << 10;

impl JoinedBody {
    pub(super) const fn new(body: MeasuredBody) -> Self {
        Self { body, held: None, has_ended: false }
    }

    /// The body that is joined.
    pub(super) const fn inner(&self) -> &MeasuredBody {
        &self.body
    }

    /// Whether its end has come, and is where the head says.
    pub(super) fn is_at_end(&self) -> bool {
        self.held.is_none() && (self.has_ended || self.body.is_at_end())
    }

    /// The next data, or the end. Why it fails has been logged.
    pub(super) fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        let Some(first) = ready!(self.poll_piece(cx))? else { return Poll::Ready(Ok(None)) };
        if first.len() >= LARGE || self.is_at_end() {
            return Poll::Ready(Ok(Some(first)));
        }
        let mut joined = BytesMut::from(first);
        while joined.len() < LARGE && !self.is_at_end() {
            match self.poll_piece(cx) {
                Poll::Ready(Ok(Some(piece))) if piece.len() < LARGE => joined.extend_from_slice(&piece),
                Poll::Ready(piece) => {
                    self.held = piece.transpose();
                    break;
                }
                Poll::Pending => break, // what there is goes out
            }
        }
        Poll::Ready(Ok(Some(joined.freeze())))
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        if let Some(held) = self.held.take() {
            return Poll::Ready(held.map(Some));
        }
        if self.has_ended {
            return Poll::Ready(Ok(None));
        }
        let piece = ready!(self.body.poll_data(cx))?;
        self.has_ended = piece.is_none();
        Poll::Ready(Ok(piece))
    }
}
