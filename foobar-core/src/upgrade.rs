use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncWrite};

use crate::BoxFuture;

/// The bytes of a connection, once HTTP has left it.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// The right to take over the connection of a request that asked to switch protocols (RFC 9110 §7.8).
///
/// The web tier puts it into the request's extensions only for a well-formed HTTP/1.1 `GET` with `Connection: upgrade`,
/// an `Upgrade` field and no body; a WebSocket over HTTP/2 (RFC 8441) looks like one too. Whoever takes it answers 101;
/// the connection, or the stream, comes once that answer has been sent.
#[derive(Clone)]
pub struct Upgrade(Arc<Mutex<Option<Pending>>>);

type Pending = BoxFuture<'static, io::Result<Box<dyn Io>>>;

impl Upgrade {
    /// An upgrade that yields the connection when `pending` completes.
    pub fn new(pending: impl Future<Output = io::Result<Box<dyn Io>>> + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Some(Box::pin(pending)))))
    }

    /// The future of the connection; `None` if it was taken before.
    pub fn take(&self) -> Option<BoxFuture<'static, io::Result<Box<dyn Io>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl fmt::Debug for Upgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Upgrade")
    }
}
