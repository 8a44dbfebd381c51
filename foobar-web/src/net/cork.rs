use std::io;
use std::os::fd::BorrowedFd;

use rustix::net::{SendFlags, Shutdown, send, shutdown};

pub(crate) use system::{cork, uncork};

/// Writes bytes that others, or the end, follow at once: where the system can, it waits for these to fill the packet.
pub(crate) fn write_before(socket: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    Ok(send(socket, bytes, system::MORE)?)
}

/// Writes bytes and, if all are taken, ends this side: one packet carries both. The close alone would do that too, but
/// where the client has sent more than is read, it discards what has not been sent.
pub(crate) fn write_last(socket: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    let written = write_before(socket, bytes)?;
    if written == bytes.len() {
        _ = shutdown(socket, Shutdown::Write); // fails if the client is gone: then nobody waits for the end
    }
    Ok(written)
}

#[cfg(target_os = "linux")]
mod system {
    use super::{BorrowedFd, SendFlags, io};
    use rustix::net::sockopt::{set_tcp_cork, tcp_congestion};

    pub(crate) const MORE: SendFlags = SendFlags::MORE.union(SendFlags::NOSIGNAL);

    /// Has a TCP socket hold back what does not fill a packet until it is [uncorked](uncork), as nginx does by
    /// `tcp_nopush`; `false` if it does not.
    ///
    /// The pages of a file that the system sends by itself do not come out even with packets, and each acknowledgement
    /// pushes the odd end out as one of its own. Where the congestion control is BBR, it stays so: that one sends by a
    /// timer what the others send at once, and was measured to take up to twice the time where all packets are full.
    pub(crate) fn cork(socket: BorrowedFd<'_>) -> io::Result<bool> {
        if tcp_congestion(socket)?.starts_with("bbr") {
            return Ok(false);
        }
        set_tcp_cork(socket, true)?;
        Ok(true)
    }

    /// Sends what has been held back.
    pub(crate) fn uncork(socket: BorrowedFd<'_>) -> io::Result<()> {
        Ok(set_tcp_cork(socket, false)?)
    }
}

/// Nothing is held back elsewhere, where no file is sent by the system.
#[cfg(not(target_os = "linux"))]
mod system {
    use super::{BorrowedFd, SendFlags, io};

    pub(crate) const MORE: SendFlags = SendFlags::empty();

    pub(crate) fn cork(_: BorrowedFd<'_>) -> io::Result<bool> {
        Ok(false)
    }

    pub(crate) fn uncork(_: BorrowedFd<'_>) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use rustix::net::sockopt::{set_tcp_congestion, tcp_cork};
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsFd;

    fn connection() -> TcpStream {
        TcpStream::connect(TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()).unwrap()
    }

    #[test]
    fn a_socket_is_corked_until_it_is_uncorked() {
        let socket = connection();
        set_tcp_congestion(&socket, "reno").unwrap(); // every Linux has it
        assert!(cork(socket.as_fd()).unwrap() && tcp_cork(&socket).unwrap());
        uncork(socket.as_fd()).unwrap();
        assert!(!tcp_cork(&socket).unwrap());
    }

    #[test]
    fn a_socket_that_sends_by_a_timer_is_not_corked() {
        let socket = connection();
        if set_tcp_congestion(&socket, "bbr").is_ok() {
            assert!(!cork(socket.as_fd()).unwrap() && !tcp_cork(&socket).unwrap());
        } else {
            println!("this system has no BBR");
        }
    }

    #[test]
    fn the_last_bytes_arrive_although_the_client_has_sent_more_than_was_read() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let server = listener.accept().unwrap().0;
        client.write_all(b"more").unwrap();
        assert_eq!(server.peek(&mut [0; 4]).unwrap(), 4);
        assert_eq!(write_last(server.as_fd(), b"answer").unwrap(), 6);
        drop(server);
        let mut answer = [0; 6];
        client.read_exact(&mut answer).unwrap();
        assert_eq!(answer, *b"answer");
    }
}
