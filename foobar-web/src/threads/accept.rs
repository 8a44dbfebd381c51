use std::cell::Cell;
use std::io;
use std::os::fd::RawFd;
use std::rc::Rc;
use std::time::Duration;

use foobar_core::{ConnectInfo, Scheme};
use futures_util::FutureExt;
use futures_util::future::join_all;
use rustix::process::{Resource, getrlimit};
use tokio::task::unconstrained;
use tokio::time::Instant;

use super::protocol::{serve_plain, serve_tls};
use super::proxied::serve_proxied;
use crate::counters::TurnedAway;
use crate::error::is_out_of_descriptors;
use crate::net::{Accepted, Acceptor, Socket};
use crate::worker::Worker;

/// The accept loop of one worker.
struct AcceptLoop {
    worker: Rc<Worker>,
    /// How many descriptors this process may have.
    descriptors: u64,
    /// With this many connections few descriptors are left, as far as is known.
    connection_ceiling: Cell<usize>,
}

/// Accepts and serves until `drain` tells the deadline, then finishes by it.
pub(crate) async fn serve_all(worker: Rc<Worker>, acceptors: Vec<Acceptor>, drain: impl Future<Output = Instant>) {
    let ceiling = Cell::new(usize::MAX);
    let accepting = AcceptLoop { worker, descriptors: descriptors(), connection_ceiling: ceiling };
    accepting.run(acceptors, drain).await;
}

impl AcceptLoop {
    async fn run(self, acceptors: Vec<Acceptor>, drain: impl Future<Output = Instant>) {
        let order = async {
            let deadline = drain.await;
            self.worker.connections.begin_drain(self.worker.limits.stream_time, deadline);
            deadline
        };
        let (deadline, _) = tokio::join!(order, join_all(acceptors.iter().map(|acceptor| self.accept(acceptor))));
        // A closed listener resets what waits in its queue, so that is taken first.
        for acceptor in &acceptors {
            // Without a budget, which would end before a long queue does.
            while let Some(Ok((stream, connection))) = unconstrained(acceptor.accept()).now_or_never() {
                self.open(acceptor, stream, connection);
            }
        }
        drop(acceptors);
        self.worker.connections.finish(deadline).await;
    }

    async fn accept(&self, acceptor: &Acceptor) {
        let mut failing = false;
        loop {
            let accepted = tokio::select! {
                accepted = acceptor.accept() => accepted,
                () = self.worker.connections.draining() => return,
            };
            match accepted {
                Ok((stream, connection)) => {
                    failing = false;
                    self.worker.connections.room().await;
                    self.open(acceptor, stream, connection);
                }
                Err(error) if is_transient_accept_error(&error) => {}
                Err(error) => {
                    if !failing {
                        tracing::error!(%error, "cannot accept connections; trying again until it works");
                    }
                    failing = true;
                    if is_out_of_descriptors(&error) {
                        self.worker.connections.evict();
                    }
                    tokio::time::sleep(BACK_OFF).await;
                }
            }
        }
    }

    fn open(&self, acceptor: &Acceptor, stream: Accepted, connection: ConnectInfo) {
        let is_proxied = acceptor.proxy_protocol;
        match stream {
            Accepted::Tcp(stream) => self.admit(stream, connection, is_proxied),
            Accepted::Unix(stream) => self.admit(stream, connection, is_proxied),
        }
    }

    fn admit(&self, stream: impl Socket, connection: ConnectInfo, is_proxied: bool) {
        let clients = &self.worker.pipeline.clients;
        if is_proxied && !clients.is_proxy(connection.remote) {
            let remote = connection.remote.map(tracing::field::display);
            tracing::warn!(remote, "a connection was closed: it is not from a proxy of `web.trusted_proxies`");
            return self.worker.pipeline.counters.turned_away(TurnedAway::UntrustedProxy);
        }
        let Some(place) = clients.admit(connection.remote) else {
            return self.worker.pipeline.counters.turned_away(TurnedAway::AddressLimit);
        };
        self.reserve_descriptors(stream.as_raw_fd());
        let worker = self.worker.clone();
        match connection.scheme {
            _ if is_proxied => self.worker.connections.open(|state| serve_proxied(stream, connection, worker, state)),
            Scheme::Http => self.worker.connections.open(|state| async move {
                let _place = place;
                serve_plain(stream, connection, worker, state).await;
            }),
            Scheme::Https => self.worker.connections.open(|state| async move {
                let _place = place;
                let deadline = Instant::now() + worker.limits.handshake_time;
                serve_tls(stream, connection, worker, state, deadline).await;
            }),
        }
    }

    /// Closes idle connections before files cannot be opened any more. The system gives the lowest descriptor that is
    /// free, so all below it are taken, and a high one says how many connections are too many. One well below that says
    /// nothing of what is free above it: there may be one connection more than was thought.
    fn reserve_descriptors(&self, descriptor: RawFd) {
        let spare = (self.descriptors / 8).min(RESERVED_FDS);
        let most = self.descriptors.saturating_sub(spare);
        let descriptor = u64::try_from(descriptor).unwrap_or(0); // an open one is not negative
        let open = self.worker.connections.count();
        if descriptor >= most {
            let excess = descriptor - most + 1 + spare / 2;
            let excess = usize::try_from(excess).unwrap_or(usize::MAX); // more than there can be
            self.connection_ceiling.set(open.saturating_sub(excess));
        } else if descriptor.saturating_add(spare) < most {
            self.connection_ceiling.set(self.connection_ceiling.get().saturating_add(1));
        }
        if open > self.connection_ceiling.get() {
            self.worker.connections.evict_down_to(self.connection_ceiling.get());
        }
    }
}

/// The pause after a failure that the next connection would share, such as too many open files.
const BACK_OFF: Duration = Duration::from_millis(100);

/// How many descriptors this process may have.
fn descriptors() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX) // no limit
}

/// The descriptors that connections leave to files, or an eighth of all.
const RESERVED_FDS: u64 = 64;

/// Errors that belong to the connection that was to be accepted, which may have ended in the queue.
fn is_transient_accept_error(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, InvalidInput, NotConnected};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | InvalidInput | NotConnected)
}
