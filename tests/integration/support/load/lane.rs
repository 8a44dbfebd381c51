use std::borrow::Cow;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rustix::net::sockopt::set_socket_recv_buffer_size;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::Authority;
use crate::support::Connection;

/// One kind of request, again and again.
#[derive(Clone)]
pub(crate) struct Lane {
    request: Vec<u8>,
    pub(super) kind: Kind,
    pub(super) connections: Connections,
    /// Whether an answer of 200 or 201 with this body is right.
    pub(super) accept: fn(&[u8]) -> bool,
    /// Whether each has a number of its own, in the place of `{n}`: the first of them.
    numbered_from: Option<u64>,
    /// Whether a request to which a connection that was kept has been closed without an answer is sent once more, as clients
    /// do (RFC 9110, section 9.2.2).
    pub(super) sends_again: bool,
    /// Where it connects over TLS, and as whom.
    tls: Option<(String, Arc<ClientConfig>)>,
    /// The time between two requests.
    pub(super) period: Duration,
    /// The time between two pieces of a body.
    pub(super) pause: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It is sent, and its answer read, as fast as that goes.
    Fast,
    /// The same with a body of which this begins a part that is sent for itself.
    InParts(usize),
    /// Its answer is read piece by piece.
    Trickle,
    /// Its body begins here; it is sent piece by piece once the server says that it wants it.
    Upload(usize),
    /// A message that comes back.
    WebSocket,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Connections {
    /// One, for as long as the server lets it.
    Kept,
    /// Another for each request.
    New,
}

/// The bytes of a trickle that are read at a time, and what the system takes ahead of them.
pub(super) const PIECE: usize = 64 << 10;
/// The pieces that a slow upload has.
pub(super) const PIECES: usize = 8;
/// What a slow upload says, and how long its body is.
const EXPECT: &str = "Expect: 100-continue\r\n";
const UPLOAD: usize = PIECES << 10;

impl Lane {
    fn new(request: Vec<u8>, connections: Connections, accept: fn(&[u8]) -> bool) -> Self {
        let (kind, numbered_from, sends_again, tls) = (Kind::Fast, None, false, None);
        let (period, pause) = (Duration::from_millis(10), Duration::ZERO);
        Self { request, kind, connections, accept, numbered_from, sends_again, tls, period, pause }
    }

    pub(crate) fn get(path: &str, connections: Connections, accept: fn(&[u8]) -> bool) -> Self {
        Self::new(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes(), connections, accept)
    }

    /// One that changes something, with `{n}` in its path and no body.
    pub(crate) fn put(path: &str, connections: Connections, first: u64) -> Self {
        let request = format!("PUT {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").into_bytes();
        Self { numbered_from: Some(first), ..Self::new(request, connections, <[u8]>::is_empty) }
    }

    /// A body of ten bytes, of which the second half comes later.
    pub(crate) fn post(path: &str, expect: &str, accept: fn(&[u8]) -> bool) -> Self {
        let head = format!("POST {path} HTTP/1.1\r\nHost: a\r\n{expect}Content-Length: 10\r\n\r\n");
        let request = (head + "0123456789").into_bytes();
        Self { kind: Kind::InParts(request.len() - 5), ..Self::new(request, Connections::Kept, accept) }
    }

    /// A download of 1 MiB that takes a second.
    pub(crate) fn trickle(path: &str, connections: Connections, accept: fn(&[u8]) -> bool) -> Self {
        let (period, pause) = (Duration::from_millis(1500), Duration::from_millis(64));
        Self { kind: Kind::Trickle, period, pause, ..Self::get(path, connections, accept) }
    }

    /// An upload of 8 KiB that begins when the server says so, and takes less than half a second.
    pub(crate) fn upload(path: &str, connections: Connections, accept: fn(&[u8]) -> bool) -> Self {
        let head = format!("POST {path} HTTP/1.1\r\nHost: a\r\n{EXPECT}Content-Length: {UPLOAD}\r\n\r\n");
        let (kind, request) = (Kind::Upload(head.len()), [head.into_bytes(), vec![b'x'; UPLOAD]].concat());
        let (period, pause) = (Duration::from_millis(600), Duration::from_millis(50));
        Self { kind, period, pause, ..Self::new(request, connections, accept) }
    }

    /// A WebSocket at `/socket` that sends back what it is told, for as long as the server lets it.
    pub(crate) fn socket() -> Self {
        let message = Self::new(b"message {n}".to_vec(), Connections::Kept, |_| true);
        Self { kind: Kind::WebSocket, numbered_from: Some(0), period: Duration::from_millis(40), ..message }
    }

    /// Those of the program `proving` that last, or are over TLS, which is served at this address.
    pub(crate) fn lasting(tls: &str, authority: &Authority) -> Vec<Self> {
        let is_mebibyte = |body: &[u8]| body.len() == 1 << 20;
        let is_uploaded = |body: &[u8]| body == b"8192";
        let (resuming, full) = (authority.client(true), authority.client(false));
        let page = |connections| Self::get("/page", connections, |body| body.starts_with(b"version "));
        vec![
            Self::trickle("/bytes/1048576", Connections::Kept, is_mebibyte).sent_again(),
            Self::trickle("/bytes/1048576", Connections::New, is_mebibyte),
            Self::upload("/length", Connections::Kept, is_uploaded).sent_again(),
            Self::upload("/length", Connections::New, is_uploaded),
            Self::socket(),
            Self::socket().over_tls(tls, &resuming),
            page(Connections::Kept).sent_again().over_tls(tls, &resuming),
            page(Connections::New).over_tls(tls, &resuming),
            page(Connections::New).over_tls(tls, &full),
        ]
    }

    /// With what a client does that has read the standard.
    pub(crate) fn sent_again(self) -> Self {
        Self { sends_again: true, ..self }
    }

    /// The same to this address over TLS, less often.
    pub(crate) fn over_tls(self, address: &str, config: &Arc<ClientConfig>) -> Self {
        let period = self.period.max(Duration::from_millis(80));
        Self { tls: Some((address.to_owned(), Arc::clone(config))), period, ..self }
    }

    /// Once in so long a time.
    pub(crate) fn every(self, period: Duration) -> Self {
        Self { period, ..self }
    }

    /// As fast as the server answers.
    pub(super) fn unpaced(self) -> Self {
        Self { period: Duration::ZERO, pause: Duration::ZERO, ..self }
    }

    /// The request of this number.
    pub(super) fn request(&self, number: u64) -> Cow<'_, [u8]> {
        let Some(first) = self.numbered_from else { return Cow::Borrowed(&self.request) };
        let text = String::from_utf8_lossy(&self.request);
        Cow::Owned(text.replace("{n}", &(first + number).to_string()).into_bytes())
    }

    /// What it is called in a report.
    pub(super) fn name(&self) -> String {
        let request = String::from_utf8_lossy(&self.request);
        let what = match self.kind {
            Kind::WebSocket => "a WebSocket",
            _ => request.split(" HTTP/").next().unwrap_or_default(),
        };
        let how = match self.kind {
            Kind::Trickle => ", at a trickle",
            Kind::Upload(_) => ", slowly after 100 Continue",
            Kind::Fast | Kind::InParts(_) | Kind::WebSocket => "",
        };
        let connections = if self.connections == Connections::New { ", new connections" } else { "" };
        let tls = if self.tls.is_some() { ", TLS" } else { "" };
        format!("{what}{how}{connections}{tls}")
    }

    /// A connection to this address, or to its own over TLS.
    pub(super) fn open(&self, address: &str) -> io::Result<Connection> {
        let address = self.tls.as_ref().map_or(address, |(address, _)| address);
        let socket = Connection::tcp(address)?;
        if self.kind == Kind::Trickle {
            set_socket_recv_buffer_size(&socket, PIECE)?;
        }
        let Some((_, config)) = &self.tls else { return Ok(Connection::over(socket)) };
        let name = ServerName::IpAddress(IpAddr::from([127, 0, 0, 1]).into());
        let session = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(session, socket);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Connection::over(stream))
    }
}
