use std::fs::File;
use std::io;
use std::net::TcpStream;
use std::os::unix::fs::FileExt;
use std::rc::Rc;

use rustix::net::SendFlags;
use socket2::SockRef;

/// How large files are sent that are not in memory.
pub struct Large {
    pub way: Way,
    /// Whether the socket is corked from the head to the end of the file.
    pub cork: bool,
    /// A buffer that all connections share.
    buffer: Vec<u8>,
}

/// In slices of so many bytes.
#[derive(Clone, Copy)]
pub enum Way {
    /// By a positioned read into the shared buffer; what the socket does not take is read again.
    Pread(usize),
    Sendfile(usize),
}

/// What is left of a file to be sent.
pub struct Rest {
    file: Rc<File>,
    at: u64,
    end: u64,
}

impl Large {
    pub fn new(way: Way, cork: bool) -> Self {
        let buffer = match way {
            Way::Pread(slice) => vec![0; slice],
            Way::Sendfile(_) => Vec::new(),
        };
        Self { way, cork, buffer }
    }

    /// Holds back what would not fill a packet, or no longer.
    pub fn cork(&self, stream: &TcpStream, on: bool) -> io::Result<()> {
        if self.cork { SockRef::from(stream).set_tcp_cork(on) } else { Ok(()) }
    }

    /// Sends until the end or until the socket takes no more.
    pub fn send(&mut self, rest: &mut Rest, stream: &TcpStream) -> io::Result<()> {
        while rest.at < rest.end {
            match self.way {
                Way::Pread(slice) => rest.read_and_send(stream, &mut self.buffer[..rest.next(slice)])?,
                Way::Sendfile(slice) => rest.sendfile(stream, slice)?,
            }
        }
        Ok(())
    }
}

impl Way {
    /// `pread:BYTES` or `sendfile:BYTES`.
    pub fn parse(word: &str) -> Option<Self> {
        let (name, size) = word.split_once(':')?;
        let size = size.parse().ok()?;
        match name {
            "pread" => Some(Self::Pread(size)),
            "sendfile" => Some(Self::Sendfile(size)),
            _ => None,
        }
    }
}

impl Rest {
    pub fn new(file: &Rc<File>, at: u64, end: u64) -> Self {
        Self { file: Rc::clone(file), at, end }
    }

    fn next(&self, slice: usize) -> usize {
        slice.min((self.end - self.at) as usize)
    }

    fn read_and_send(&mut self, stream: &TcpStream, room: &mut [u8]) -> io::Result<()> {
        let read = self.file.read_at(room, self.at)?;
        let mut bytes = &room[..read];
        while !bytes.is_empty() {
            let sent = rustix::net::send(stream, bytes, SendFlags::NOSIGNAL)?;
            self.at += sent as u64;
            bytes = &bytes[sent..];
        }
        Ok(())
    }

    fn sendfile(&mut self, stream: &TcpStream, slice: usize) -> io::Result<()> {
        let next = self.next(slice);
        rustix::fs::sendfile(stream, &*self.file, Some(&mut self.at), next)?;
        Ok(())
    }
}
