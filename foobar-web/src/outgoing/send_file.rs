use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::task::{Context, Poll, ready};

use crate::transport::Transport;

/// Writes text that a file follows at once.
pub(super) fn poll_write_before<S: Transport>(
    cx: &mut Context<'_>,
    stream: &mut S,
    text: &[u8],
) -> Poll<io::Result<usize>> {
    poll_by(cx, stream, |socket| system::write_before(socket, text))
}

/// Has the system send so many bytes of a file, or fewer; 0 at its end.
pub(super) fn poll_send_file<S: Transport>(
    cx: &mut Context<'_>,
    stream: &mut S,
    file: impl AsFd,
    offset: u64,
    length: usize,
) -> Poll<io::Result<usize>> {
    poll_by(cx, stream, |socket| system::send_file(socket, &file, offset, length))
}

fn poll_by<S: Transport>(
    cx: &mut Context<'_>,
    stream: &mut S,
    mut write: impl FnMut(BorrowedFd<'_>) -> io::Result<usize>,
) -> Poll<io::Result<usize>> {
    loop {
        ready!(stream.poll_writable(cx))?;
        match stream.try_write_by(&mut write) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            written => return Poll::Ready(written),
        }
    }
}

#[cfg(target_os = "linux")]
mod system {
    use super::{AsFd, io};
    use rustix::net::SendFlags;

    pub(super) fn write_before(socket: impl AsFd, text: &[u8]) -> io::Result<usize> {
        Ok(rustix::net::send(socket, text, SendFlags::MORE | SendFlags::NOSIGNAL)?)
    }

    pub(super) fn send_file(socket: impl AsFd, file: impl AsFd, mut offset: u64, length: usize) -> io::Result<usize> {
        Ok(rustix::fs::sendfile(socket, file, Some(&mut offset), length)?)
    }
}

/// Nothing is sent so elsewhere: [`Transport::SENDS_FILES`] says that.
#[cfg(not(target_os = "linux"))]
mod system {
    use super::{AsFd, io};

    pub(super) fn write_before(_: impl AsFd, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn send_file(_: impl AsFd, _: impl AsFd, _: u64, _: usize) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
