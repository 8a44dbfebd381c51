use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use super::PATIENCE;

/// Where a server listens.
#[derive(Clone)]
pub(crate) enum Address {
    Tcp(String),
    Unix(PathBuf),
}

/// A connection for many requests, which may be sent before the first is answered; it tells a response that was cut
/// from a whole one.
pub(crate) struct Connection {
    stream: Box<dyn Stream>,
    /// What has been read and not yet been used.
    read: Vec<u8>,
    chunk: Vec<u8>,
}

/// A response that came whole: with as many bytes as it announced.
#[derive(Debug)]
pub(crate) struct Response {
    /// Whether it says HTTP/1.0.
    pub(crate) old: bool,
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// The bytes of its head.
    head: Vec<u8>,
}

/// Why there is no whole response.
#[derive(Debug)]
pub(crate) enum Ended {
    /// The connection was closed before its first byte.
    Closed,
    /// The connection was closed within it; what had come of it, head and body.
    Cut(Vec<u8>),
    /// Nothing more came within [`PATIENCE`].
    Silent,
}

pub(crate) trait Stream: Read + Write + Send {}

impl<T: Read + Write + Send> Stream for T {}

impl Connection {
    pub(crate) fn open(address: &Address) -> Self {
        match address {
            Address::Tcp(address) => {
                Self::over(Self::tcp(address).unwrap_or_else(|error| panic!("{address}: {error}")))
            }
            Address::Unix(path) => {
                let stream = UnixStream::connect(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                stream.set_write_timeout(Some(PATIENCE)).unwrap();
                Self::over(stream)
            }
        }
    }

    /// A stream to this address that gives up after [`PATIENCE`].
    pub(crate) fn tcp(address: &str) -> io::Result<TcpStream> {
        let mut addresses = address.to_socket_addrs()?;
        let address = addresses.next().ok_or(ErrorKind::AddrNotAvailable)?;
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    pub(crate) fn over(stream: impl Stream + 'static) -> Self {
        Self { stream: Box::new(stream), read: Vec::new(), chunk: vec![0; 128 << 10] }
    }

    /// Sends until the server no longer takes it.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).and_then(|()| self.stream.flush()).is_ok()
    }

    /// Reads the next response, past interim ones. Its length must be announced, or it ends the connection.
    pub(crate) fn receive(&mut self, method: &str) -> Result<Response, Ended> {
        let mut response = loop {
            let response = self.receive_head()?;
            if response.status >= 200 {
                break response;
            }
        };
        let empty = method == "HEAD" || matches!(response.status, 204 | 304);
        let length = if empty { Some(0) } else { response.length() };
        assert_eq!(response.header("transfer-encoding"), None, "a file is sent with its length");
        response.body = match length {
            Some(length) => self.body(std::mem::take(&mut response.head), length)?,
            None => self.rest()?,
        };
        Ok(response)
    }

    /// Reads the head of the next response, even of an interim one.
    pub(crate) fn receive_head(&mut self) -> Result<Response, Ended> {
        self.head().map(parse)
    }

    /// Reads exactly this many bytes.
    pub(crate) fn read(&mut self, length: usize) -> Result<Vec<u8>, Ended> {
        self.body(Vec::new(), length).map_err(|ended| match ended {
            Ended::Cut(come) if come.is_empty() => Ended::Closed,
            other => other,
        })
    }

    /// Whether the server ends the connection here, without sending anything more.
    pub(crate) fn is_closed(&mut self) -> bool {
        self.read.is_empty() && matches!(self.fill(), Ok(false))
    }

    fn head(&mut self) -> Result<Vec<u8>, Ended> {
        let mut searched = 0;
        loop {
            if let Some(end) = self.read[searched..].windows(4).position(|four| four == b"\r\n\r\n") {
                let body = self.read.split_off(searched + end + 4);
                return Ok(std::mem::replace(&mut self.read, body));
            }
            searched = self.read.len().saturating_sub(3);
            if !self.fill()? {
                let come = std::mem::take(&mut self.read);
                return Err(if come.is_empty() { Ended::Closed } else { Ended::Cut(come) });
            }
        }
    }

    fn body(&mut self, mut head: Vec<u8>, length: usize) -> Result<Vec<u8>, Ended> {
        while self.read.len() < length {
            if !self.fill()? {
                head.append(&mut self.read);
                return Err(Ended::Cut(head));
            }
        }
        let next = self.read.split_off(length);
        Ok(std::mem::replace(&mut self.read, next))
    }

    fn rest(&mut self) -> Result<Vec<u8>, Ended> {
        while self.fill()? {}
        Ok(std::mem::take(&mut self.read))
    }

    /// Reads at least a byte; false at the end of the connection.
    fn fill(&mut self) -> Result<bool, Ended> {
        let got = match self.stream.read(&mut self.chunk).map_err(|error| error.kind()) {
            Ok(got) => got,
            // The last is TLS that has not been taken leave of.
            Err(ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof) => 0,
            Err(ErrorKind::WouldBlock | ErrorKind::TimedOut) => return Err(Ended::Silent),
            Err(error) => panic!("{error}"),
        };
        self.read.extend_from_slice(&self.chunk[..got]);
        Ok(got > 0)
    }
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The length of its body, if it announces one.
    pub(crate) fn length(&self) -> Option<usize> {
        self.header("content-length").map(|length| length.parse().expect("a length of digits"))
    }

    /// Whether it announces that the connection stays open (RFC 9112 §9.3).
    pub(crate) fn persists(&self) -> bool {
        let says = |option: &str| self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case(option));
        if self.old { says("keep-alive") } else { !says("close") }
    }
}

fn parse(head: Vec<u8>) -> Response {
    let text = String::from_utf8_lossy(&head).into_owned();
    let mut lines = text.split("\r\n");
    let line = lines.next().unwrap_or_default();
    let (version, rest) = line.split_at_checked("HTTP/1.1 200".len()).expect("a status line");
    let (version, status) = version.split_once(' ').expect("a status line");
    assert!(matches!(version, "HTTP/1.0" | "HTTP/1.1") && rest.starts_with(' '), "a status line: {line}");
    let fields = lines.take_while(|line| !line.is_empty()).map(|line| {
        let (name, value) = line.split_once(':').expect("a header field");
        (name.to_ascii_lowercase(), value.trim().to_owned())
    });
    Response {
        old: version == "HTTP/1.0",
        status: status.parse().expect("a status"),
        headers: fields.collect(),
        body: Vec::new(),
        head,
    }
}
