use std::cell::Cell;
use std::future::pending;
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

use super::orders::{Order, Orders, Reload};
use super::protocol::{serve_plain, serve_tls};
use super::proxied::serve_proxied;
use super::worker_thread::replace;
use crate::counters::TurnedAway;
use crate::error::is_out_of_descriptors;
use crate::net::{Accepted, Acceptor, Socket, Turn};
use crate::worker::Worker;

/// The accept loop of one worker.
struct AcceptLoop {
    worker: Rc<Worker>,
    /// How many descriptors this process may have.
    descriptors: u64,
    /// With this many connections few descriptors are left, as far as is known.
    connection_ceiling: Cell<usize>,
}

/// A socket that is listened on, and the connection that has been accepted there and waits for its turn.
struct Listening {
    acceptor: Acceptor,
    waiting: Cell<Option<(Accepted, ConnectInfo)>>,
}

/// Accepts and serves as it is ordered, until a drain begins; then finishes by its deadline.
pub(crate) async fn serve_all(worker: Rc<Worker>, acceptors: Vec<Acceptor>, orders: Orders) {
    let ceiling = Cell::new(usize::MAX);
    let accepting = AcceptLoop { worker, descriptors: descriptors(), connection_ceiling: ceiling };
    accepting.run(acceptors.into_iter().map(Listening::new).collect(), orders).await;
}

impl Listening {
    const fn new(acceptor: Acceptor) -> Self {
        Self { acceptor, waiting: Cell::new(None) }
    }
}

impl AcceptLoop {
    async fn run(mut self, mut listening: Vec<Listening>, mut orders: Orders) {
        let deadline = loop {
            let is_turn = orders.turn() == Turn::Now;
            let order = tokio::select! {
                biased;
                order = orders.next() => order,
                () = self.accept_all(&listening), if is_turn => continue, // it never ends
            };
            match order {
                Order::Turn if orders.turn() == Turn::Over => listening.iter().for_each(|one| self.empty(one)),
                Order::Turn => {}
                Order::Reload(reload) => listening = self.reload(*reload, &listening),
                Order::Drain(deadline) => break deadline,
            }
        };
        self.worker.connections.begin_drain(self.worker.limits.stream_time, deadline);
        if orders.turn() == Turn::Now {
            listening.iter().for_each(|one| self.empty(one));
        }
        drop(listening);
        self.worker.connections.finish(deadline).await;
    }

    /// Goes by another configuration. What has come to a socket before it is closed is still served.
    fn reload(&mut self, reload: Reload, listening: &[Listening]) -> Vec<Listening> {
        let Reload { plan, lines, acceptors, done } = reload;
        listening.iter().for_each(|one| self.open_waiting(one));
        let is_kept = |one: &&Listening| acceptors.iter().any(|acceptor| acceptor.id == one.acceptor.id);
        listening.iter().filter(|one| !is_kept(one)).for_each(|one| self.empty(one));
        self.worker = replace(&self.worker, &plan, lines);
        _ = done.send(()); // whoever waited for it has given up
        acceptors.into_iter().map(Listening::new).collect()
    }

    /// Serves what has come to a socket that is about to be closed, which would reset it.
    fn empty(&self, listening: &Listening) {
        self.open_waiting(listening);
        // Without a budget, which would end before a long queue does.
        while let Some(Ok((stream, connection))) = unconstrained(listening.acceptor.accept()).now_or_never() {
            self.open(&listening.acceptor, stream, connection);
        }
    }

    fn open_waiting(&self, listening: &Listening) {
        if let Some((stream, connection)) = listening.waiting.take() {
            self.open(&listening.acceptor, stream, connection);
        }
    }

    async fn accept_all(&self, listening: &[Listening]) {
        join_all(listening.iter().map(|one| self.accept(one))).await;
        pending().await
    }

    async fn accept(&self, listening: &Listening) {
        let mut failing = false;
        loop {
            match listening.acceptor.accept().await {
                Ok(accepted) => {
                    failing = false;
                    listening.waiting.set(Some(accepted));
                    self.worker.connections.room().await;
                    self.open_waiting(listening);
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
