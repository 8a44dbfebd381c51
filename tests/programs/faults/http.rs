//! A client of one address, over a connection that it keeps.

use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::net::{SocketAddr, TcpStream};

use crate::patience::PATIENCE;

pub(crate) struct Http {
    address: SocketAddr,
    stream: Option<BufReader<TcpStream>>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
    closes: bool,
}

impl Http {
    pub(crate) const fn to(address: SocketAddr) -> Self {
        Self { address, stream: None }
    }

    /// One request. An error ends the connection.
    pub(crate) fn ask(&mut self, method: &str, target: &str) -> io::Result<Answer> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => connect(self.address)?,
        };
        let length = if method == "GET" { "" } else { "Content-Length: 0\r\n" };
        let head = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n{length}\r\n");
        stream.get_mut().write_all(head.as_bytes())?;
        let answer = Answer::read(&mut stream)?;
        self.stream = (!answer.closes).then_some(stream);
        Ok(answer)
    }
}

fn connect(address: SocketAddr) -> io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(BufReader::new(stream))
}

impl Answer {
    fn read(stream: &mut impl BufRead) -> io::Result<Self> {
        let status = line(stream)?.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| malformed("its status"))?;
        let (mut length, mut closes) = (0, false);
        loop {
            let field = line(stream)?.to_ascii_lowercase();
            match field.split_once(": ") {
                None => break,
                Some(("content-length", value)) => length = value.parse().map_err(|_| malformed(&field))?,
                Some(("connection", value)) => closes = value == "close",
                Some(("transfer-encoding", _)) => return Err(malformed(&field)),
                Some(_) => {}
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body)?;
        Ok(Self { status, body: String::from_utf8_lossy(&body).into_owned(), closes })
    }
}

fn line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    match stream.read_line(&mut line)? {
        0 => Err(ErrorKind::UnexpectedEof.into()),
        _ => Ok(line.trim_end().to_owned()),
    }
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("an answer that this client does not read: {what}"))
}
