use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use foobar_core::{BoxError, panics};
use http_body::{Body, Frame};

use super::Logged;
use crate::access_log::Entry;

/// The body of a response, which is as long as its head says, or fails.
pub(crate) struct MeasuredBody {
    body: Logged,
    entry: Rc<Entry>,
    /// The bytes that the head has announced and that are left.
    left: Option<u64>,
}

impl MeasuredBody {
    /// `length` is what the head announces; `None` if it announces nothing.
    pub(crate) fn new(body: Logged, length: Option<u64>) -> Self {
        Self { entry: body.entry(), body, left: length }
    }

    pub(crate) const fn is_by_handler(&self) -> bool {
        self.body.is_by_handler()
    }

    pub(crate) const fn entry(&self) -> &Rc<Entry> {
        &self.entry
    }

    /// How many of the announced bytes are left, if a length was announced.
    pub(crate) const fn left(&self) -> Option<u64> {
        self.left
    }

    /// Whether its end has come, and is where the head says.
    pub(crate) fn is_at_end(&self) -> bool {
        self.body.is_end_stream() && self.left.is_none_or(|left| left == 0)
    }

    /// The next data, or the end. Why it fails has been logged.
    pub(crate) fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        loop {
            let data = match ready!(self.poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if !data.is_empty() => data,
                    _ => continue, // trailers are not sent (RFC 9110 §6.5.1)
                },
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))), // whoever made it has logged it
                None => return Poll::Ready(self.check_end().map(|()| None)),
            };
            return Poll::Ready(self.check_length(data).map(Some));
        }
    }

    /// A panic of a body is no reason for an end that looks like one.
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Self { body, entry, .. } = self;
        panics::catch(|| Pin::new(body).poll_frame(cx)).unwrap_or_else(|panic| {
            tracing::error!(request = %entry.id(), "the body of a response {panic}");
            Poll::Ready(Some(Err(panic.into())))
        })
    }

    fn check_length(&mut self, data: Bytes) -> io::Result<Bytes> {
        if let Some(left) = &mut self.left {
            let Some(less) = left.checked_sub(data.len() as u64) else { return Err(self.wrong_length("longer")) };
            *left = less;
        }
        Ok(data)
    }

    fn check_end(&self) -> io::Result<()> {
        match self.left {
            Some(1..) => Err(self.wrong_length("shorter")),
            _ => Ok(()),
        }
    }

    fn wrong_length(&self, comparison: &str) -> io::Error {
        tracing::error!(
            request = %self.entry.id(),
            "the body of a response is {comparison} than its Content-Length says; it is cut off"
        );
        io::ErrorKind::InvalidData.into()
    }
}
