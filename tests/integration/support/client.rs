use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::time::Duration;

use super::{PATIENCE, Wire};

/// One connection to a server.
pub(crate) struct Client(BufReader<Wire>);

/// A response, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(address: &str) -> Self {
        Self::over(Wire::clear(address))
    }

    pub(crate) fn over(wire: Wire) -> Self {
        Self(BufReader::new(wire))
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.0.get_mut().write_all(bytes.as_ref()).and_then(|()| self.0.get_mut().flush()).unwrap();
        self
    }

    /// Sends until the server no longer takes it.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.0.get_mut().write_all(bytes.as_ref()).and_then(|()| self.0.get_mut().flush()).is_ok()
    }

    pub(crate) fn request(&mut self, method: &str, target: &str, fields: &str, body: &[u8]) -> Answer {
        let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        self.send(format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n{fields}{length}\r\n")).send(body);
        self.answer(method)
    }

    pub(crate) fn get(&mut self, target: &str) -> Answer {
        self.request("GET", target, "", b"")
    }

    /// Reads the next response, past interim ones; panics where the connection ends before it does.
    pub(crate) fn answer(&mut self, method: &str) -> Answer {
        self.try_answer(method).expect("a response before the end of the connection")
    }

    /// Reads the next response, even an interim one.
    pub(crate) fn interim(&mut self, method: &str) -> Answer {
        self.one(method).expect("a response before the end of the connection")
    }

    /// Reads the next response; `None` where the connection is closed or reset before its first byte.
    pub(crate) fn try_answer(&mut self, method: &str) -> Option<Answer> {
        loop {
            let answer = self.one(method)?;
            if answer.status >= 200 || answer.status == 101 {
                return Some(answer);
            }
        }
    }

    /// Reads exactly so many bytes.
    pub(crate) fn read(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.0.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// Whether the first bytes of an answer come within this time.
    pub(crate) fn has_answer_within(&mut self, time: Duration) -> bool {
        self.0.get_ref().socket().set_read_timeout(Some(time)).unwrap();
        let answered = self.0.fill_buf().is_ok();
        self.0.get_ref().socket().set_read_timeout(Some(PATIENCE)).unwrap();
        answered
    }

    /// Ends this side of the connection.
    pub(crate) fn end(&self) {
        self.0.get_ref().socket().shutdown(std::net::Shutdown::Write).unwrap();
    }

    /// Whether the server ends the connection, without sending anything more.
    pub(crate) fn is_closed(&mut self) -> bool {
        match self.0.read(&mut [0]) {
            Ok(0) => true,
            Ok(_) => false,
            Err(error) => match error.kind() {
                ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => true,
                _ => panic!("the connection stays open: {error}"),
            },
        }
    }

    fn one(&mut self, method: &str) -> Option<Answer> {
        let mut status = String::new();
        match self.0.read_line(&mut status) {
            Ok(0) => return None,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
            result => drop(result.unwrap()),
        }
        let status = status.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status line");
        let headers: Vec<(String, String)> = std::iter::from_fn(|| self.field()).collect();
        let mut answer = Answer { status, headers, body: Vec::new() };
        if method != "HEAD" && status >= 200 && status != 204 && status != 304 {
            answer.body = self.body(&answer);
        }
        Some(answer)
    }

    fn field(&mut self) -> Option<(String, String)> {
        let line = self.line();
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    }

    fn body(&mut self, answer: &Answer) -> Vec<u8> {
        let mut body = Vec::new();
        if let Some(length) = answer.header("content-length") {
            body.resize(length.parse().unwrap(), 0);
            self.0.read_exact(&mut body).unwrap();
        } else if answer.header("transfer-encoding") == Some("chunked") {
            while self.chunk(&mut body) {}
        } else {
            self.0.read_to_end(&mut body).unwrap();
        }
        body
    }

    fn chunk(&mut self, body: &mut Vec<u8>) -> bool {
        let size = usize::from_str_radix(self.line().trim(), 16).expect("a chunk size");
        let start = body.len();
        body.resize(start + size, 0);
        self.0.read_exact(&mut body[start..]).unwrap();
        self.line();
        size > 0
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a body of UTF-8")
    }
}
