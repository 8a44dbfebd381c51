use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use foobar_core::BodyError;
use http::StatusCode;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{Instant, timeout};

use crate::chunked::Chunked;
use crate::counters::Counters;
use crate::deadline::{Alarm, Meter};
use crate::exchange::{Exchange, Refusal, Turn};
use crate::head::{Content, HeadReader, Malformed};
use crate::limits::Limits;
use crate::transport::Transport;
use crate::tunnel::{Grip, Tunnel};

/// The bytes of an HTTP/1 connection on their way to hyper and back.
///
/// It keeps the deadlines of reading and writing, which hyper does not know or does not tell apart, and it lets
/// through one request at a time, after its head has been found well-formed. A head that is refused never reaches
/// hyper, which would answer it in its own way or take it: a harmless one goes in its place, and the request path
/// answers that one with the [`Refusal`] left in the [`Exchange`]. So every answer takes one way out, with its
/// headers, its place in the order of pipelined answers and its line in the access log.
pub(crate) struct Wire<S> {
    stream: S,
    exchange: Rc<Exchange>,
    limits: Limits,
    counters: Arc<Counters>,
    message: Message,
    unread: BytesMut,
    cleared: usize,
    receiving: Meter,
    reading: Alarm,
    sending: Meter,
    writing: Alarm,
    wrote: Instant,
    gone: Option<Instant>,
    opened: Instant,
}

/// What the next byte from the client belongs to.
enum Message {
    /// The head of a request.
    Head(HeadReader),
    /// So many bytes of its content.
    Sized(u64),
    /// The chunks of its content.
    Chunked(Chunked),
    /// Nothing, until the request has been answered.
    Complete,
    /// Nothing any more: the content was not what its head said.
    Broken,
    /// Nothing any more: the head was refused.
    Refused,
}

impl<S: Transport> Wire<S> {
    pub(crate) fn new(stream: S, exchange: Rc<Exchange>, limits: Limits, counters: Arc<Counters>) -> Self {
        Self {
            stream,
            exchange,
            limits,
            counters,
            message: Message::Head(HeadReader::new(limits.head)),
            unread: BytesMut::new(),
            cleared: 0,
            receiving: Meter::default(),
            reading: Alarm::default(),
            sending: Meter::default(),
            writing: Alarm::default(),
            wrote: Instant::now(),
            gone: None,
            opened: Instant::now(),
        }
    }

    /// Drops the connection without pretending that its last answer was complete.
    pub(crate) fn abort(self) {
        self.stream.reset();
    }

    /// Ends the connection so that the client can read the last answer.
    pub(crate) async fn close(mut self) {
        // Closing a socket with unread bytes resets it, and a reset can overtake the answer (RFC 9112 §9.6).
        // What the client still sends resets it too; who makes room for another is not waited for.
        let unread = !self.unread.is_empty() || !matches!(self.message, Message::Head(_) | Message::Complete);
        let lingers = unread || !self.exchange.is_evicted() && self.wrote.elapsed() < LINGER;
        let linger = async {
            self.stream.shutdown().await?;
            let mut discarded = [0; 4096];
            while lingers && self.stream.read(&mut discarded).await? > 0 {}
            io::Result::Ok(())
        };
        if let Ok(Err(error)) = timeout(LINGER, linger).await {
            tracing::trace!(%error, "the client closed first");
        }
    }

    /// The connection itself, for a protocol that HTTP has been left for; `buffered` has been read already.
    pub(crate) fn into_tunnel(self, buffered: &Bytes) -> (Tunnel<S>, Grip) {
        Tunnel::new(self.stream, [&buffered[..], &self.unread[..]].concat().into(), self.limits.send_time)
    }

    /// Looks at bytes that follow those handed on, and says how many of them may be handed on.
    fn clear(&mut self, bytes: &[u8]) -> usize {
        let mut cleared = 0;
        if let Message::Head(reader) = &mut self.message {
            self.exchange.arriving();
            match reader.read(bytes) {
                Ok(None) => return 0,
                Err(reason) => return self.refuse(reason, bytes),
                Ok(Some(head)) => {
                    cleared = head.length;
                    self.begin();
                    self.message = match head.content {
                        Content::Length(length) => Message::Sized(length),
                        Content::Chunked => Message::Chunked(Chunked::new(self.limits.head.bytes)),
                    };
                }
            }
        }
        cleared + self.clear_content(&bytes[cleared..])
    }

    fn clear_content(&mut self, bytes: &[u8]) -> usize {
        let (cleared, done) = match &mut self.message {
            Message::Sized(left) => {
                let cleared = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                *left -= cleared as u64;
                (cleared, *left == 0)
            }
            Message::Chunked(chunks) => match chunks.read(bytes) {
                Ok(cleared) => (cleared, chunks.is_done()),
                Err(_) => {
                    self.message = Message::Broken;
                    return 0;
                }
            },
            _ => return 0,
        };
        self.receiving.moved(cleared);
        if done {
            self.message = Message::Complete;
            self.exchange.completed();
        }
        cleared
    }

    fn begin(&mut self) {
        self.exchange.begin();
        self.receiving = Meter::default();
        self.sending = Meter::default();
    }

    /// Puts a harmless request in the place of a refused one.
    fn refuse(&mut self, reason: Malformed, head: &[u8]) -> usize {
        self.begin();
        self.exchange.refuse(Refusal { reason, head: Bytes::copy_from_slice(&head[..head.len().min(KEPT)]) });
        self.message = Message::Refused;
        let substitute = if head.starts_with(b"HEAD ") { SUBSTITUTE_HEAD } else { SUBSTITUTE_GET };
        self.unread = BytesMut::from(substitute);
        self.cleared = substitute.len();
        0
    }

    /// Hands on what has been cleared; whether there was something.
    fn hand_on(&mut self, buf: &mut ReadBuf<'_>) -> bool {
        if self.cleared == 0 && !self.unread.is_empty() {
            let unread = std::mem::take(&mut self.unread);
            let cleared = self.clear(&unread);
            if !matches!(self.message, Message::Refused) {
                (self.unread, self.cleared) = (unread, cleared);
            }
        }
        let length = self.cleared.min(buf.remaining());
        buf.put_slice(&self.unread[..length]);
        self.unread.advance(length);
        self.cleared -= length;
        length > 0
    }

    /// Reads from the client into `buf`, and keeps there what may be handed on at once, without a copy.
    fn fill(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<Filled>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        let fresh = &buf.filled()[before..];
        if fresh.is_empty() {
            if !matches!(self.message, Message::Complete) {
                return Poll::Ready(Ok(Filled::End));
            }
            self.gone.get_or_insert_with(Instant::now);
            return Poll::Pending;
        }
        self.counters.received(fresh.len());
        let cleared = if self.unread.is_empty() { self.clear(fresh) } else { 0 };
        if !matches!(self.message, Message::Refused) {
            self.unread.extend_from_slice(&fresh[cleared..]);
        }
        buf.set_filled(before + cleared);
        Poll::Ready(Ok(if cleared > 0 { Filled::Some } else { Filled::Nothing }))
    }

    /// Nothing has come: waits for the client, until its time is over.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Filled>> {
        let limits = self.limits;
        let first = self.exchange.requests() == 0;
        match (&self.message, self.exchange.turn()) {
            (Message::Head(_), Turn::Client { since }) => {
                let time = if first { limits.head_time } else { limits.idle_time };
                if !self.exchange.closes_when_idle() {
                    ready!(self.reading.poll(cx, since + time));
                }
                Poll::Ready(Ok(Filled::End))
            }
            (Message::Head(_), Turn::Head { since }) => {
                let since = if first { self.opened } else { since };
                ready!(self.reading.poll(cx, since + limits.head_time));
                let head = std::mem::take(&mut self.unread);
                self.refuse(SLOW_HEAD, &head);
                Poll::Ready(Ok(Filled::Nothing))
            }
            (Message::Sized(_) | Message::Chunked(_), _) => {
                ready!(self.reading.poll(cx, self.receiving.deadline(limits.body_time, limits.rate)));
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, BodyError::TooSlow)))
            }
            _ => self.wait_for_answer(cx),
        }
    }

    /// The request has come whole and is being answered.
    fn wait_for_answer(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Filled>> {
        let limits = self.limits;
        if self.gone.is_none() && !self.unread.is_empty() && self.stream.has_ended() {
            self.gone = Some(Instant::now());
        }
        match self.gone {
            // A client may close its side and still read; one that has gone altogether looks the same.
            Some(since) if !self.exchange.is_replying() => {
                self.reading.poll(cx, since + HALF_CLOSED).map(|()| Ok(Filled::End))
            }
            Some(since) => {
                self.exchange.withhold();
                ready!(self.reading.poll(cx, since.max(self.wrote) + limits.send_time));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
            None => {
                if !self.unread.is_empty() {
                    self.exchange.withhold();
                }
                // hyper does not ask again when the answer has been written: this wakes it for the idle time.
                let look = limits.idle_time.min(limits.send_time).max(PACE);
                self.reading.poll(cx, Instant::now() + look).map(|()| Ok(Filled::Nothing))
            }
        }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            if matches!((&self.message, self.exchange.turn()), (Message::Complete, Turn::Client { .. })) {
                self.message = Message::Head(HeadReader::new(self.limits.head));
            }
            if self.hand_on(buf) {
                return Poll::Ready(Ok(()));
            }
            let mut filled = match self.message {
                Message::Broken => return Poll::Ready(Err(io::ErrorKind::InvalidData.into())),
                Message::Refused => return Poll::Pending,
                Message::Complete if !self.unread.is_empty() => Poll::Pending,
                _ => self.fill(cx, buf),
            };
            if filled.is_pending() {
                filled = self.wait(cx);
            }
            match ready!(filled)? {
                Filled::Nothing => {}
                Filled::Some | Filled::End => return Poll::Ready(Ok(())),
            }
        }
    }

    /// What became of a write: gives the client up if it has taken nothing, or too little, for too long.
    fn sent<T>(&mut self, cx: &mut Context<'_>, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if result.is_pending() {
            ready!(self.writing.poll(cx, self.sending.deadline(self.limits.send_time, self.limits.rate)));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        result
    }

    fn wrote(&mut self, cx: &mut Context<'_>, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = result {
            self.wrote = Instant::now();
            self.sending.moved(bytes);
            self.counters.sent(bytes);
        }
        self.sent(cx, result)
    }
}

/// What a read brought.
enum Filled {
    /// Bytes for hyper.
    Some,
    /// Nothing for hyper yet.
    Nothing,
    /// The end of the stream.
    End,
}

/// How long a connection is read on after its end, so that the client can read the last answer.
const LINGER: Duration = Duration::from_secs(2);
/// How long a handler may still begin its answer to a client that has closed its side of the connection.
const HALF_CLOSED: Duration = Duration::from_secs(1);
/// The least time between two looks whether an answer has been written; without it a short idle time would spin.
const PACE: Duration = Duration::from_millis(100);
/// The bytes of a refused head that are kept for the log.
const KEPT: usize = 8 << 10;
const SLOW_HEAD: Malformed = Malformed(StatusCode::REQUEST_TIMEOUT, "The head of the request arrived too slowly.");
const SUBSTITUTE_GET: &[u8] = b"GET / HTTP/1.1\r\n\r\n";
const SUBSTITUTE_HEAD: &[u8] = b"HEAD / HTTP/1.1\r\n\r\n";

impl<S: Transport> AsyncRead for Wire<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.exchange.belongs_to(cx);
        self.poll_next(cx, buf)
    }
}

impl<S: Transport> AsyncWrite for Wire<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.wrote(cx, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.wrote(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(cx);
        if result.is_ready() {
            self.exchange.flushed(); // hyper flushes once it has written all it had
        }
        self.sent(cx, result)
    }

    /// Left to [`Wire::close`].
    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
