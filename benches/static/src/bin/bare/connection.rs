use std::fs::File;
use std::io::{self, IoSlice, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};

use crate::files::{Files, Ready};
use crate::large::{Large, Rest};
use crate::request::{Malformed, Request};

/// A client's connection.
pub struct Connection {
    stream: TcpStream,
    /// What was read and is not answered yet.
    read: Vec<u8>,
    outgoing: Option<Outgoing>,
    close: bool,
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

/// How far a connection came.
pub enum Progress {
    /// It waits for the client.
    Waits,
    /// It is at its end.
    Ended,
}

/// What is left of an answer.
struct Outgoing {
    /// A head of its own; empty if it is in `ready`.
    head: Vec<u8>,
    ready: Rc<Ready>,
    at: usize,
    end: usize,
    rest: Option<Rest>,
}

impl Connection {
    pub fn new(socket: OwnedFd) -> Self {
        Self { stream: socket.into(), read: Vec::with_capacity(8192), outgoing: None, close: false }
    }

    /// Does all that can be done without waiting. `to_end`: the client has closed its side, which a read will say.
    pub fn advance(&mut self, files: &Files, large: &mut Large, to_end: bool) -> io::Result<Progress> {
        let mut drained = false;
        loop {
            if !self.send(large)? {
                return Ok(Progress::Waits);
            }
            if self.close {
                return Ok(Progress::Ended);
            }
            if self.answer(files)? {
                continue;
            }
            if drained && !to_end {
                return Ok(Progress::Waits);
            }
            match self.receive() {
                Ok(0) => return Ok(Progress::Ended),
                Ok(_) => drained = self.read.len() < self.read.capacity(),
                Err(Errno::AGAIN) => return Ok(Progress::Waits),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn receive(&mut self) -> Result<usize, Errno> {
        self.read.reserve(1);
        rustix::net::recv(&self.stream, spare_capacity(&mut self.read), RecvFlags::empty()).map(|(read, _)| read)
    }

    /// Answers the next request that was read; whether there is one.
    fn answer(&mut self, files: &Files) -> io::Result<bool> {
        if self.read.is_empty() {
            return Ok(false);
        }
        let request = Request::parse(&self.read).map_err(|Malformed| io::ErrorKind::InvalidData)?;
        let Some(request) = request else { return Ok(false) };
        let length = request.length;
        self.close = request.close;
        self.outgoing = Some(Outgoing::to(&request, files));
        self.read.drain(..length);
        Ok(true)
    }

    /// Whether all is sent.
    fn send(&mut self, large: &mut Large) -> io::Result<bool> {
        let Some(outgoing) = &mut self.outgoing else { return Ok(true) };
        match outgoing.send(&self.stream, large) {
            Ok(()) => self.outgoing = None,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
        Ok(true)
    }
}

impl Outgoing {
    fn to(request: &Request, files: &Files) -> Self {
        let Some(entry) = files.find(request.path) else { return Self::whole(files.not_found(), None) };
        if request.if_none_match.is_some_and(|tag| tag == entry.etag.as_bytes()) {
            return Self::whole(files.current(&entry.not_modified), None);
        }
        let ready = files.current(&entry.full);
        match request.range {
            Some((first, end)) if first < end && end <= entry.length => {
                let head = files.partial_head(entry, first, end);
                Self::part(head, ready, entry.file.as_ref(), first, end)
            }
            _ => Self::whole(ready, entry.file.as_ref().map(|file| Rest::new(file, 0, entry.length))),
        }
    }

    fn whole(ready: Rc<Ready>, rest: Option<Rest>) -> Self {
        let end = ready.bytes().len();
        Self { head: Vec::new(), ready, at: 0, end, rest }
    }

    fn part(head: Vec<u8>, ready: Rc<Ready>, file: Option<&Rc<File>>, first: u64, end: u64) -> Self {
        let body = ready.body;
        match file {
            Some(file) => Self { head, ready, at: 0, end: 0, rest: Some(Rest::new(file, first, end)) },
            None => Self { head, ready, at: body + first as usize, end: body + end as usize, rest: None },
        }
    }

    fn send(&mut self, stream: &TcpStream, large: &mut Large) -> io::Result<()> {
        let Some(mut rest) = self.rest.take() else { return self.send_ready(stream, SendFlags::empty()) };
        let sent = self.send_with(&mut rest, stream, large);
        self.rest = Some(rest);
        sent
    }

    fn send_with(&mut self, rest: &mut Rest, stream: &TcpStream, large: &mut Large) -> io::Result<()> {
        if self.at == 0 {
            large.cork(stream, true)?;
        }
        self.send_ready(stream, SendFlags::MORE)?;
        large.send(rest, stream)?;
        large.cork(stream, false)
    }

    fn send_ready(&mut self, mut stream: &TcpStream, flags: SendFlags) -> io::Result<()> {
        while !self.head.is_empty() {
            let bytes = self.ready.bytes();
            let slices = [IoSlice::new(&self.head), IoSlice::new(&bytes[self.at..self.end])];
            let sent = stream.write_vectored(&slices)?;
            let of_head = sent.min(self.head.len());
            drop(bytes);
            self.head.drain(..of_head);
            self.at += sent - of_head;
        }
        while self.at < self.end {
            let bytes = &self.ready.bytes()[self.at..self.end];
            self.at += rustix::net::send(stream, bytes, flags | SendFlags::NOSIGNAL)?;
        }
        Ok(())
    }
}
