//! A bare epoll loop that serves the files of a folder: one thread, no framework, answers ready in memory. It is the
//! least that a program which speaks HTTP can spend on a request, to compare servers with.
//!
//! `--large` sends large files by other ways than from memory, to compare those.

mod arguments;
mod connection;
mod files;
mod large;
mod request;

use std::io;
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::OwnedFd;

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::SocketFlags;
use socket2::SockRef;

use arguments::Arguments;
use connection::{Connection, Progress};
use files::Files;
use large::Large;

fn main() -> io::Result<()> {
    let arguments = Arguments::from_command_line();
    let files = Files::load(&arguments.root, arguments.large_from())?;
    let listener = listen(&arguments)?;
    Loop::new(arguments.large(), files, listener)?.run()
}

/// The options of a listening socket are those of the connections that it accepts.
fn listen(arguments: &Arguments) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(&arguments.listen)?;
    let socket = SockRef::from(&listener);
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    if let Some(bytes) = arguments.send_buffer {
        socket.set_send_buffer_size(bytes)?;
    }
    if let Some(bytes) = arguments.lowat {
        socket.set_tcp_notsent_lowat(bytes)?;
    }
    Ok(listener)
}

struct Loop {
    files: Files,
    large: Large,
    listener: TcpListener,
    epoll: OwnedFd,
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
}

const LISTENER: u64 = u64::MAX;
const BACKLOG: i32 = 4096;
const CLOSED: EventFlags = EventFlags::RDHUP.union(EventFlags::HUP).union(EventFlags::ERR);

impl Loop {
    fn new(large: Large, files: Files, listener: TcpListener) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
        Ok(Self { files, large, listener, epoll, connections: Vec::new(), free: Vec::new() })
    }

    fn run(mut self) -> io::Result<()> {
        let mut room = [MaybeUninit::<epoll::Event>::uninit(); 512];
        loop {
            let events = match epoll::wait(&self.epoll, &mut room, None) {
                Err(Errno::INTR) => continue,
                waited => waited?.0,
            };
            self.files.tick();
            for event in events {
                let flags = event.flags;
                match event.data.u64() {
                    LISTENER => self.accept()?,
                    at => self.serve(at as usize, flags.intersects(CLOSED)),
                }
            }
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            match rustix::net::accept_with(&self.listener, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
                Ok(socket) => self.admit(Connection::new(socket))?,
                Err(Errno::AGAIN) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Its first request is often there already, and sometimes its last.
    fn admit(&mut self, mut connection: Connection) -> io::Result<()> {
        let Ok(Progress::Waits) = connection.advance(&self.files, &mut self.large, false) else { return Ok(()) };
        let at = self.free.pop().unwrap_or(self.connections.len());
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        epoll::add(&self.epoll, &connection, EventData::new_u64(at as u64), flags)?;
        if at == self.connections.len() {
            self.connections.push(None);
        }
        self.connections[at] = Some(connection);
        Ok(())
    }

    fn serve(&mut self, at: usize, to_end: bool) {
        let Some(connection) = &mut self.connections[at] else { return };
        if let Ok(Progress::Waits) = connection.advance(&self.files, &mut self.large, to_end) {
            return;
        }
        self.connections[at] = None;
        self.free.push(at);
    }
}
