use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::time::{Instant, timeout_at};

use crate::counters::FailedHandshake;
use crate::deadline::DeadlineTimer;
use crate::net::{Established, Handshake, NamedSite, Transport};
use crate::site::Sites;
use crate::worker::{ConnectionState, Worker};

/// What follows a TLS handshake; `None` if that fails or is not done by the deadline. Until its first byte has
/// come the connection is as idle as one that waits for a request.
pub(super) async fn handshake<S: Transport>(
    socket: S,
    worker: &Rc<Worker>,
    state: &Rc<ConnectionState>,
    deadline: Instant,
) -> Option<Established<S>> {
    let tls = worker.tls.as_deref()?;
    let mut handshake = Handshake::new(socket);
    let done = until(deadline, state, |cx| {
        let begun = || state.set_active();
        let find = |name: Option<&str>| find(&worker.pipeline.sites, name);
        worker.buffers.with_input(|room| handshake.poll(cx, room, tls, begun, find))
    });
    match done.await {
        Ok(Established::Tls(stream)) => {
            state.set_idle(Instant::now());
            Some(Established::Tls(stream))
        }
        Ok(plain) => {
            worker.pipeline.counters.handshake_failed(FailedHandshake::PlainHttp);
            Some(plain)
        }
        Err(error) => {
            worker.pipeline.counters.handshake_failed(FailedHandshake::of(&error));
            tracing::debug!(%error, "a TLS handshake failed");
            None
        }
    }
}

/// Polls what a connection begins with before HTTP, until it is done or has to end: at the deadline, or while it is idle
/// where another connection needs the place, or soon after a drain has begun: its first byte may be on its way.
pub(super) async fn until<T>(
    deadline: Instant,
    state: &ConnectionState,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<io::Result<T>>,
) -> io::Result<T> {
    let (mut patience, since) = (DeadlineTimer::default(), Instant::now());
    let mut is_over = |cx: &mut Context<'_>| match state.drain().filter(|_| state.is_idle()) {
        Some(drain) => patience.poll(cx, drain.end_of_idle(since)).is_ready(),
        None => false,
    };
    let done = poll_fn(|cx| {
        state.belongs_to(cx);
        match poll(cx) {
            Poll::Pending if state.is_leaving() || is_over(cx) => {
                Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
            }
            polled => polled,
        }
    });
    timeout_at(deadline, done).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) // the time is over
}

/// What a name leads to; who gives none gets the default site.
fn find(sites: &Sites, name: Option<&str>) -> NamedSite {
    let default = sites.default_site();
    match name.map(|name| sites.named(name)) {
        Some(Some(site)) => NamedSite::Known(site),
        None => default.map_or(NamedSite::Nowhere, NamedSite::Known),
        Some(None) => default.map_or(NamedSite::Nowhere, NamedSite::Default),
    }
}
