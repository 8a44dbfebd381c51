use std::io;
use std::rc::Rc;
use std::time::Duration;

use foobar_core::Connection;
use futures_util::FutureExt;
use futures_util::future::join_all;
use rustix::io::Errno;
use tokio::task::unconstrained;
use tokio::time::Instant;

use crate::connection::serve;
use crate::connections::Connections;
use crate::limits::Limits;
use crate::listener::{Accepted, Acceptor};
use crate::pipeline::Pipeline;

/// What one worker thread holds.
pub(crate) struct Worker {
    pub(crate) pipeline: Pipeline,
    pub(crate) limits: Limits,
    pub(crate) connections: Rc<Connections>,
}

impl Worker {
    /// Accepts and serves until `drain` tells the deadline, then finishes by it.
    pub(crate) async fn serve_all(self: Rc<Self>, acceptors: Vec<Acceptor>, drain: impl Future<Output = Instant>) {
        let order = async {
            let deadline = drain.await;
            self.connections.begin_drain();
            deadline
        };
        let (deadline, _) = tokio::join!(order, join_all(acceptors.iter().map(|acceptor| self.accept(acceptor))));
        // A closed listener resets what waits in its queue, so that is taken first.
        for acceptor in &acceptors {
            // Without a budget, which would end before a long queue does.
            while let Some(Ok((stream, connection))) = unconstrained(acceptor.accept()).now_or_never() {
                self.open(stream, connection);
            }
        }
        drop(acceptors);
        self.connections.finish(deadline).await;
    }

    async fn accept(self: &Rc<Self>, acceptor: &Acceptor) {
        let mut failing = false;
        loop {
            let accepted = tokio::select! {
                accepted = acceptor.accept() => accepted,
                () = self.connections.draining() => return,
            };
            match accepted {
                Ok((stream, connection)) => {
                    failing = false;
                    self.connections.room().await;
                    self.open(stream, connection);
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    if !failing {
                        tracing::error!(%error, "cannot accept connections; trying again until it works");
                    }
                    failing = true;
                    if is_of_descriptors(&error) {
                        self.connections.evict();
                    }
                    tokio::time::sleep(BACK_OFF).await;
                }
            }
        }
    }

    fn open(self: &Rc<Self>, stream: Accepted, connection: Connection) {
        let worker = self.clone();
        match stream {
            Accepted::Tcp(stream) => self.connections.open(|exchange| serve(stream, connection, worker, exchange)),
            Accepted::Unix(stream) => self.connections.open(|exchange| serve(stream, connection, worker, exchange)),
        }
    }
}

/// The pause after a failure that the next connection would share, such as too many open files.
const BACK_OFF: Duration = Duration::from_millis(100);

/// Whether the process or the machine may open no more files.
fn is_of_descriptors(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}

/// Errors that belong to the connection that was to be accepted, which may have ended in the queue.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, InvalidInput, NotConnected};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | InvalidInput | NotConnected)
}
