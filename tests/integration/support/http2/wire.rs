use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::support::PATIENCE;

/// Bytes to a server and back, in the clear or over TLS. Reads give up after [`PATIENCE`].
pub(crate) enum Wire {
    Clear(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Wire {
    pub(crate) fn clear(address: &str) -> Self {
        Self::Clear(socket(address))
    }

    /// After the handshake; no name is sent, so that the certificate is the default one.
    pub(crate) fn tls(address: &str, config: &Arc<ClientConfig>) -> Self {
        let socket = socket(address);
        let name = ServerName::IpAddress(socket.peer_addr().unwrap().ip().into());
        let session = ClientConnection::new(Arc::clone(config), name).unwrap();
        let mut stream = StreamOwned::new(session, socket);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock).unwrap();
        }
        Self::Tls(Box::new(stream))
    }

    /// Whether the server takes it.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> bool {
        match self {
            Self::Clear(stream) => stream.write_all(bytes),
            Self::Tls(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        }
        .is_ok()
    }

    /// Reads at least a byte; false at the end of the connection, an error where nothing comes.
    pub(crate) fn fill(&mut self, read: &mut Vec<u8>) -> io::Result<bool> {
        let mut chunk = [0; 32 << 10];
        let got = match self {
            Self::Clear(stream) => stream.read(&mut chunk),
            Self::Tls(stream) => stream.read(&mut chunk),
        };
        let got = match got {
            Ok(got) => got,
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => 0,
            Err(error) => return Err(error),
        };
        read.extend_from_slice(&chunk[..got]);
        Ok(got > 0)
    }

    pub(crate) fn socket(&self) -> TcpStream {
        match self {
            Self::Clear(stream) => stream.try_clone().unwrap(),
            Self::Tls(_) => panic!("two cannot share a session of TLS"),
        }
    }

    /// The protocol that was agreed upon.
    pub(crate) fn protocol(&self) -> Option<&[u8]> {
        match self {
            Self::Clear(_) => None,
            Self::Tls(stream) => stream.conn.alpn_protocol(),
        }
    }
}

fn socket(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap_or_else(|error| panic!("{address}: {error}"));
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}
