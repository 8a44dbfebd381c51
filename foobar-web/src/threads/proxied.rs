use std::io;
use std::rc::Rc;

use foobar_core::{ConnectInfo, Scheme};
use tokio::time::Instant;

use super::handshake::until;
use super::protocol::{serve_plain, serve_tls};
use crate::counters::TurnedAway;
use crate::net::{AddressSlot, Socket, Source, poll_header};
use crate::worker::{ConnectionState, Worker};

/// Serves a connection of a trusted proxy that begins with a PROXY header. From then on it is as if the client that the
/// header names had connected itself.
pub(super) async fn serve_proxied(
    mut socket: impl Socket,
    connection: ConnectInfo,
    worker: Rc<Worker>,
    state: Rc<ConnectionState>,
) {
    let deadline = Instant::now() + worker.limits.handshake_time;
    let introduced = introduce(&mut socket, connection, &worker, &state, deadline).await;
    let Some((connection, _place)) = introduced else { return };
    state.set_idle(Instant::now());
    match connection.scheme {
        Scheme::Http => serve_plain(socket, connection, worker, state).await,
        Scheme::Https => Box::pin(serve_tls(socket, connection, worker, state, deadline)).await,
    }
}

/// Reads the header: whose connection it is, and the place that it takes; `None` if it is to be closed.
async fn introduce(
    socket: &mut impl Socket,
    connection: ConnectInfo,
    worker: &Worker,
    state: &ConnectionState,
    deadline: Instant,
) -> Option<(ConnectInfo, AddressSlot)> {
    let header = until(deadline, state, |cx| {
        worker.buffers.with_input(|room| poll_header(cx, socket, room, || state.set_active()))
    });
    let connection = match header.await {
        Ok(Source::Peer) => connection,
        Ok(Source::Client { remote, local }) => ConnectInfo { remote: Some(remote), local: Some(local), ..connection },
        Err(error) => {
            report(connection, &error, state);
            return None;
        }
    };
    let place = worker.pipeline.clients.admit(connection.remote);
    if place.is_none() {
        worker.pipeline.counters.turned_away(TurnedAway::AddressLimit);
    }
    Some((connection, place?))
}

/// A proxy that sends no header is configured in another way than this server. One that connects and sends nothing only
/// looks whether somebody is there.
fn report(connection: ConnectInfo, error: &io::Error, state: &ConnectionState) {
    let remote = connection.remote.map(tracing::field::display);
    if error.kind() == io::ErrorKind::InvalidData {
        tracing::warn!(remote, reason = %error, "a connection was closed: what a proxy sent is no PROXY header");
    } else if !state.is_idle() {
        tracing::warn!(remote, reason = %error, "a connection was closed: its PROXY header has not come whole");
    } else {
        tracing::debug!(remote, reason = %error, "a connection ended before its PROXY header");
    }
}
