mod answering;
mod body;
mod receiving;
mod responding;
mod waiting;

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use foobar_core::LocalBoxFuture;
use http::{Response, StatusCode};
use tokio::time::{Instant, timeout};

use super::early_hints::Hints;
use super::head::{HeadError, HeadReader};
use super::incoming_content::IncomingContent;
use super::outgoing::{Close, Outgoing};
use super::request_head::Received;
use crate::deadline::{DeadlineTimer, HalfClosed, Meter};
use crate::net::{TlsClient, Transport};
use crate::pipeline::Logged;
use crate::tunnel::{Taker, Tunnel};
use crate::worker::{Beginning, ConnectionState, FastPath, Worker};

/// Serves one HTTP/1 connection to its end.
///
/// The stream may be anything that carries bytes: a socket, or TLS over one.
pub(crate) async fn serve<S: Transport>(
    stream: S,
    beginning: Beginning,
    peer: foobar_core::ConnectInfo,
    worker: Rc<Worker>,
    state: Rc<ConnectionState>,
) {
    // The task that this becomes is moved several times.
    let mut connection = Box::new(Connection::new(stream, peer, worker, state));
    (connection.unread, connection.opened) = (beginning.unread, beginning.since);
    connection.serve().await;
}

/// Answers a client that speaks HTTP without TLS where TLS is spoken, in words, and ends the connection; `head` is what has
/// come of its request.
pub(crate) async fn refuse_plain<S: Transport>(
    stream: S,
    head: &[u8],
    peer: foobar_core::ConnectInfo,
    worker: Rc<Worker>,
    state: Rc<ConnectionState>,
) {
    let mut connection = Box::new(Connection::new(stream, peer, worker, state));
    connection.refuse(PLAIN_HTTP, head);
    connection.serve().await;
}

const PLAIN_HTTP: HeadError =
    HeadError(StatusCode::BAD_REQUEST, "The plain HTTP request was sent to HTTPS port: ask again with https://.");

/// One HTTP/1 connection, from its bytes to requests and back.
///
/// It takes one request at a time. One whose response is ready is answered by the [`FastPath`]; any other goes to the
/// [pipeline](crate::pipeline), made from the same parse.
pub(super) struct Connection<S> {
    stream: S,
    peer: foobar_core::ConnectInfo,
    /// What its TLS handshake said of the client.
    tls: Option<TlsClient>,
    worker: Rc<Worker>,
    state: Rc<ConnectionState>,
    /// The client's address for the log.
    remote: Option<Rc<str>>,
    fast_path: FastPath,
    phase: Phase,
    /// The head that has begun to come.
    reader: Option<Box<HeadReader>>,
    received: Option<Box<Received>>,
    /// What is still to come of the request in hand.
    content: Option<Box<IncomingContent>>,
    /// What came was not HTTP: nothing more is read.
    is_broken: bool,
    /// What has been read and belongs to nothing yet.
    unread: BytesMut,
    /// What the client has not taken yet of an answer of the fast path.
    outgoing: Option<Box<Outgoing>>,
    close: Option<Close>,
    receiving: Meter,
    reading: DeadlineTimer,
    sending: Meter,
    writing: DeadlineTimer,
    wrote: Instant,
    /// What the client had not taken when that was last [looked at](Self::look), and what was written since.
    queued: u64,
    looked: Instant,
    /// What was written in this turn, whether the task was polled once or more often for it.
    sent_this_turn: usize,
    /// Once the client has closed its side.
    half_closed: Option<HalfClosed>,
    /// How much of the answer has been sent [early](Self::begin_early).
    begun: usize,
    /// How long a client that has closed its side may take nothing of the answer.
    patience: Duration,
    probed: bool,
    /// Since when the first request is waited for.
    opened: Instant,
}

/// What the connection is doing.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// It waits for a request, since it was accepted or the last response was sent.
    Idle { since: Instant },
    /// The head of a request has begun to come.
    ReadingHead { since: Instant },
    /// A request, whose first byte came then, has no response yet.
    Handling { since: Instant },
    /// Its response is being sent.
    Responding,
}

/// How a connection ends.
enum End {
    Close,
    /// It is for whoever answered 101.
    Upgrade(Taker),
}

impl<S: Transport> Connection<S> {
    fn new(stream: S, peer: foobar_core::ConnectInfo, worker: Rc<Worker>, state: Rc<ConnectionState>) -> Self {
        let now = Instant::now();
        let tls = stream.tls_client();
        Self {
            stream,
            peer,
            remote: logged(&worker, &peer),
            fast_path: FastPath::new(&worker, &peer, tls.as_ref()),
            tls,
            worker,
            state,
            phase: Phase::Idle { since: now },
            reader: None,
            received: None,
            content: None,
            is_broken: false,
            unread: BytesMut::new(),
            outgoing: None,
            close: None,
            receiving: Meter::default(),
            reading: DeadlineTimer::default(),
            sending: Meter::default(),
            writing: DeadlineTimer::default(),
            wrote: now,
            queued: 0,
            looked: now,
            sent_this_turn: 0,
            half_closed: None,
            begun: 0,
            patience: Duration::ZERO,
            probed: false,
            opened: now,
        }
    }

    /// The next request goes by the configuration in use, whatever the one before went by.
    fn follow_configuration(&mut self) {
        if let Some(worker) = self.worker.replacement(&mut self.tls) {
            self.fast_path = FastPath::new(&worker, &self.peer, self.tls.as_ref());
            self.remote = logged(&worker, &self.peer);
            self.worker = worker;
        }
    }

    async fn serve(mut self: Box<Self>) {
        let ended = self.run().await;
        self.state.set_active(); // not idle any more, whatever follows
        match ended {
            Ok(End::Close) => self.close().await,
            Ok(End::Upgrade(taker)) => self.into_tunnel(taker).await,
            Err(error) => {
                tracing::debug!(%error, "a connection ended early");
                self.stream.reset(); // nobody may take the last response for a complete one
            }
        }
    }

    /// Reads a request, answers it, and goes on or ends.
    async fn run(&mut self) -> io::Result<End> {
        while let Some(received) = poll_fn(|cx| self.poll_request(cx)).await? {
            // An idle connection has no room for it.
            if let Some(taker) = Box::pin(self.exchange(received)).await? {
                return Ok(End::Upgrade(taker));
            }
        }
        Ok(End::Close)
    }

    /// Answers a request that the fast path could not, by the pipeline; gives who is to get the connection, if it was
    /// answered with 101.
    async fn exchange(&mut self, received: Box<Received>) -> io::Result<Option<Taker>> {
        if !std::mem::replace(&mut self.probed, true) {
            self.stream.enable_keepalive(); // it may be silent for longer than the deadlines allow, as a handler takes its time
        }
        let (mut facts, mut answer) = self.ask(*received);
        match poll_fn(|cx| self.poll_answer(cx, &mut answer, &mut facts.hints)).await {
            Ok(response) => {
                let response = self.prepare(response, facts);
                self.respond(response).await
            }
            Err(gone) => {
                if facts.abort.runs_to_end() {
                    facts.hints = None; // nobody takes them
                    self.run_to_end(answer).await;
                }
                Err(gone)
            }
        }
    }

    /// Runs the handler, sends the hints that it gives, and reads meanwhile what it wants of the body; an error if the client
    /// goes.
    fn poll_answer(
        &mut self,
        cx: &mut Context<'_>,
        answer: &mut LocalBoxFuture<'static, Response<Logged>>,
        hints: &mut Option<Hints>,
    ) -> Poll<io::Result<Response<Logged>>> {
        loop {
            if let Poll::Ready(response) = answer.as_mut().poll(cx) {
                return Poll::Ready(Ok(response));
            }
            if let Some(hints) = hints {
                ready!(self.poll_hints(cx, hints))?;
            }
            match ready!(self.poll_client(cx))? {
                Client::Sent => {}
                Client::HalfClosed => {
                    *hints = None; // they would come behind the beginning of the answer
                    self.begin_early(cx)?;
                }
                Client::Gone => return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
            }
        }
    }

    /// Lets a handler go on whose client has gone: it gets no more content, and nobody its answer.
    async fn run_to_end(&mut self, answer: LocalBoxFuture<'static, Response<Logged>>) {
        if let Some(content) = self.content.take() {
            content.feed.end(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        drop(answer.await);
    }

    /// Ends the connection so that the client can read the last answer.
    async fn close(&mut self) {
        // Closing a socket with unread bytes resets it, and a reset can overtake the answer (RFC 9112 §9.6).
        // What the client still sends resets it too; who makes room for another is not waited for.
        let unread = !self.unread.is_empty() || self.is_broken || self.content.is_some();
        poll_fn(|cx| self.stream.poll_part(cx)).await;
        let may_send = unread || self.close != Some(Close::ByClient);
        if may_send && !self.state.is_evicted() && self.wrote.elapsed() < LINGER {
            let lingered = Box::pin(timeout(LINGER, self.linger())).await; // few connections need the room for it
            if let Ok(Err(error)) = lingered {
                tracing::trace!(%error, "the client closed first");
            }
        }
    }

    /// Closes this side, and reads on until the client closes the other.
    async fn linger(&mut self) -> io::Result<()> {
        poll_fn(|cx| Pin::new(&mut self.stream).poll_shutdown(cx)).await?;
        let worker = Rc::clone(&self.worker);
        let mut discard = |cx: &mut Context<'_>| worker.buffers.with_input(|input| self.stream.poll_receive(cx, input));
        while poll_fn(&mut discard).await? > 0 {}
        Ok(())
    }

    /// Gives the connection to whoever answered 101, and waits until it has been dropped there.
    async fn into_tunnel(self: Box<Self>, taker: Taker) {
        let Self { stream, unread, worker, state, .. } = *self;
        let (tunnel, grip) = Tunnel::new(stream, unread.freeze(), worker.limits.send_time);
        drop(worker); // a tunnel may be there for days, and the configuration may change meanwhile
        let draining = poll_fn(|_| state.drain().map_or(Poll::Pending, |drain| Poll::Ready(drain.end_of_streams())));
        if taker.send(Box::new(tunnel)).is_ok() {
            grip.closed(draining).await;
        }
    }
}

/// The client's address, where it is logged.
fn logged(worker: &Worker, peer: &foobar_core::ConnectInfo) -> Option<Rc<str>> {
    let remote = peer.remote.filter(|_| worker.pipeline.log.is_on());
    remote.map(|remote| remote.ip().to_string().into())
}

/// What a client did while its request was being answered.
enum Client {
    /// It sent a part of the body.
    Sent,
    /// It has closed its side: it may still read, or have gone.
    HalfClosed,
    /// It closed the connection, or may as well have.
    Gone,
}

/// How long a connection is read on after its end, so that the client can read the last answer.
const LINGER: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests;
