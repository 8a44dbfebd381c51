use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use foobar_core::{ConnectInfo, Scheme};
use tokio::time::Instant;

use super::handshake::{handshake, until};
use crate::Http2;
use crate::http1::{refuse_plain, serve as serve_http1};
use crate::http2::{PREFACE, serve as serve_http2};
use crate::kept::ACME_TLS;
use crate::net::{Established, Socket, Transport};
use crate::worker::{Beginning, ConnectionState, Worker};

/// Serves a connection that speaks TLS, whose handshake is done by the deadline, by what was agreed on in it.
pub(super) async fn serve_tls(
    socket: impl Socket,
    connection: ConnectInfo,
    worker: Rc<Worker>,
    state: Rc<ConnectionState>,
    deadline: Instant,
) {
    match Box::pin(handshake(socket, &worker, &state, deadline)).await {
        Some(Established::Tls(stream)) if stream.protocol() == Some(b"h2") => {
            serve_http2(stream, Beginning::now(), connection, worker, state).await;
        }
        Some(Established::Tls(stream)) if stream.protocol() == Some(ACME_TLS) => drop(stream), // an authority has seen enough
        Some(Established::Tls(stream)) => serve_http1(stream, Beginning::now(), connection, worker, state).await,
        Some(Established::Plain(socket, head)) => {
            let connection = ConnectInfo { scheme: Scheme::Http, ..connection };
            Box::pin(refuse_plain(socket, &head, connection, worker, state)).await;
        }
        None => {}
    }
}

/// Serves a connection without TLS: by HTTP/2 where a client begins with it and may.
pub(super) async fn serve_plain<S: Transport>(
    mut stream: S,
    connection: ConnectInfo,
    worker: Rc<Worker>,
    state: Rc<ConnectionState>,
) {
    if worker.limits.http2 != Http2::Cleartext {
        return serve_http1(stream, Beginning::now(), connection, worker, state).await;
    }
    match Box::pin(preface(&mut stream, &worker, &state)).await {
        Ok((Protocol::Http1, beginning)) => serve_http1(stream, beginning, connection, worker, state).await,
        Ok((Protocol::Http2, beginning)) => {
            state.set_idle(Instant::now()); // no request has begun
            serve_http2(stream, beginning, connection, worker, state).await;
        }
        Err(error) => tracing::debug!(%error, "a connection ended before its first request"),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Http1,
    Http2,
}

/// Which protocol a client begins with, and what was read to find out. One that takes too long to say is of HTTP/1, which
/// knows what to tell it.
async fn preface<S: Transport>(
    stream: &mut S,
    worker: &Rc<Worker>,
    state: &Rc<ConnectionState>,
) -> io::Result<(Protocol, Beginning)> {
    let mut beginning = Beginning::now();
    let deadline = beginning.since + worker.limits.head_time;
    let told =
        until(deadline, state, |cx| poll_preface(cx, stream, worker, &mut beginning.unread, || state.set_active()));
    let protocol = match told.await {
        Err(error) if error.kind() == io::ErrorKind::TimedOut && !state.is_idle() => Protocol::Http1,
        told => told?,
    };
    Ok((protocol, beginning))
}

fn poll_preface<S: Transport>(
    cx: &mut Context<'_>,
    stream: &mut S,
    worker: &Worker,
    read: &mut BytesMut,
    begun: impl Fn(),
) -> Poll<io::Result<Protocol>> {
    loop {
        let length = ready!(worker.buffers.with_input(|input| {
            stream.poll_receive(cx, input).map_ok(|length| {
                read.extend_from_slice(&input[..length]);
                length
            })
        }))?;
        worker.pipeline.counters.received(length);
        if length == 0 {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        begun();
        if let Some(protocol) = protocol(read) {
            return Poll::Ready(Ok(protocol));
        }
    }
}

/// Which protocol these first bytes belong to; `None` if they may belong to either.
fn protocol(read: &[u8]) -> Option<Protocol> {
    let known = read.len().min(PREFACE.len());
    match read[..known] == PREFACE[..known] {
        false => Some(Protocol::Http1),
        true => (known == PREFACE.len()).then_some(Protocol::Http2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_the_protocol_as_soon_as_they_differ() {
        assert_eq!(protocol(b"GET / HTTP/1.1\r\n"), Some(Protocol::Http1));
        assert_eq!(protocol(b"PRI"), None);
        assert_eq!(protocol(b"PRI * HTTP/1.1\r\n"), Some(Protocol::Http1));
        assert_eq!(protocol(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Some(Protocol::Http2));
        assert_eq!(protocol(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0"), Some(Protocol::Http2));
    }
}
