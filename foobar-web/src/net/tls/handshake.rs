use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustls::server::{Accepted, AcceptedAlert, Acceptor};

use super::config::{NamedSite, Tls};
use super::stream::TlsStream;
use crate::kept::ACME_TLS;
use crate::net::transport::Transport;

/// A handshake under way.
pub(crate) struct Handshake<S>(Stage<S>);

/// What a handshake has led to.
pub(crate) enum Established<S> {
    Tls(TlsStream<S>),
    /// The client speaks HTTP without TLS; this has come of its request.
    Plain(S, Vec<u8>),
}

enum Stage<S> {
    /// The ClientHello has not come whole.
    Hello {
        socket: S,
        acceptor: Box<Acceptor>,
        /// Whether something has come. HTTP without TLS is told apart by its first byte, which no record begins with.
        has_begun: bool,
    },
    Keys(TlsStream<S>),
    /// Refused: this is sent, then what still comes is read, as closing before that would reset the connection, and a reset
    /// can overtake the alert.
    Refused {
        socket: S,
        alert: Vec<u8>,
        error: io::Error,
    },
    Ended,
}

/// "unrecognized_name", fatal, in a record of its own (RFC 6066 §3, RFC 8446 §6).
const UNRECOGNIZED_NAME: &[u8] = &[21, 3, 3, 0, 2, 2, 112];
/// The same for another message than a ClientHello, to which rustls's acceptor has no answer.
const UNEXPECTED_MESSAGE: &[u8] = &[21, 3, 3, 0, 2, 2, 10];

impl<S: Transport> Handshake<S> {
    pub(crate) fn new(socket: S) -> Self {
        Self(Stage::Hello { socket, acceptor: Box::default(), has_begun: false })
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
    ) -> Poll<io::Result<Established<S>>> {
        if let Stage::Hello { socket, acceptor, has_begun } = &mut self.0 {
            let (hello, rest) = ready!(poll_hello(cx, socket, (acceptor, has_begun), room, begun))?;
            let Stage::Hello { socket, .. } = std::mem::replace(&mut self.0, Stage::Ended) else {
                return ended();
            };
            self.0 = match hello {
                Hello::Plain => return Poll::Ready(Ok(Established::Plain(socket, room[rest].to_vec()))),
                Hello::Refused(refusal) => refusal.stage(socket),
                Hello::Accepted(hello) => match choose(*hello, tls, find) {
                    Ok((session, site)) => Stage::Keys(TlsStream::new(socket, session, site)),
                    Err(refusal) => refusal.stage(socket),
                },
            };
            if let Stage::Keys(stream) = &mut self.0
                && let Err(error) = stream.take(cx, &room[rest])
            {
                self.fail(error);
            }
        }
        if let Stage::Keys(stream) = &mut self.0 {
            match ready!(stream.poll_handshake(cx, room)) {
                Err(error) if error.kind() == io::ErrorKind::InvalidData => self.fail(error),
                done => return Poll::Ready(done.and_then(|()| self.stream())),
            }
        }
        self.poll_refused(cx, room)
    }

    /// The stream has said why it fails.
    fn fail(&mut self, error: io::Error) {
        if let Stage::Keys(stream) = std::mem::replace(&mut self.0, Stage::Ended) {
            self.0 = Stage::Refused { socket: stream.into_socket(), alert: Vec::new(), error };
        }
    }

    fn stream(&mut self) -> io::Result<Established<S>> {
        match std::mem::replace(&mut self.0, Stage::Ended) {
            Stage::Keys(stream) => Ok(Established::Tls(stream)),
            _ => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn poll_refused(&mut self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<Established<S>>> {
        let Stage::Refused { socket, alert, .. } = &mut self.0 else { return ended() };
        if !alert.is_empty() {
            ready!(Pin::new(&mut *socket).poll_write(cx, alert))?; // a few bytes: they fit into the socket
            alert.clear();
        }
        ready!(Pin::new(&mut *socket).poll_shutdown(cx))?;
        while ready!(socket.poll_receive(cx, room))? > 0 {}
        match std::mem::replace(&mut self.0, Stage::Ended) {
            Stage::Refused { error, .. } => Poll::Ready(Err(error)),
            _ => ended(),
        }
    }
}

/// It is asked again after its end.
fn ended<T>() -> Poll<io::Result<T>> {
    Poll::Ready(Err(io::ErrorKind::NotConnected.into()))
}

/// What a connection begins with.
enum Hello {
    Accepted(Box<Accepted>),
    Refused(Refusal),
    /// No TLS, but the letters of a method.
    Plain,
}

/// Reads until the ClientHello has come whole, or is refused; gives also what of `room` follows it.
fn poll_hello<S: Transport>(
    cx: &mut Context<'_>,
    socket: &mut S,
    (acceptor, has_begun): (&mut Acceptor, &mut bool),
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
        let is_method = !std::mem::replace(has_begun, true) && room[0].is_ascii_uppercase();
        let mut records = &room[..read];
        while !records.is_empty() {
            acceptor.read_tls(&mut records)?;
            let hello = match acceptor.accept() {
                Ok(None) => continue,
                Ok(Some(hello)) => Hello::Accepted(Box::new(hello)),
                Err(_) if is_method => return Poll::Ready(Ok((Hello::Plain, 0..read))),
                Err((error, alert)) => Hello::Refused(Refusal::by_rustls(error, alert)),
            };
            let rest = read - records.len()..read;
            return Poll::Ready(Ok((hello, rest)));
        }
    }
}

/// The session of a client, and the site whose rules it goes by.
fn choose(
    hello: Accepted,
    tls: &Tls,
    find: impl FnOnce(Option<&str>) -> NamedSite,
) -> Result<(rustls::ServerConnection, usize), Refusal> {
    let client_hello = hello.client_hello();
    let name = client_hello.server_name().map(str::to_ascii_lowercase);
    let name = name.as_deref();
    let site = find(name);
    let is_challenge = client_hello.alpn().is_some_and(|protocols| protocols.eq([ACME_TLS]));
    let chosen = match (site, is_challenge) {
        (NamedSite::Known(site) | NamedSite::Default(site), true) => tls.challenge(name).map(|config| (site, config)),
        _ => tls.config(name, site),
    };
    let (site, config) = chosen.ok_or_else(|| Refusal::unknown_name(name))?;
    let session = hello.into_connection(config);
    let mut session = session.map_err(|(error, alert)| Refusal::by_rustls(error, alert))?;
    session.set_buffer_limit(None); // the stream gives it one turn at a time
    Ok((session, site))
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
        if alert.is_empty() {
            alert.extend_from_slice(UNEXPECTED_MESSAGE);
        }
        let error = io::Error::new(io::ErrorKind::InvalidData, error);
        Self { alert, error: written.err().unwrap_or(error) } // memory takes everything
    }

    fn unknown_name(name: Option<&str>) -> Self {
        let message = format!("no certificate is for the name {name:?}");
        Self { alert: UNRECOGNIZED_NAME.to_vec(), error: io::Error::new(io::ErrorKind::NotFound, message) }
    }

    fn stage<S>(self, socket: S) -> Stage<S> {
        Stage::Refused { socket, alert: self.alert, error: self.error }
    }
}

#[cfg(test)]
mod tests;
