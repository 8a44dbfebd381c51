use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use foobar_core::RequestId;

use super::outgoing::{COPIED, poll_write_vectored};
use crate::deadline::{Drain, Ending, OpenEnd, Pacer};
use crate::net::Transport;
use crate::pipeline::{Logged, MeasuredBody};
use crate::reply::{Pace, Pieces};

/// A response of the pipeline on its way to the client, as far as the client has not taken it.
pub(super) struct OutgoingBody {
    body: MeasuredBody,
    delimiter: Delimiter,
    /// Whether all of the body is in `pieces`, or has been sent.
    is_over: bool,
    pieces: Pieces,
    /// The bytes of `pieces`.
    queued: usize,
    pacer: Option<Pacer>,
    /// Of one whose length is not known.
    open_end: Option<OpenEnd>,
    /// The bytes of the head.
    head: usize,
    /// What the client has taken, with the head.
    written: usize,
}

/// How the end of a response's content is told (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delimiter {
    /// There is none, whatever the body has.
    NoContent,
    /// By its length.
    Length(u64),
    Chunks,
    /// By the end of the connection.
    Close,
}

impl Delimiter {
    const fn length(self) -> Option<u64> {
        if let Self::Length(length) = self { Some(length) } else { None }
    }
}

/// What may wait in memory for the client.
const QUEUE: usize = 64 << 10;

impl OutgoingBody {
    pub(super) fn new(body: Logged, delimiter: Delimiter, pace: Option<Pace>, is_event_stream: bool) -> Self {
        let is_open_ended = matches!(delimiter, Delimiter::Chunks | Delimiter::Close);
        Self {
            is_over: delimiter == Delimiter::NoContent,
            body: MeasuredBody::new(body, delimiter.length()),
            delimiter,
            pieces: Pieces::default(),
            queued: 0,
            pacer: pace.map(Pacer::new),
            open_end: is_open_ended.then(|| OpenEnd::new(is_event_stream)),
            head: 0,
            written: 0,
        }
    }

    pub(super) const fn is_by_handler(&self) -> bool {
        self.body.is_by_handler()
    }

    pub(super) fn id(&self) -> RequestId {
        self.body.entry().id()
    }

    /// The first piece of the body if it is ready and can be sent as it is, right behind the head.
    pub(super) fn first(&mut self, cx: &mut Context<'_>) -> io::Result<Bytes> {
        if self.is_over || self.pacer.is_some() || self.delimiter == Delimiter::Chunks {
            return Ok(Bytes::new());
        }
        match self.body.poll_data(cx) {
            Poll::Ready(data) => Ok(data?.unwrap_or_default()), // its end, which `fill` will see too
            Poll::Pending => Ok(Bytes::new()),
        }
    }

    /// The client has been sent `written` bytes of `begun`, the `head` bytes of the head and what follows it, and of `rest`.
    pub(super) fn began(&mut self, head: usize, begun: &[u8], rest: &Bytes, written: usize) {
        (self.head, self.written) = (head, written);
        if written < begun.len() {
            self.push(Bytes::copy_from_slice(&begun[written..]));
        }
        self.push(rest.slice(written.saturating_sub(begun.len())..));
    }

    /// Takes from the body what is ready, unless enough waits for the client.
    pub(super) fn fill(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        while !self.is_over && self.queued < QUEUE {
            match self.body.poll_data(cx) {
                Poll::Ready(Ok(Some(data))) => self.queue(data),
                Poll::Ready(Ok(None)) => self.queue_end(),
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => break,
            }
        }
        Ok(())
    }

    /// Whether nothing waits for the client.
    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Whether the client has taken everything.
    pub(super) fn is_done(&self) -> bool {
        self.is_over && self.is_empty()
    }

    /// Writes what the client takes, at most `limit` bytes and as many as its pace allows.
    pub(super) fn poll_write<S: Transport>(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut S,
        limit: usize,
    ) -> Poll<io::Result<usize>> {
        let mut slices = [IoSlice::new(&[]); Pieces::MOST];
        let count = self.pieces.first(&mut slices, limit);
        let written = ready!(poll_write_vectored(cx, stream, &slices[..count]))?;
        self.pieces.advance(written);
        self.queued -= written;
        self.written += written;
        if let Some(pacer) = &mut self.pacer {
            pacer.sent(written);
        }
        Poll::Ready(Ok(written))
    }

    /// How many bytes may be written now; waits until it is worth a write.
    pub(super) fn poll_pace(&mut self, cx: &mut Context<'_>) -> Poll<usize> {
        self.pacer.as_mut().map_or(Poll::Ready(usize::MAX), |pacer| pacer.poll(cx))
    }

    /// Ready when the server stops and the body is to end for that.
    pub(super) fn poll_drain(&mut self, cx: &mut Context<'_>, drain: Drain) -> Poll<Ending> {
        self.open_end.as_mut().map_or(Poll::Pending, |end| end.poll(cx, drain))
    }

    /// Ends the body before its end.
    pub(super) fn end(&mut self, ending: Ending) -> io::Result<()> {
        tracing::info!(request = %self.id(), "a stream is ended, as the server stops");
        if ending == Ending::CutOff {
            return Err(io::ErrorKind::TimedOut.into());
        }
        if !self.is_over {
            self.queue_end();
        }
        Ok(())
    }

    /// Sends something to a client that has closed its side, if nothing is on its way: the first digit of the next chunk's
    /// size, which may begin with a zero.
    pub(super) fn test_client(&mut self) {
        if self.delimiter == Delimiter::Chunks && !self.is_over && self.is_empty() {
            self.push(Bytes::from_static(b"0"));
        }
    }

    /// Whether nothing is on its way to the client, and nothing can be sent that would not be content.
    pub(super) fn is_silent(&self) -> bool {
        self.delimiter == Delimiter::Close && self.is_empty()
    }

    fn queue(&mut self, data: Bytes) {
        if self.delimiter != Delimiter::Chunks {
            return self.push(data);
        }
        let size = format!("{:x}\r\n", data.len());
        if data.len() <= COPIED {
            let chunk = [size.as_bytes(), &data, b"\r\n"].concat();
            return self.push(chunk.into());
        }
        self.push(size.into());
        self.push(data);
        self.push(Bytes::from_static(b"\r\n"));
    }

    fn queue_end(&mut self) {
        self.is_over = true;
        if self.delimiter == Delimiter::Chunks {
            self.push(Bytes::from_static(b"0\r\n\r\n"));
        }
    }

    fn push(&mut self, piece: Bytes) {
        self.queued += piece.len();
        self.pieces.push_back(piece);
    }
}

impl Drop for OutgoingBody {
    fn drop(&mut self) {
        if !self.is_done() {
            self.body.entry().cut(self.written.saturating_sub(self.head) as u64); // nothing of the body before the whole head
        }
    }
}
