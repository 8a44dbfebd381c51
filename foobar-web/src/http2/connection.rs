use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use foobar_core::LocalBoxFuture;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use h2::server::{Builder, SendResponse};
use h2::{Reason, RecvStream};
use http::Request;
use tokio::time::{Instant, timeout};

use super::gather::{Gather, Shared};
use super::stream;
use super::streams::Streams;
use crate::deadline::{DeadlineTimer, Meter};
use crate::limits::Limits;
use crate::net::Transport;
use crate::worker::{ConnectionState, Worker};

/// Serves one HTTP/2 connection to its end. `unread` was read from the stream before.
pub(crate) async fn serve<S: Transport>(
    stream: S,
    unread: BytesMut,
    peer: foobar_core::ConnectInfo,
    worker: Rc<Worker>,
    state: Rc<ConnectionState>,
) {
    stream.enable_keepalive(); // it may be silent for longer than the deadlines allow
    // The task that this becomes is moved several times.
    let mut connection = Box::new(Connection::new(stream, unread, peer, worker, state.clone()));
    let ended = poll_fn(|cx| connection.poll(cx)).await;
    state.set_active(); // not idle any more, whatever follows
    let closed = match ended {
        Ok(()) => connection.close().await,
        Err(error) => Err(error),
    };
    if let Err(error) = closed {
        tracing::debug!(%error, "a connection ended early");
        connection.io.borrow().stream.reset();
    }
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
    opened: Instant,
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
}

/// What is to become of a connection.
enum Order {
    /// It takes nothing new, and ends when what it has is answered.
    Finish,
    /// It ends at once.
    End(Reason),
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
        unread: BytesMut,
        peer: foobar_core::ConnectInfo,
        worker: Rc<Worker>,
        state: Rc<ConnectionState>,
    ) -> Self {
        let now = Instant::now();
        let tls = stream.tls_client();
        let io = Rc::new(RefCell::new(Gather::new(stream, unread, worker.clone())));
        let handshake = settings(&worker.limits).handshake(Shared(io.clone()));
        Self {
            io,
            protocol: Protocol::Handshake(handshake),
            running: FuturesUnordered::new(),
            streams: Rc::new(Streams::new(peer, tls, worker.clone())),
            worker,
            state,
            phase: Phase::Idle { since: now },
            opened: now,
            finishing: None,
            is_ending: false,
            head: None,
            reading: DeadlineTimer::default(),
            sending: Meter::default(),
            writing: DeadlineTimer::default(),
            queued: 0,
            looked: now,
        }
    }

    /// Goes on, until the connection has ended and what was to be said has been sent.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.state.belongs_to(cx);
        self.io.borrow_mut().begin_turn();
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

    /// Lets the streams go on that wait for something.
    fn poll_streams(&mut self, cx: &mut Context<'_>) {
        while let Poll::Ready(Some(())) = self.running.poll_next_unpin(cx) {}
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

    /// A request has come.
    fn begin(&mut self, cx: &mut Context<'_>, request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
        if self.is_full() {
            self.poll_streams(cx); // some may have been reset
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
        self.running.len() >= self.worker.limits.streams as usize
    }

    fn set_active(&mut self) {
        self.phase = Phase::Active;
        self.state.set_active();
    }

    /// Sends what has gathered, and looks whether the client takes it.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut wrote = 0;
        let drained = self.io.borrow_mut().poll_drain(cx, |bytes| wrote += bytes);
        if wrote > 0 {
            self.worker.pipeline.counters.sent(wrote);
            self.queued += wrote as u64;
            self.sending.resume();
        }
        match drained {
            Poll::Ready(drained) => Poll::Ready(drained),
            Poll::Pending => self.poll_stalled(cx),
        }
    }

    /// Gives the client up if it has taken nothing, or too little, for too long.
    fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.sending.waits() {
            self.look();
        }
        let limits = self.worker.limits;
        loop {
            let deadline = self.sending.deadline(limits.send_time, limits.rate);
            ready!(self.writing.poll(cx, deadline.min(self.looked + LOOK)));
            if !self.look() && Instant::now() >= deadline {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
        }
    }

    /// Finds out whether the client has taken anything since the last look.
    fn look(&mut self) -> bool {
        self.looked = Instant::now();
        let left = self.io.borrow().stream.unacknowledged();
        let taken = std::mem::replace(&mut self.queued, left).saturating_sub(left);
        self.sending.moved(taken);
        taken > 0
    }

    /// Ends the connection when it is time, or says that it will end; `true` if there is something to say.
    fn keep_limits(&mut self, cx: &mut Context<'_>) -> bool {
        self.note_activity();
        let Some(order) = self.order(cx) else { return false };
        match (&mut self.protocol, order) {
            (Protocol::Serving(connection), Order::Finish) => {
                self.finishing = Some(Instant::now());
                connection.graceful_shutdown();
            }
            (Protocol::Serving(connection), Order::End(reason)) if !self.is_ending => {
                self.is_ending = true;
                connection.abrupt_shutdown(reason);
            }
            (Protocol::Handshake(_), _) => self.protocol = Protocol::Ended,
            _ => return false,
        }
        true
    }

    /// Whether the connection is idle, for whoever needs its place.
    fn note_activity(&mut self) {
        self.io.borrow_mut().budget.answered(self.streams.take_answered());
        if self.state.is_draining() {
            self.streams.begin_drain();
        }
        let is_in_head = self.io.borrow().meter.is_in_head();
        self.head = is_in_head.then(|| self.head.unwrap_or_else(Instant::now));
        let is_open = match &self.protocol {
            Protocol::Serving(connection) => is_in_head || connection.has_streams() || !self.running.is_empty(),
            Protocol::Handshake(_) | Protocol::Ended => false,
        };
        match self.phase {
            Phase::Active if !is_open => {
                let since = Instant::now();
                self.phase = Phase::Idle { since };
                self.state.set_idle(since);
            }
            Phase::Idle { .. } if is_open => self.set_active(),
            _ => {}
        }
    }

    /// What is to become of the connection now, if not what is.
    fn order(&mut self, cx: &mut Context<'_>) -> Option<Order> {
        let limits = self.worker.limits;
        let is_handshake = matches!(self.protocol, Protocol::Handshake(_));
        if self.io.borrow().is_flooded && !is_handshake {
            return Some(Order::End(Reason::ENHANCE_YOUR_CALM));
        }
        if self.io.borrow().meter.lacks_settings() && !is_handshake {
            return Some(Order::End(Reason::PROTOCOL_ERROR));
        }
        if let Some(since) = self.head.filter(|_| !is_handshake)
            && self.reading.poll(cx, since + limits.head_time).is_ready()
        {
            return Some(Order::End(Reason::NO_ERROR));
        }
        if self.finishing.is_none() && self.is_last() {
            return Some(Order::Finish);
        }
        let Phase::Idle { since } = self.phase else { return None };
        let deadline = match self.finishing {
            _ if self.state.is_evicted() => return Some(Order::End(Reason::NO_ERROR)),
            Some(since) => since + FINISHED,
            None if is_handshake => self.opened + limits.head_time,
            None if self.state.requests() == 0 => since + limits.idle_time.max(limits.head_time),
            None => since + limits.idle_time,
        };
        self.reading.poll(cx, deadline).is_ready().then_some(Order::End(Reason::NO_ERROR))
    }

    /// Whether no further request is to come.
    fn is_last(&self) -> bool {
        let is_short = self.state.requests() > 0 && self.worker.connections.is_short();
        self.state.requests() >= self.worker.limits.requests || self.state.is_draining() || is_short
    }

    /// Whether it has been said for long enough that no further request is to come.
    fn is_over(&self) -> bool {
        self.finishing.is_some_and(|since| since.elapsed() > FINISHED)
    }

    /// Ends the connection so that the client can read the last answers.
    async fn close(&mut self) -> io::Result<()> {
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
        .max_local_error_reset_streams(Some(RESETS))
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME)
        .max_header_list_size(limits.head.bytes.min(LARGEST_HEAD) as u32)
        .max_send_buffer_size(SEND_BUFFER)
        .enable_connect_protocol();
    builder
}

/// Streams that a client may reset before they are looked at, and those that it may have the server reset. h2's own 20 cut
/// off browsers that leave a page while it loads.
const RESETS: usize = 256;
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
/// How long a client that was told of the end may take to say that it knows.
const FINISHED: Duration = Duration::from_secs(1);
/// The time between two looks at what a client does.
const LOOK: Duration = Duration::from_secs(1);
