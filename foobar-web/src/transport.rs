use std::io;

use futures_util::FutureExt;
use tokio::io::{AsyncRead, AsyncWrite, Interest, Ready};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::unconstrained;

/// A stream of bytes to a client: a socket, later TLS over one.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Send + Unpin + 'static {
    /// Makes the coming close a reset, which discards what the client did not take.
    fn reset(&self);

    /// Whether the client has closed its side, even if bytes that it sent before have not been read.
    fn has_ended(&self) -> bool;
}

impl Transport for TcpStream {
    fn reset(&self) {
        if let Err(error) = self.set_zero_linger() {
            tracing::debug!(%error, "cannot reset a connection");
        }
    }

    fn has_ended(&self) -> bool {
        ended(self.ready(Interest::READABLE))
    }
}

impl Transport for UnixStream {
    fn reset(&self) {}

    fn has_ended(&self) -> bool {
        ended(self.ready(Interest::READABLE))
    }
}

/// What is known of a socket now.
fn ended(ready: impl Future<Output = io::Result<Ready>>) -> bool {
    matches!(unconstrained(ready).now_or_never(), Some(Ok(ready)) if ready.is_read_closed())
}
