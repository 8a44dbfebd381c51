mod buffers;
mod connections;

use std::cell::Cell;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use foobar_core::Connection;
use futures_util::FutureExt;
use futures_util::future::join_all;
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};
use tokio::task::unconstrained;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::http1::serve;
use crate::net::{Accepted, Acceptor, ClientAddresses, Transport};

use crate::limits::Limits;
use crate::pipeline::Pipeline;

pub(crate) use buffers::Desk;
pub(crate) use connections::Connections;

/// What one worker thread holds.
pub(crate) struct Worker {
    pub(crate) pipeline: Pipeline,
    pub(crate) limits: Limits,
    pub(crate) connections: Rc<Connections>,
    pub(crate) addresses: Arc<ClientAddresses>,
    /// See [`descriptors`].
    pub(crate) descriptors: u64,
    /// With so many connections few descriptors are left, as far as it is known.
    pub(crate) crowd: Cell<usize>,
    pub(crate) clock: Rc<Clock>,
    pub(crate) desk: Desk,
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
        match stream {
            Accepted::Tcp(stream) => self.admit(stream, connection),
            Accepted::Unix(stream) => self.admit(stream, connection),
        }
    }

    fn admit(self: &Rc<Self>, stream: impl Transport + AsRawFd, connection: Connection) {
        let Some(place) = self.addresses.admit(connection.remote) else {
            return self.pipeline.counters.turned_away();
        };
        self.leave_some_to_files(stream.as_raw_fd());
        let worker = self.clone();
        self.connections.open(|exchange| async move {
            let _place = place;
            serve(stream, connection, worker, exchange).await;
        });
    }

    /// Closes idle connections before files cannot be opened any more. The system gives the lowest descriptor that is
    /// free, so all below it are taken, and a high one says how many connections are too many. One well below that says
    /// nothing of what is free above it: there may be one connection more than was thought.
    fn leave_some_to_files(&self, descriptor: RawFd) {
        let spare = (self.descriptors / 8).min(SPARE);
        let most = self.descriptors.saturating_sub(spare);
        let descriptor = u64::try_from(descriptor).unwrap_or(0); // an open one is not negative
        let open = self.connections.count();
        if descriptor >= most {
            let excess = descriptor - most + 1 + spare / 2;
            let excess = usize::try_from(excess).unwrap_or(usize::MAX); // more than there can be
            self.crowd.set(open.saturating_sub(excess));
        } else if descriptor.saturating_add(spare) < most {
            self.crowd.set(self.crowd.get().saturating_add(1));
        }
        if open > self.crowd.get() {
            self.connections.evict_down_to(self.crowd.get());
        }
    }
}

/// The pause after a failure that the next connection would share, such as too many open files.
const BACK_OFF: Duration = Duration::from_millis(100);

/// How many descriptors this process may have.
pub(crate) fn descriptors() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX) // no limit
}

/// The descriptors that connections leave to files, or an eighth of all.
const SPARE: u64 = 64;

/// Whether the process or the machine may open no more files.
fn is_of_descriptors(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}

/// Errors that belong to the connection that was to be accepted, which may have ended in the queue.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, InvalidInput, NotConnected};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | InvalidInput | NotConnected)
}
