use std::io;
use std::task::{Context, Poll, ready};

use rustix::net::{RecvFlags, recv};

use super::{Header, LONGEST, NoHeader, Source, parse};
use crate::net::transport::Socket;

/// Waits for the header and takes it from the socket, and nothing of what follows: it looks at what has come before it
/// takes anything, as nginx does. `room` is for what it sees, at least [`LONGEST`] bytes, and `begun` hears of the first.
pub(crate) fn poll_header<S: Socket>(
    cx: &mut Context<'_>,
    socket: &mut S,
    room: &mut [u8],
    begun: impl Fn(),
) -> Poll<io::Result<Source>> {
    let room = &mut room[..LONGEST];
    let header = loop {
        ready!(socket.poll_readable(cx))?;
        match socket.try_read_by(|socket| see(recv(socket, &mut *room, RecvFlags::PEEK)?.0, room)) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                begun();
                if socket.has_ended()? {
                    return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
                }
            }
            header => break header?,
        }
    };
    let taken = ready!(socket.poll_receive(cx, &mut room[..header.length]))?;
    let is_whole = taken == header.length;
    Poll::Ready(is_whole.then_some(header.source).ok_or_else(|| io::ErrorKind::UnexpectedEof.into()))
}

/// What this many bytes in `room` are; one that has not come whole has to be waited for.
fn see(length: usize, room: &[u8]) -> io::Result<Header> {
    match parse(&room[..length]) {
        _ if length == 0 => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(header) => header.ok_or_else(|| io::ErrorKind::WouldBlock.into()),
        Err(NoHeader(reason)) => Err(io::Error::new(io::ErrorKind::InvalidData, reason)),
    }
}
