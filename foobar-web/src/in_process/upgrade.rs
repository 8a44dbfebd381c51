use std::io;

use bytes::Bytes;
use foobar_core::{BoxFuture, Io, Upgrade};
use http::Extensions;
use tokio::time::Instant;

use crate::tunnel::{self, Taker, Tunnel};
use crate::worker::{ConnectionState, Worker};

/// A connection that a request offers, between its client and whoever answers 101.
pub(super) struct Upgraded {
    given: BoxFuture<'static, io::Result<Box<dyn Io>>>,
    taker: Taker,
}

impl Upgraded {
    /// Puts itself in the place of what the request offers, if it does.
    pub(super) fn offer(request: &mut Extensions) -> Option<Self> {
        let given = request.remove::<Upgrade>()?.take()?;
        Some(Self { given, taker: tunnel::offer(request) })
    }

    /// Gives the connection away, and waits until it has been dropped there or a drain has ended it.
    pub(super) async fn serve(self, worker: &Worker, state: &ConnectionState) {
        let Ok(stream) = self.given.await else { return }; // the client has gone
        let (tunnel, handle) = Tunnel::new(stream, Bytes::new(), worker.limits.send_time);
        if self.taker.send(Box::new(tunnel)).is_ok() {
            handle.closed(end_of_streams(worker, state)).await;
        }
    }
}

/// Completes when a drain has begun; gives when its streams end.
async fn end_of_streams(worker: &Worker, state: &ConnectionState) -> Instant {
    worker.connections.draining().await;
    state.drain().expect("a drain has begun").end_of_streams()
}
