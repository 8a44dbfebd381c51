use std::io;
use std::time::Duration;

use bytes::Bytes;
use foobar_core::{BoxFuture, Io, Upgrade};
use http::Extensions;
use tokio::time::Instant;

use crate::tunnel::{self, Taker, Tunnel};

/// A test may read when it likes.
const NEVER_STALLED: Duration = Duration::from_secs(365 * 86_400);

/// A connection that a request offers, between its client and whoever answers 101.
pub(super) struct Upgraded {
    given: BoxFuture<'static, io::Result<Box<dyn Io>>>,
    taker: Taker,
}

impl Upgraded {
    /// Itself, and what is offered in the place of what the request offers, if it does.
    pub(super) fn offer(request: &mut Extensions) -> Option<(Upgrade, Self)> {
        let given = request.remove::<Upgrade>()?.take()?;
        let (upgrade, taker) = tunnel::offer();
        Some((upgrade, Self { given, taker }))
    }

    /// Gives the connection away, and waits until it has been dropped there. Once `drain` completes, it is at its end,
    /// and is waited for until the time that `drain` gives.
    pub(super) async fn serve(self, drain: impl Future<Output = Instant>) {
        let Ok(stream) = self.given.await else { return }; // the client has gone
        let (tunnel, handle) = Tunnel::new(stream, Bytes::new(), NEVER_STALLED);
        if self.taker.send(Box::new(tunnel)).is_ok() {
            handle.closed(drain).await;
        }
    }
}
