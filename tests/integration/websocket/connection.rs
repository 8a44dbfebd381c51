use super::streams::Streams;
use crate::http2::server::Server;
use crate::support::Client;
use crate::support::http2::Http2;

/// What WebSockets are opened over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Http1,
    /// By prior knowledge.
    Http2,
    /// As browsers do it: agreed upon in the TLS handshake.
    Http2OverTls,
}

pub(super) const TRANSPORTS: [Transport; 3] = [Transport::Http1, Transport::Http2, Transport::Http2OverTls];

/// A connection on which WebSockets are opened: over HTTP/1.1 one, which takes it over, over HTTP/2 any number.
pub(super) enum Connection {
    Http1(Client),
    Http2(Box<Streams>),
}

/// What a request for a WebSocket was answered.
pub(super) struct Opened {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) socket: Socket,
}

/// A WebSocket of a connection: its stream; over HTTP/1.1 there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Socket(pub(super) u32);

/// The fields that a handshake has over HTTP/1.1 alone.
const UPGRADE: &str =
    "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

impl Transport {
    pub(super) fn connect(self, server: &Server) -> Connection {
        match self {
            Self::Http1 => Connection::Http1(server.program.client()),
            Self::Http2 => Connection::Http2(Box::new(Streams::new(server.http(), "http"))),
            Self::Http2OverTls => {
                let wire = server.tls(&["h2"]);
                assert_eq!(wire.protocol(), Some(&b"h2"[..]));
                Connection::Http2(Box::new(Streams::new(Http2::with(wire, &[]), "https")))
            }
        }
    }

    /// The status that opens a WebSocket.
    pub(super) const fn success(self) -> u16 {
        if matches!(self, Self::Http1) { 101 } else { 200 }
    }

    /// The origin of the site `a`.
    pub(super) const fn origin(self) -> &'static str {
        if matches!(self, Self::Http2OverTls) { "https://a" } else { "http://a" }
    }
}

impl Connection {
    /// Asks for a WebSocket at this path of the site `a`, with these fields.
    pub(super) fn ask(&mut self, path: &str, fields: &[(&str, &str)]) -> Opened {
        match self {
            Self::Http1(client) => {
                let fields: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
                let version = "Sec-WebSocket-Version: 13\r\n";
                client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n{UPGRADE}{version}{fields}\r\n"));
                let answer = client.interim("GET");
                Opened { status: answer.status, headers: answer.headers, socket: Socket(0) }
            }
            Self::Http2(streams) => streams.ask(path, fields),
        }
    }

    /// Sends this on a WebSocket.
    pub(super) fn send(&mut self, socket: Socket, bytes: &[u8]) {
        match self {
            Self::Http1(client) => _ = client.send(bytes),
            Self::Http2(streams) => streams.send(socket, bytes),
        }
    }

    /// Ends the client's side of a WebSocket.
    pub(super) fn end(&mut self, socket: Socket) {
        match self {
            Self::Http1(client) => client.end(),
            Self::Http2(streams) => streams.end(socket),
        }
    }

    /// The type and the content of the next frame of a WebSocket.
    pub(super) fn frame(&mut self, socket: Socket) -> (u8, Vec<u8>) {
        let head = self.read(socket, 2);
        let length = match head[1] {
            126 => u16::from_be_bytes(self.read(socket, 2).try_into().unwrap()).into(),
            length => length.into(),
        };
        (head[0] & 0x0f, self.read(socket, length))
    }

    /// Whether the server ends a WebSocket, without sending anything more on it.
    pub(super) fn is_ended(&mut self, socket: Socket) -> bool {
        match self {
            Self::Http1(client) => client.is_closed(),
            Self::Http2(streams) => streams.rest(socket).is_empty(),
        }
    }

    /// Sends another request on this connection, and gives the status of its answer.
    pub(super) fn get(&mut self, path: &str) -> u16 {
        match self {
            Self::Http1(client) => client.get(path).status,
            Self::Http2(streams) => streams.get(path),
        }
    }

    fn read(&mut self, socket: Socket, length: usize) -> Vec<u8> {
        match self {
            Self::Http1(client) => client.read(length),
            Self::Http2(streams) => streams.read(socket, length),
        }
    }
}

impl Opened {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}
