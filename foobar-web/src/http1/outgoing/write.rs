use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::net::Transport;

/// Writes two pieces in one go.
pub(crate) fn poll_write<S: Transport>(
    cx: &mut Context<'_>,
    stream: &mut S,
    text: &[u8],
    content: &[u8],
) -> Poll<io::Result<usize>> {
    match (text, content) {
        (text, []) => poll_write_vectored(cx, stream, &[IoSlice::new(text)]),
        ([], content) => poll_write_vectored(cx, stream, &[IoSlice::new(content)]),
        (text, content) => poll_write_vectored(cx, stream, &[IoSlice::new(text), IoSlice::new(content)]),
    }
}

pub(crate) fn poll_write_vectored<S: Transport>(
    cx: &mut Context<'_>,
    stream: &mut S,
    pieces: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    let stream = Pin::new(stream);
    let written = match pieces {
        [only] => stream.poll_write(cx, only),
        several => stream.poll_write_vectored(cx, several),
    };
    match written {
        Poll::Ready(Ok(0)) => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
        written => written,
    }
}
