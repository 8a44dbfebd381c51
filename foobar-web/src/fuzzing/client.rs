//! The other end of a connection, in memory.

use std::collections::VecDeque;
use std::io;
use std::os::fd::BorrowedFd;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::net::Transport;

/// A client that takes all that it is sent at once.
pub(super) struct Client {
    sent: VecDeque<Vec<u8>>,
    written: Written,
}

/// What a client was sent.
pub(super) type Written = Arc<Mutex<Vec<u8>>>;

impl Client {
    /// One that sends these pieces one after the other and then closes its side.
    pub(super) fn new(pieces: &[&[u8]]) -> (Self, Written) {
        let written = Written::default();
        let sent = pieces.iter().filter(|piece| !piece.is_empty()).map(|piece| piece.to_vec()).collect();
        (Self { sent, written: Arc::clone(&written) }, written)
    }
}

impl Transport for Client {
    const SUPPORTS_SENDFILE: bool = false;

    fn reset(&self) {}

    fn enable_keepalive(&self) {}

    fn cork(&self) -> bool {
        false
    }

    fn uncork(&self) {}

    fn unacknowledged(&self) -> u64 {
        0
    }

    fn has_ended(&mut self) -> io::Result<bool> {
        Ok(self.sent.is_empty())
    }

    fn is_reset(&self) -> io::Result<bool> {
        Ok(false)
    }

    fn poll_writable(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn try_write_with<R>(&self, _write: impl FnMut(BorrowedFd<'_>) -> io::Result<R>) -> io::Result<R> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl AsyncRead for Client {
    fn poll_read(mut self: Pin<&mut Self>, _cx: &mut Context<'_>, room: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if let Some(mut piece) = self.sent.pop_front() {
            let rest = piece.split_off(piece.len().min(room.remaining()));
            room.put_slice(&piece);
            if !rest.is_empty() {
                self.sent.push_front(rest);
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Client {
    fn poll_write(self: Pin<&mut Self>, _cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
