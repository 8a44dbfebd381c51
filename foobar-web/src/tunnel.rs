//! A connection that HTTP has left, from the offer of it to its end. It must not know which version of HTTP that was.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use foobar_core::{Io, Upgrade};
use futures_util::future::{Either, select};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep, timeout_at};

/// Who gets the connection.
pub(crate) type Taker = oneshot::Sender<Box<dyn Io>>;

/// What lets the handler of a request take over the connection by answering 101, and who is to get it.
pub(crate) fn offer() -> (Upgrade, Taker) {
    let (taker, taken) = oneshot::channel();
    let gone = |_| io::Error::new(io::ErrorKind::ConnectionAborted, "the connection was not upgraded");
    (Upgrade::new(async move { taken.await.map_err(gone) }), taker)
}

/// A connection that HTTP has left: first what was read too far, then the stream.
pub(crate) struct Tunnel<S> {
    stream: S,
    unread: Bytes,
    send_time: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    hang_up: oneshot::Receiver<()>,
    _in_use: oneshot::Sender<()>,
}

/// What the worker keeps of a tunnel that it has given away.
pub(crate) struct TunnelHandle {
    hang_up: oneshot::Sender<()>,
    ended: oneshot::Receiver<()>,
}

impl<S> Tunnel<S> {
    pub(crate) fn new(stream: S, unread: Bytes, send_time: Duration) -> (Self, TunnelHandle) {
        let (hang_up, hung_up) = oneshot::channel();
        let (in_use, ended) = oneshot::channel();
        (
            Self { stream, unread, send_time, stalled: None, hang_up: hung_up, _in_use: in_use },
            TunnelHandle { hang_up, ended },
        )
    }

    /// What became of a write: an error if the client has taken nothing for too long.
    fn sent<T>(&mut self, cx: &mut Context<'_>, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.stalled = None;
            return result;
        }
        let send_time = self.send_time;
        ready!(self.stalled.get_or_insert_with(|| Box::pin(sleep(send_time))).as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl TunnelHandle {
    /// Completes when the tunnel has been dropped. Once `drain` completes, its reader sees the end of the stream, so
    /// that it can say goodbye by the time that `drain` gives, for longer it is not waited for.
    pub(crate) async fn closed(self, drain: impl Future<Output = Instant>) {
        if let Either::Right((end, ended)) = select(self.ended, pin!(drain)).await {
            drop(self.hang_up);
            _ = timeout_at(end, ended).await; // the sender is only ever dropped
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tunnel<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if Pin::new(&mut self.hang_up).poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        if self.unread.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let length = self.unread.len().min(buf.remaining());
        buf.put_slice(&self.unread[..length]);
        self.unread.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tunnel<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.sent(cx, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.sent(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(cx);
        self.sent(cx, result)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
