use bytes::BytesMut;
use tokio::time::Instant;

/// How a connection has begun: what of its first request was read to find out which protocol it speaks.
pub(crate) struct Beginning {
    /// Since when a request is waited for.
    pub(crate) since: Instant,
    pub(crate) unread: BytesMut,
}

impl Beginning {
    /// That of a connection of which nothing was read.
    pub(crate) fn now() -> Self {
        Self { since: Instant::now(), unread: BytesMut::new() }
    }
}
