mod carried;

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use crate::BoxError;

pub use carried::carry;

/// A streamed body that may move between threads.
pub type SendStream = Pin<Box<dyn http_body::Body<Data = Bytes, Error = BoxError> + Send>>;
/// A streamed body that stays on its worker thread.
pub type LocalStream = Pin<Box<dyn http_body::Body<Data = Bytes, Error = BoxError>>>;

/// What a client sends. It is `Send`, so that any `tower::Service` can take it.
pub type RequestBody = Body<SendStream>;
/// What a client is sent.
pub type ResponseBody = Body<LocalStream>;

/// The content of a message: nothing, bytes at hand, or a stream that is polled as the peer takes it.
pub struct Body<S>(Content<S>);

enum Content<S> {
    Empty,
    Full(Bytes),
    Stream(S),
}

/// Why the body of a request ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The body is larger than the limit of its route: 413.
    #[error("the request body is larger than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// The client sent too slowly: 408.
    #[error("the request body arrived too slowly")]
    TooSlow,
    /// The client broke the connection or its framing: 400.
    #[error("the request body ended early")]
    Incomplete(#[source] BoxError),
}

impl<S> Body<S> {
    /// A body of no bytes.
    pub const fn empty() -> Self {
        Self(Content::Empty)
    }

    /// A body that is at hand; it is sent in one piece with its length.
    pub fn full(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        if bytes.is_empty() { Self(Content::Empty) } else { Self(Content::Full(bytes)) }
    }
}

impl RequestBody {
    /// A body that is read as the handler asks for it.
    pub fn stream<B>(body: B) -> Self
    where
        B: http_body::Body<Data = Bytes, Error = BoxError> + Send + 'static,
    {
        Self(Content::Stream(Box::pin(body)))
    }
}

impl ResponseBody {
    /// A body that is produced as the client takes it.
    pub fn stream<B>(body: B) -> Self
    where
        B: http_body::Body<Data = Bytes, Error = BoxError> + 'static,
    {
        Self(Content::Stream(Box::pin(body)))
    }
}

impl<S> http_body::Body for Body<S>
where
    S: http_body::Body<Data = Bytes, Error = BoxError> + Unpin,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.0 {
            Content::Stream(stream) => Pin::new(stream).poll_frame(cx),
            at_hand => Poll::Ready(match std::mem::replace(at_hand, Content::Empty) {
                Content::Full(bytes) => Some(Ok(Frame::data(bytes))),
                _ => None,
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Content::Empty => true,
            Content::Full(_) => false,
            Content::Stream(stream) => stream.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Content::Empty => SizeHint::with_exact(0),
            Content::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Content::Stream(stream) => stream.size_hint(),
        }
    }
}

impl<S> Default for Body<S> {
    fn default() -> Self {
        Self::empty()
    }
}

impl<S, T: Into<Bytes>> From<T> for Body<S> {
    fn from(bytes: T) -> Self {
        Self::full(bytes)
    }
}

impl<S> fmt::Debug for Body<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Content::Empty => f.write_str("Body(empty)"),
            Content::Full(bytes) => write!(f, "Body({} bytes)", bytes.len()),
            Content::Stream(_) => f.write_str("Body(stream)"),
        }
    }
}
