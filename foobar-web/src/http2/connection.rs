mod leaving;
mod limits;
mod sending;

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use foobar_core::LocalBoxFuture;
use futures_util::StreamExt;
use futures_util::future::join;
use futures_util::stream::FuturesUnordered;
use h2::server::{Builder, SendResponse};
use h2::{Reason, RecvStream};
use http::Request;
use tokio::task::unconstrained;
use tokio::time::{Instant, timeout};

use super::gather::{Gather, Shared};
use super::stream;
use super::streams::Streams;
use crate::deadline::{DeadlineTimer, Meter};
use crate::limits::Limits;
use crate::net::Transport;
use crate::worker::{Beginning, ConnectionState, Worker};

/// Serves one HTTP/2 connection to its end.
pub(crate) async fn serve<S: Transport>(
    stream: S,
    beginning: Beginning,
    peer: foobar_core::ConnectInfo,
    worker: Rc<Worker>,
    state: Rc<ConnectionState>,
) {
    stream.enable_keepalive(); // it may be silent for longer than the deadlines allow
    // The task that this becomes is moved several times.
    let mut connection = Box::new(Connection::new(stream, beginning, peer, worker, state.clone()));
    let ended = poll_fn(|cx| connection.poll(cx)).await;
    state.set_active(); // not idle any more, whatever follows
    let running = connection.leave();
    join(connection.close(ended), running.collect::<()>()).await;
}

/// One HTTP/2 connection.
struct Connection<S> {
    io: Rc<RefCell<Gather<S>>>,
    protocol: Protocol<S>,
    /// Those that wait for something.
    running: FuturesUnordered<LocalBoxFuture<'static, ()>>,
    streams: Rc<Streams>,
    worker: Rc<Worker>,
    state: Rc<ConnectionState>,
    phase: Phase,
    /// Since when its preface is waited for.
    opened: Instant,
    /// The most streams, as the client was told when it was opened.
    most: usize,
    /// When the client was told that no further request is to come.
    finishing: Option<Instant>,
    /// It was told that this is the end.
    is_ending: bool,
    /// When the head that is under way began.
    head: Option<Instant>,
    reading: DeadlineTimer,
    sending: Meter,
    writing: DeadlineTimer,
    /// What the client had not taken when that was last looked at, and what was written since.
    queued: u64,
    looked: Instant,
    /// When a client that has closed its side is looked at.
    leaving: DeadlineTimer,
    /// What all streams had sent when it was looked at last, and since when.
    moved: (u64, Instant),
}

/// How far HTTP/2 has come.
enum Protocol<S> {
    Handshake(h2::server::Handshake<Shared<S>, Bytes>),
    Serving(h2::server::Connection<Shared<S>, Bytes>),
    Ended,
}

/// What the connection is doing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// No stream is open.
    Idle {
        since: Instant,
    },
    Active,
}

impl<S: Transport> Connection<S> {
    fn new(
        stream: S,
        beginning: Beginning,
        peer: foobar_core::ConnectInfo,
        worker: Rc<Worker>,
        state: Rc<ConnectionState>,
    ) -> Self {
        let now = Instant::now();
        let tls = stream.tls_client();
        let io = Rc::new(RefCell::new(Gather::new(stream, beginning.unread, worker.clone())));
        let handshake = settings(&worker.limits).handshake(Shared(io.clone()));
        let most = worker.limits.streams as usize;
        Self {
            io,
            protocol: Protocol::Handshake(handshake),
            running: FuturesUnordered::new(),
            streams: Rc::new(Streams::new(peer, tls, worker.clone())),
            worker,
            state,
            phase: Phase::Idle { since: now },
            opened: beginning.since,
            most,
            finishing: None,
            is_ending: false,
            head: None,
            reading: DeadlineTimer::default(),
            sending: Meter::default(),
            writing: DeadlineTimer::default(),
            queued: 0,
            looked: now,
            leaving: DeadlineTimer::default(),
            moved: (0, now),
        }
    }

    /// Goes on, until the connection has ended and what was to be said has been sent.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.state.belongs_to(cx);
        self.follow_configuration();
        self.streams.order.begin_turn(self.io.borrow_mut().begin_turn());
        if self.state.drain().is_some_and(|drain| self.streams.begin_drain(drain)) {
            self.wake_streams();
        }
        loop {
            self.poll_streams(cx);
            let begun = self.running.len();
            if let Poll::Ready(()) = self.poll_protocol(cx) {
                self.protocol = Protocol::Ended;
            }
            let is_told = self.keep_limits(cx);
            if self.running.len() == begun && !is_told {
                break; // nothing was begun that waits, and nothing is to be said
            }
        }
        let drained = self.poll_drain(cx)?;
        if let Protocol::Ended = self.protocol {
            return drained.map(Ok);
        }
        Poll::Pending
    }

    /// What comes next goes by the configuration in use.
    fn follow_configuration(&mut self) {
        if let Some(worker) = self.streams.follow_configuration() {
            self.io.borrow_mut().worker = Rc::clone(&worker);
            self.worker = worker;
        }
    }

    /// Lets the streams go on that wait for something, those that wait for each other in their order.
    fn poll_streams(&mut self, cx: &mut Context<'_>) {
        loop {
            while let Poll::Ready(Some(())) = self.running.poll_next_unpin(cx) {}
            if !self.streams.order.wake_next() {
                break;
            }
        }
    }

    /// Lets HTTP/2 go on, and begins what it brings; ready at its end.
    fn poll_protocol(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let accepted = match &mut self.protocol {
                Protocol::Handshake(handshake) => match ready!(Pin::new(handshake).poll(cx)) {
                    Ok(connection) => {
                        self.protocol = Protocol::Serving(connection);
                        continue;
                    }
                    Err(error) => Some(Err(error)),
                },
                Protocol::Serving(connection) => ready!(connection.poll_accept(cx)),
                Protocol::Ended => return Poll::Ready(()),
            };
            match accepted {
                Some(Ok((request, respond))) => self.begin(cx, request, respond),
                Some(Err(error)) => {
                    tracing::debug!(%error, "an HTTP/2 connection failed");
                    return Poll::Ready(());
                }
                None => return Poll::Ready(()),
            }
        }
    }

    /// The same for each of them, also where the task has used up its budget: then those at the end of the queue would not
    /// be looked at.
    fn poll_all_streams(&mut self, cx: &mut Context<'_>) {
        let all = unconstrained(poll_fn(|cx| {
            self.poll_streams(cx);
            Poll::Ready(())
        }));
        _ = pin!(all).poll(cx); // it is ready
    }

    /// A request has come.
    fn begin(&mut self, cx: &mut Context<'_>, request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
        if self.is_full() {
            self.poll_all_streams(cx); // some may have been reset
        }
        if self.is_full() || self.is_over() {
            return respond.send_reset(Reason::REFUSED_STREAM);
        }
        self.set_active();
        self.state.count_request();
        if let Some(stream) = stream::begin(&self.streams, request, respond) {
            self.running.push(stream);
        }
    }

    /// Whether as many requests are in hand as may be.
    fn is_full(&self) -> bool {
        self.running.len() >= self.most
    }

    fn set_active(&mut self) {
        self.phase = Phase::Active;
        self.state.set_active();
    }

    /// Has all streams look at what has happened.
    fn wake_streams(&mut self) {
        self.running = std::mem::take(&mut self.running).into_iter().collect();
    }

    /// HTTP/2 has ended: gives the streams, of which some have handlers that run to their end.
    fn leave(&mut self) -> FuturesUnordered<LocalBoxFuture<'static, ()>> {
        self.protocol = Protocol::Ended;
        self.wake_streams();
        std::mem::take(&mut self.running)
    }

    async fn close(self: Box<Self>, ended: io::Result<()>) {
        let closed = match ended {
            Ok(()) => self.say_goodbye().await,
            Err(error) => Err(error),
        };
        if let Err(error) = closed {
            tracing::debug!(%error, "a connection ended early");
            self.io.borrow().stream.reset();
        }
    }

    /// Ends the connection so that the client can read the last answers.
    async fn say_goodbye(&self) -> io::Result<()> {
        let io = Rc::clone(&self.io);
        poll_fn(|cx| io.borrow_mut().stream.poll_part(cx)).await;
        if self.state.is_evicted() {
            return Ok(());
        }
        let lingered = Box::pin(timeout(LINGER, self.linger())).await; // few connections need the room for it
        if let Ok(Err(error)) = lingered {
            tracing::trace!(%error, "the client closed first");
        }
        Ok(())
    }

    /// Closes this side, and reads on until the client closes the other.
    async fn linger(&self) -> io::Result<()> {
        poll_fn(|cx| Pin::new(&mut self.io.borrow_mut().stream).poll_shutdown(cx)).await?;
        let buffers = &self.worker.buffers;
        let mut discard =
            |cx: &mut Context<'_>| buffers.with_input(|input| self.io.borrow_mut().stream.poll_receive(cx, input));
        while poll_fn(&mut discard).await? > 0 {}
        Ok(())
    }
}

fn settings(limits: &Limits) -> Builder {
    let mut builder = Builder::new();
    builder
        .max_concurrent_streams(limits.streams)
        .max_pending_accept_reset_streams(RESETS)
        .max_local_error_reset_streams(Some(REFUSALS))
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME)
        .max_header_list_size(limits.head.bytes.min(LARGEST_HEAD) as u32)
        .max_send_buffer_size(SEND_BUFFER)
        .enable_connect_protocol();
    builder
}

/// Streams that a client may reset before they are looked at. h2's own 20 cut off browsers that leave a page while it loads.
const RESETS: usize = 256;
/// Those that it may have the server reset: h2's own number. What such a browser opens beyond the most streams, while the
/// cancelled ones have not been looked at yet, is refused and counts here.
const REFUSALS: usize = 1024;
/// What a client may send of one request before somebody reads it.
const STREAM_WINDOW: u32 = 64 << 10;
/// And of all.
const CONNECTION_WINDOW: u32 = 1 << 20;
const FRAME: u32 = 16 << 10;
/// What a head may take with h2, which holds it decoded.
const LARGEST_HEAD: usize = 16 << 10;
/// What waits in h2 of one answer.
const SEND_BUFFER: usize = 64 << 10;
/// How long a connection is read on after its end, so that the client can read the last answer.
const LINGER: Duration = Duration::from_secs(2);
