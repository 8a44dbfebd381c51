use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::FutureExt;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, Ready};
use tokio::net::UnixStream;
use tokio::task::unconstrained;

use super::tls_client::TlsClient;
use super::unacknowledged::unacknowledged;

/// A stream of bytes to a client: a socket, or TLS over one.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Send + Unpin + 'static {
    /// Whether what is written to the descriptor goes to the client as it is, so that the system can send a file.
    const SUPPORTS_SENDFILE: bool;

    /// What its handshake has said of the client; `None` without TLS.
    fn tls_client(&self) -> Option<TlsClient> {
        None
    }

    /// Makes the coming close a reset, which discards what the client did not take.
    fn reset(&self);

    /// Has the system find out whether a silent client is still there.
    fn enable_keepalive(&self);

    /// Has the system hold back what does not fill a packet, where that saves something; see [`cork`](super::cork::cork).
    fn cork(&self) -> bool;

    /// Has it send what it holds back.
    fn uncork(&self);

    /// How many bytes of what was written the client has not taken; see [`unacknowledged`].
    fn unacknowledged(&self) -> u64;

    /// Whether the client has closed its side, even if bytes that it sent before have not been read.
    fn has_ended(&mut self) -> io::Result<bool>;

    /// Whether it takes nothing any more: its system has refused what was sent.
    fn is_reset(&self) -> io::Result<bool>;

    /// Reads what has come; 0 bytes at the end.
    fn poll_receive(&mut self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut room = ReadBuf::new(room);
        Pin::new(self).poll_read(cx, &mut room).map_ok(|()| room.filled().len())
    }

    /// Writes the last bytes, after which nothing but the end follows; where that saves a packet, it ends this side too.
    fn poll_write_last(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(self).poll_write(cx, bytes)
    }

    /// Sends what was taken before and not reported as written; gives how much of it, 0 where there is nothing. A socket
    /// takes what it reports.
    fn poll_owed(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(0))
    }

    /// Tells the client that the end comes, where its protocol has a word for it and the client takes it at once.
    fn poll_part(&mut self, _cx: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    /// Waits until something can be written.
    fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Writes to the descriptor in a way of the caller's; [`poll_writable`](Self::poll_writable) waits after
    /// [`io::ErrorKind::WouldBlock`].
    fn try_write_with<R>(&self, write: impl FnMut(BorrowedFd<'_>) -> io::Result<R>) -> io::Result<R>;

    /// The same, after waiting.
    fn poll_write_with<R>(
        &mut self,
        cx: &mut Context<'_>,
        mut write: impl FnMut(BorrowedFd<'_>) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        loop {
            ready!(self.poll_writable(cx))?;
            match self.try_write_with(&mut write) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }
}

/// A socket: what it has received can be looked at before it is taken.
pub(crate) trait Socket: Transport + AsRawFd {
    /// Waits until something has come, or the end.
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Reads from the descriptor in a way of the caller's; [`poll_readable`](Self::poll_readable) waits after
    /// [`io::ErrorKind::WouldBlock`].
    fn try_read_by<R>(&self, read: impl FnMut(BorrowedFd<'_>) -> io::Result<R>) -> io::Result<R>;
}

impl Socket for UnixStream {
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_read_ready(cx)
    }

    fn try_read_by<R>(&self, mut read: impl FnMut(BorrowedFd<'_>) -> io::Result<R>) -> io::Result<R> {
        self.try_io(Interest::READABLE, || read(self.as_fd()))
    }
}

impl Transport for UnixStream {
    const SUPPORTS_SENDFILE: bool = cfg!(target_os = "linux");

    fn reset(&self) {}

    /// Its end is noticed at once.
    fn enable_keepalive(&self) {}

    /// It has no packets.
    fn cork(&self) -> bool {
        false
    }

    fn uncork(&self) {}

    fn unacknowledged(&self) -> u64 {
        unacknowledged(self.as_fd())
    }

    fn has_ended(&mut self) -> io::Result<bool> {
        Ok(has_ended(self.ready(Interest::READABLE)))
    }

    fn is_reset(&self) -> io::Result<bool> {
        is_reset(self.as_fd())
    }

    fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_write_ready(cx)
    }

    fn try_write_with<R>(&self, mut write: impl FnMut(BorrowedFd<'_>) -> io::Result<R>) -> io::Result<R> {
        self.try_io(Interest::WRITABLE, || write(self.as_fd()))
    }
}

/// What is known of a socket now.
pub(crate) fn has_ended(ready: impl Future<Output = io::Result<Ready>>) -> bool {
    matches!(unconstrained(ready).now_or_never(), Some(Ok(ready)) if ready.is_read_closed())
}

/// Whether the system has given a socket up, which the runtime may not know yet.
pub(crate) fn is_reset(socket: BorrowedFd<'_>) -> io::Result<bool> {
    let mut looked_at = [PollFd::from_borrowed_fd(socket, PollFlags::empty())];
    poll(&mut looked_at, Some(&Timespec::default()))?;
    Ok(looked_at[0].revents().intersects(PollFlags::HUP | PollFlags::ERR))
}
