use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use foobar_core::BodyError;
use h2::{Reason, RecvStream};
use http_body::{Body, Frame, SizeHint};

use crate::deadline::{Alarm, Meter};
use crate::limits::{Limits, Rate};

/// The body of a request. The client may send as much as one window before it is read, and more only as it is.
pub(super) struct IncomingBody {
    stream: RecvStream,
    /// The bytes that are left, if the client has said how many there are.
    left: Option<u64>,
    time: Duration,
    rate: Rate,
    receiving: Meter,
    reading: Alarm,
}

impl IncomingBody {
    /// `length` is what the client has said of it.
    pub(super) fn new(stream: RecvStream, length: Option<u64>, limits: &Limits) -> Self {
        Self {
            stream,
            left: length,
            time: limits.body_time,
            rate: limits.rate,
            receiving: Meter::default(),
            reading: Alarm::set(limits.body_time), // whoever reads the body may have no timers
        }
    }

    /// By when more of it has to come.
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let deadline = self.receiving.deadline(self.time, self.rate);
        ready!(self.reading.poll(cx, deadline));
        Poll::Ready(Some(Err(io::Error::new(io::ErrorKind::TimedOut, BodyError::TooSlow))))
    }

    /// Takes a piece, and lets the client send as much again.
    fn take(&mut self, data: Bytes) -> io::Result<Frame<Bytes>> {
        self.receiving.moved(data.len() as u64);
        self.stream.flow_control().release_capacity(data.len()).map_err(io::Error::other)?;
        self.left = self.left.map(|left| left.saturating_sub(data.len() as u64)); // h2 holds it to the length
        Ok(Frame::data(data))
    }
}

impl Body for IncomingBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.stream.poll_data(cx) {
            Poll::Ready(Some(Ok(data))) => Poll::Ready(Some(self.take(data))),
            Poll::Ready(Some(Err(error))) if error.reason() == Some(Reason::NO_ERROR) => Poll::Ready(None),
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(io::Error::other(error)))),
            Poll::Ready(None) => Poll::Ready(None), // trailers are not read (RFC 9110 §6.5.1)
            Poll::Pending => self.poll_deadline(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or(SizeHint::default(), SizeHint::with_exact)
    }
}
