use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use memchr::{memchr, memmem};
use rustix::io::Errno;
use rustix::net::RecvFlags;

use crate::arguments::Arguments;

/// A request, and the answer that is expected.
pub struct Target {
    pub request: Vec<u8>,
    pub status: u16,
    /// The body; any if absent.
    pub content: Option<Vec<u8>>,
}

/// A connection, or with `--close` one after the other.
pub struct Connection<'a> {
    address: SocketAddr,
    close: bool,
    stream: Option<TcpStream>,
    pub started: Instant,
    target: Option<&'a Target>,
    /// Whether the body is looked at.
    compare: bool,
    read: Option<usize>,
    awaits: Awaits,
}

/// What the connection awaits.
enum Awaits {
    /// The end of the head, of which this is there.
    Head(Vec<u8>),
    /// So many bytes of the body.
    Body(usize),
    /// The end of the connection.
    End,
}

impl<'a> Connection<'a> {
    pub fn new(arguments: &Arguments) -> Self {
        Self {
            address: arguments.address,
            close: arguments.close,
            stream: None,
            started: Instant::now(),
            target: None,
            compare: false,
            read: arguments.read,
            awaits: Awaits::End,
        }
    }

    /// Connects, unless it is connected; the stream if it is a new one.
    pub fn connect(&mut self) -> io::Result<Option<&TcpStream>> {
        if self.stream.is_some() {
            return Ok(None);
        }
        let stream = TcpStream::connect(self.address)?;
        stream.set_nonblocking(true)?;
        Ok(Some(self.stream.insert(stream)))
    }

    pub fn send(&mut self, target: &'a Target, now: Instant, compare: bool) -> io::Result<()> {
        self.target = Some(target);
        self.started = now;
        self.compare = compare;
        self.awaits = Awaits::Head(Vec::new());
        self.stream().write_all(&target.request)
    }

    fn stream(&self) -> &TcpStream {
        self.stream.as_ref().expect("it is connected")
    }

    /// Reads what is there; whether the answer is complete.
    pub fn read(&mut self, discarded: &mut [u8]) -> io::Result<bool> {
        let read = match &self.awaits {
            Awaits::Head(_) => self.receive(&mut discarded[..HEAD_AND_SMALL_BODY], RecvFlags::empty())?,
            Awaits::Body(left) => {
                let room = (*left).min(self.read.unwrap_or(discarded.len()));
                let flags = if self.compare || self.read.is_some() { RecvFlags::empty() } else { RecvFlags::TRUNC };
                self.receive(&mut discarded[..room], flags)?
            }
            Awaits::End => self.receive(&mut discarded[..1], RecvFlags::empty())?,
        };
        let Some(read) = read else { return Ok(false) };
        self.take(&discarded[..read])?;
        match self.awaits {
            Awaits::Body(0) if self.close => self.awaits = Awaits::End,
            Awaits::Body(0) => return Ok(true),
            Awaits::End if read == 0 => {
                self.stream = None;
                return Ok(true);
            }
            _ => {}
        }
        Ok(false)
    }

    fn receive(&self, room: &mut [u8], flags: RecvFlags) -> io::Result<Option<usize>> {
        match rustix::net::recv(self.stream(), room, flags) {
            Ok((_, read)) => Ok(Some(read)),
            Err(Errno::AGAIN) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        match (&mut self.awaits, bytes.len()) {
            (Awaits::End, 0) => Ok(()),
            (Awaits::End, _) => Err(wrong("more than was announced")),
            (_, 0) => Err(wrong("the connection ended before the answer")),
            (Awaits::Head(head), _) if head.is_empty() => self.take_head(bytes),
            (Awaits::Head(head), _) => {
                let all = [head, bytes].concat();
                self.take_head(&all)
            }
            (Awaits::Body(left), _) => {
                let left = *left;
                self.take_body(bytes, left)
            }
        }
    }

    fn take_head(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(end) = memmem::find(bytes, b"\r\n\r\n") else {
            self.awaits = Awaits::Head(bytes.to_vec());
            return Ok(());
        };
        let target = self.target.expect("a request was sent");
        let (status, length) = status_and_length(&bytes[..end + 2]).ok_or_else(|| wrong("not an answer"))?;
        if status != target.status {
            return Err(wrong(&format!("status {status} instead of {}", target.status)));
        }
        if target.content.as_ref().is_some_and(|content| content.len() != length) {
            return Err(wrong(&format!("content-length {length}")));
        }
        self.take_body(&bytes[end + 4..], if status == 304 { 0 } else { length })
    }

    fn take_body(&mut self, bytes: &[u8], left: usize) -> io::Result<()> {
        if bytes.len() > left {
            return Err(wrong("more than was announced"));
        }
        if self.compare
            && let Some(content) = self.target.and_then(|target| target.content.as_ref())
        {
            let at = content.len() - left;
            if content[at..at + bytes.len()] != *bytes {
                return Err(wrong("other content than the file's"));
            }
        }
        self.awaits = Awaits::Body(left - bytes.len());
        Ok(())
    }
}

/// Read at once; a longer body is discarded without a copy.
const HEAD_AND_SMALL_BODY: usize = 16 << 10;

fn status_and_length(head: &[u8]) -> Option<(u16, usize)> {
    let status = head.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
    let mut length = 0;
    let mut rest = head;
    while let Some(end) = memchr(b'\n', rest) {
        let line = &rest[..end];
        if line.len() > 16 && line[14] == b':' && line[..14].eq_ignore_ascii_case(b"content-length") {
            length = number(line[15..].trim_ascii())?;
        }
        rest = &rest[end + 1..];
    }
    Some((number(status)? as u16, length))
}

fn number(digits: &[u8]) -> Option<usize> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn wrong(what: &str) -> io::Error {
    io::Error::other(format!("wrong answer: {what}"))
}
