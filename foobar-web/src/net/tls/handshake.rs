use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustls::server::{Accepted, AcceptedAlert, Acceptor};

use super::config::{NamedSite, Tls};
use super::stream::TlsStream;
use crate::net::transport::Transport;

/// A handshake under way.
pub(crate) struct Handshake<S>(Stage<S>);

enum Stage<S> {
    /// The ClientHello has not come whole.
    Hello {
        socket: S,
        acceptor: Box<Acceptor>,
    },
    Keys(TlsStream<S>),
    /// Refused; this is sent before the end.
    Refused {
        socket: S,
        alert: Vec<u8>,
        error: Option<io::Error>,
    },
    Ended,
}

/// "unrecognized_name", fatal, in a record of its own (RFC 6066 §3, RFC 8446 §6).
const UNRECOGNIZED_NAME: &[u8] = &[21, 3, 3, 0, 2, 2, 112];

impl<S: Transport> Handshake<S> {
    pub(crate) fn new(socket: S) -> Self {
        Self(Stage::Hello { socket, acceptor: Box::default() })
    }

    /// Goes on, to the stream that follows. `room` is for what is read, `begun` hears of the first bytes, and `find`
    /// tells which site a name leads to.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        room: &mut [u8],
        tls: &Tls,
        begun: impl FnOnce(),
        find: impl FnOnce(Option<&str>) -> NamedSite,
    ) -> Poll<io::Result<TlsStream<S>>> {
        if let Stage::Hello { socket, acceptor } = &mut self.0 {
            let (hello, rest) = ready!(poll_hello(cx, socket, acceptor, room, begun))?;
            if let Stage::Hello { socket, .. } = std::mem::replace(&mut self.0, Stage::Ended) {
                self.0 = match hello.and_then(|hello| choose(hello, tls, find)) {
                    Ok(session) => Stage::Keys(TlsStream::new(socket, session)),
                    Err(refusal) => refusal.stage(socket),
                };
            }
            if let Stage::Keys(stream) = &mut self.0 {
                stream.take(cx, &room[rest])?;
            }
        }
        match &mut self.0 {
            Stage::Keys(stream) => {
                ready!(stream.poll_handshake(cx, room))?;
                self.stream()
            }
            Stage::Refused { socket, alert, error } => {
                ready!(Pin::new(&mut *socket).poll_write(cx, alert))?; // a few bytes: they fit into the socket
                ready!(Pin::new(socket).poll_shutdown(cx))?;
                Poll::Ready(Err(error.take().unwrap_or_else(|| io::ErrorKind::NotConnected.into()))) // asked again
            }
            Stage::Hello { .. } | Stage::Ended => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    fn stream(&mut self) -> Poll<io::Result<TlsStream<S>>> {
        match std::mem::replace(&mut self.0, Stage::Ended) {
            Stage::Keys(stream) => Poll::Ready(Ok(stream)),
            _ => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

type Hello = Result<Accepted, Refusal>;

/// Reads until the ClientHello has come whole, or is refused; gives also what of `room` follows it.
fn poll_hello<S: Transport>(
    cx: &mut Context<'_>,
    socket: &mut S,
    acceptor: &mut Acceptor,
    room: &mut [u8],
    begun: impl FnOnce(),
) -> Poll<io::Result<(Hello, Range<usize>)>> {
    let mut begun = Some(begun);
    loop {
        let read = ready!(socket.poll_receive(cx, room))?;
        if read == 0 {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        if let Some(begun) = begun.take() {
            begun();
        }
        let mut records = &room[..read];
        while !records.is_empty() {
            acceptor.read_tls(&mut records)?;
            let hello = match acceptor.accept() {
                Ok(None) => continue,
                Ok(Some(hello)) => Ok(hello),
                Err((error, alert)) => Err(Refusal::by_rustls(error, alert)),
            };
            let rest = read - records.len()..read;
            return Poll::Ready(Ok((hello, rest)));
        }
    }
}

fn choose(
    hello: Accepted,
    tls: &Tls,
    find: impl FnOnce(Option<&str>) -> NamedSite,
) -> Result<rustls::ServerConnection, Refusal> {
    let client_hello = hello.client_hello();
    let name = client_hello.server_name().map(str::to_ascii_lowercase);
    let name = name.as_deref();
    let config = tls.config(name, find(name)).ok_or_else(|| Refusal::unknown_name(name))?.clone();
    let session = hello.into_connection(config);
    let mut session = session.map_err(|(error, alert)| Refusal::by_rustls(error, alert))?;
    session.set_buffer_limit(None); // the stream gives it one turn at a time
    Ok(session)
}

/// Why a ClientHello is not answered, and what the client is told.
struct Refusal {
    alert: Vec<u8>,
    error: io::Error,
}

impl Refusal {
    fn by_rustls(error: rustls::Error, mut message: AcceptedAlert) -> Self {
        let mut alert = Vec::new();
        let written = message.write_all(&mut alert);
        let error = io::Error::new(io::ErrorKind::InvalidData, error);
        Self { alert, error: written.err().unwrap_or(error) } // memory takes everything
    }

    fn unknown_name(name: Option<&str>) -> Self {
        let message = format!("no certificate is for the name {name:?}");
        Self { alert: UNRECOGNIZED_NAME.to_vec(), error: io::Error::new(io::ErrorKind::NotFound, message) }
    }

    fn stage<S>(self, socket: S) -> Stage<S> {
        Stage::Refused { socket, alert: self.alert, error: Some(self.error) }
    }
}
