use std::io;
use std::os::fd::AsFd;
use std::task::{Context, Poll};

use crate::net::{Transport, write_before};

/// Writes text that a file follows at once.
pub(crate) fn poll_write_before<S: Transport>(
    cx: &mut Context<'_>,
    stream: &mut S,
    text: &[u8],
) -> Poll<io::Result<usize>> {
    stream.poll_write_with(cx, |socket| write_before(socket, text))
}

/// Has the system send so many bytes of a file, or fewer; 0 at its end.
pub(crate) fn poll_send_file<S: Transport>(
    cx: &mut Context<'_>,
    stream: &mut S,
    file: impl AsFd,
    offset: u64,
    length: usize,
) -> Poll<io::Result<usize>> {
    stream.poll_write_with(cx, |socket| system::send_file(socket, &file, offset, length))
}

#[cfg(target_os = "linux")]
mod system {
    use super::{AsFd, io};

    pub(crate) fn send_file(socket: impl AsFd, file: impl AsFd, mut offset: u64, length: usize) -> io::Result<usize> {
        Ok(rustix::fs::sendfile(socket, file, Some(&mut offset), length)?)
    }
}

/// Nothing is sent so elsewhere: [`Transport::SUPPORTS_SENDFILE`] says that.
#[cfg(not(target_os = "linux"))]
mod system {
    use super::{AsFd, io};

    pub(crate) fn send_file(_: impl AsFd, _: impl AsFd, _: u64, _: usize) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
