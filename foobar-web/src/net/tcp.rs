use std::io::{self, IoSlice};
use std::net::{Shutdown, TcpStream as Plain};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, recv, send, sendmsg};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream as Watched;

use super::cork::{cork, uncork, write_last};
use super::transport::{Socket, Transport, has_ended, is_reset};
use super::unacknowledged::unacknowledged;

/// A TCP connection that the runtime is told of only when there is something to wait for.
///
/// Under load the first request has come by the time a connection is accepted; one that carries nothing else is answered
/// and closed without the two system calls that watching it would cost.
pub(crate) enum TcpConnection {
    /// Accepted, and not read yet.
    Fresh(Plain),
    /// Read once; what is read next would have to be waited for.
    Read(Plain),
    Watched(Watched),
    /// The runtime could not be told of it.
    Lost,
}

impl TcpConnection {
    /// The stream as the runtime knows it.
    fn watched(&mut self) -> io::Result<Pin<&mut Watched>> {
        if let Self::Fresh(_) | Self::Read(_) = self
            && let Self::Fresh(stream) | Self::Read(stream) = std::mem::replace(self, Self::Lost)
        {
            *self = Self::Watched(Watched::from_std(stream)?);
        }
        match self {
            Self::Watched(stream) => Ok(Pin::new(stream)),
            _ => Err(lost()),
        }
    }

    fn descriptor(&self) -> io::Result<BorrowedFd<'_>> {
        match self {
            Self::Fresh(stream) | Self::Read(stream) => Ok(stream.as_fd()),
            Self::Watched(stream) => Ok(stream.as_fd()),
            Self::Lost => Err(lost()),
        }
    }

    /// Sets an option that the connection can do without; gives what that says, or its default.
    fn set<T: Default>(&self, option: impl FnOnce(BorrowedFd<'_>) -> io::Result<T>) -> T {
        self.descriptor().and_then(option).unwrap_or_else(|error| {
            tracing::debug!(%error, "cannot set an option of a connection");
            T::default()
        })
    }

    /// Reads without waiting, if that is possible before the runtime has to know of the connection.
    fn read_plain(&mut self, room: &mut [u8]) -> Option<io::Result<usize>> {
        let Self::Fresh(stream) = self else { return None };
        let read = unless_it_blocks(receive(stream.as_fd(), room))?;
        if let Self::Fresh(stream) = std::mem::replace(self, Self::Lost) {
            *self = Self::Read(stream);
        }
        Some(read)
    }

    /// Writes without waiting, if that is possible before the runtime has to know of the connection.
    fn write_plain(&self, write: impl FnOnce(BorrowedFd<'_>) -> io::Result<usize>) -> Option<io::Result<usize>> {
        let (Self::Fresh(stream) | Self::Read(stream)) = self else { return None };
        unless_it_blocks(write(stream.as_fd()))
    }

    /// Writes up to `most` bytes by `write`.
    fn poll_transmit(
        &mut self,
        cx: &mut Context<'_>,
        most: usize,
        write: impl Fn(BorrowedFd<'_>) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        if let Some(written) = self.write_plain(&write) {
            return Poll::Ready(written);
        }
        let stream = self.watched()?;
        loop {
            ready!(stream.poll_write_ready(cx))?;
            if let Some(written) = try_move(&stream, Interest::WRITABLE, most, &write) {
                return Poll::Ready(written);
            }
        }
    }
}

/// The most pieces that the system takes in one call (`IOV_MAX`); more are an error to it.
const MOST_PIECES: usize = 1024;

fn unless_it_blocks(moved: io::Result<usize>) -> Option<io::Result<usize>> {
    let blocks = moved.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
    (!blocks).then_some(moved)
}

// The calls of the standard library are those of the C library, which make each of them a place where a thread can be
// cancelled, at the cost of two atomic operations.

fn receive(socket: BorrowedFd<'_>, room: &mut [u8]) -> io::Result<usize> {
    Ok(recv(socket, room, RecvFlags::empty())?.0)
}

fn transmit(socket: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    Ok(send(socket, bytes, SendFlags::NOSIGNAL)?)
}

fn transmit_pieces(socket: BorrowedFd<'_>, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
    Ok(sendmsg(socket, pieces, &mut SendAncillaryBuffer::default(), SendFlags::NOSIGNAL)?)
}

/// Moves up to `most` bytes by `call`, in a direction that was ready. What moves fewer has moved all there was, or all there
/// was room for (but for urgent data, which HTTP does not know): the runtime is told that the next call would block, which
/// saves making it.
fn try_move(
    stream: &Watched,
    direction: Interest,
    most: usize,
    call: impl FnOnce(BorrowedFd<'_>) -> io::Result<usize>,
) -> Option<io::Result<usize>> {
    let mut all = None;
    let moved = stream.try_io(direction, || match call(stream.as_fd())? {
        moved if 0 < moved && moved < most => {
            all = Some(moved);
            Err(io::ErrorKind::WouldBlock.into())
        }
        moved => Ok(moved),
    });
    unless_it_blocks(all.map_or(moved, Ok))
}

fn lost() -> io::Error {
    io::ErrorKind::NotConnected.into()
}

impl Transport for TcpConnection {
    const SUPPORTS_SENDFILE: bool = cfg!(target_os = "linux");

    fn reset(&self) {
        self.set(|socket| SockRef::from(&socket).set_linger(Some(Duration::ZERO)));
    }

    fn enable_keepalive(&self) {
        self.set(|socket| SockRef::from(&socket).set_keepalive(true));
    }

    fn cork(&self) -> bool {
        self.set(cork)
    }

    fn uncork(&self) {
        self.set(uncork);
    }

    fn unacknowledged(&self) -> u64 {
        self.descriptor().map_or(0, unacknowledged) // lost: nobody takes anything
    }

    fn has_ended(&mut self) -> io::Result<bool> {
        Ok(has_ended(self.watched()?.ready(Interest::READABLE)))
    }

    fn is_reset(&self) -> io::Result<bool> {
        is_reset(self.descriptor()?)
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        if let Some(read) = self.read_plain(room) {
            return Poll::Ready(read);
        }
        let stream = self.watched()?;
        loop {
            ready!(stream.poll_read_ready(cx))?;
            if let Some(read) = try_move(&stream, Interest::READABLE, room.len(), |socket| receive(socket, room)) {
                return Poll::Ready(read);
            }
        }
    }

    fn poll_write_last(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.write_plain(|socket| write_last(socket, bytes)) {
            Some(written) => Poll::Ready(written),
            None => self.poll_write_with(cx, |socket| write_last(socket, bytes)),
        }
    }

    fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.watched()?.poll_write_ready(cx)
    }

    fn try_write_with<R>(&self, mut write: impl FnMut(BorrowedFd<'_>) -> io::Result<R>) -> io::Result<R> {
        match self {
            Self::Watched(stream) => stream.try_io(Interest::WRITABLE, || write(stream.as_fd())),
            _ => Err(lost()),
        }
    }
}

impl Socket for TcpConnection {
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.watched()?.poll_read_ready(cx)
    }

    fn try_read_by<R>(&self, mut read: impl FnMut(BorrowedFd<'_>) -> io::Result<R>) -> io::Result<R> {
        match self {
            Self::Watched(stream) => stream.try_io(Interest::READABLE, || read(stream.as_fd())),
            _ => Err(lost()),
        }
    }
}

impl AsRawFd for TcpConnection {
    fn as_raw_fd(&self) -> RawFd {
        self.descriptor().map_or(-1, |descriptor| descriptor.as_raw_fd()) // lost: no descriptor
    }
}

impl AsyncRead for TcpConnection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.watched()?.poll_read(cx, buf)
    }
}

impl AsyncWrite for TcpConnection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_transmit(cx, bytes.len(), |socket| transmit(socket, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let pieces = &pieces[..pieces.len().min(MOST_PIECES)];
        let most = pieces.iter().map(|piece| piece.len()).sum();
        self.poll_transmit(cx, most, |socket| transmit_pieces(socket, pieces))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(())) // a socket holds nothing back
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ended = self.descriptor().and_then(|socket| SockRef::from(&socket).shutdown(Shutdown::Write));
        match ended {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())), // the client was faster
            ended => Poll::Ready(ended),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::net::TcpListener;

    #[tokio::test]
    async fn of_more_pieces_than_the_system_takes_at_once_the_first_are_written() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let _client = Plain::connect(listener.local_addr().unwrap()).unwrap();
        let stream = listener.accept().unwrap().0;
        stream.set_nonblocking(true).unwrap();
        let mut connection = TcpConnection::Fresh(stream);
        let pieces = [IoSlice::new(b"x"); 2 * MOST_PIECES];
        for watched in [false, true] {
            if watched {
                connection.watched().unwrap();
            }
            let written = poll_fn(|cx| Pin::new(&mut connection).poll_write_vectored(cx, &pieces)).await;
            assert_eq!(written.unwrap(), MOST_PIECES);
        }
    }
}
