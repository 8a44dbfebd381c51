mod answering;
mod waiting;

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use foobar_core::Connection;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{Instant, timeout};

use super::chunked::Chunked;
use super::deadline::{Alarm, Meter};
use super::exchange::{Exchange, Phase};
use super::fast_path::Front;
use super::head::{Content, HeadReader, Malformed};
use super::outgoing::{End, Outgoing, TURN};
use super::refused_head::refusal;
use super::tunnel::{Grip, Tunnel};
use crate::net::Transport;
use crate::worker::Worker;

/// The bytes of an HTTP/1 connection: what it can answer itself it does, the rest is on its way to hyper and back.
///
/// It keeps the deadlines of reading and writing, which hyper does not know or does not tell apart, and it takes one
/// request at a time. One whose answer is at hand is answered by the [`Front`]. Any other is let through to hyper,
/// after its head has been found well-formed. A head that is refused never reaches hyper, which would answer it in its
/// own way or take it: a harmless one goes in its place, and the request path answers that one with the [`Refusal`](crate::pipeline::Refusal)
/// left in the [`Exchange`]. So every answer has its headers, its place in the order of pipelined answers and its line
/// in the access log.
pub(crate) struct Wire<S> {
    stream: S,
    worker: Rc<Worker>,
    exchange: Rc<Exchange>,
    remote: Option<Rc<str>>,
    front: Front,
    outgoing: Option<Box<Outgoing>>,
    end: Option<End>,
    message: Message,
    unread: BytesMut,
    cleared: usize,
    receiving: Meter,
    reading: Alarm,
    sending: Meter,
    writing: Alarm,
    wrote: Instant,
    /// What the client had not taken when that was last [looked at](Wire::look), and what was written since.
    queued: u64,
    looked: Instant,
    /// What was written in this turn.
    spent: usize,
    gone: Option<Instant>,
    opened: Instant,
}

/// What the next byte from the client belongs to.
enum Message {
    /// The head of a request, part of which may have been read.
    Head(Option<Box<HeadReader>>),
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

/// What follows on a connection.
pub(crate) enum Next {
    /// A request for hyper, or a part of one.
    Request,
    /// Nothing.
    End,
}

impl<S: Transport> Wire<S> {
    pub(crate) fn new(stream: S, connection: Connection, worker: Rc<Worker>, exchange: Rc<Exchange>) -> Self {
        let logged = connection.remote.filter(|_| worker.pipeline.log.is_on());
        let now = Instant::now();
        Self {
            stream,
            exchange,
            remote: logged.map(|remote| remote.ip().to_string().into()),
            front: Front::default(),
            outgoing: None,
            end: None,
            message: Message::Head(None),
            worker,
            unread: BytesMut::new(),
            cleared: 0,
            receiving: Meter::default(),
            reading: Alarm::default(),
            sending: Meter::default(),
            writing: Alarm::default(),
            wrote: now,
            queued: 0,
            looked: now,
            spent: 0,
            gone: None,
            opened: now,
        }
    }

    /// Drops the connection without pretending that its last answer was complete.
    pub(crate) fn abort(&self) {
        self.stream.reset();
    }

    /// Ends the connection so that the client can read the last answer.
    pub(crate) async fn close(&mut self) {
        // Closing a socket with unread bytes resets it, and a reset can overtake the answer (RFC 9112 §9.6).
        // What the client still sends resets it too; who makes room for another is not waited for.
        let unread = !self.unread.is_empty() || !matches!(self.message, Message::Head(_) | Message::Complete);
        let may_send = unread || self.end != Some(End::Asked);
        if may_send && !self.exchange.connection.is_evicted() && self.wrote.elapsed() < LINGER {
            let lingered = Box::pin(timeout(LINGER, self.linger())).await; // few connections need the room for it
            if let Ok(Err(error)) = lingered {
                tracing::trace!(%error, "the client closed first");
            }
        }
    }

    /// Closes this side, and reads on until the client closes the other.
    async fn linger(&mut self) -> io::Result<()> {
        self.stream.shutdown().await?;
        let worker = Rc::clone(&self.worker);
        let mut discard = |cx: &mut Context<'_>| worker.desk.with_input(|input| self.stream.poll_receive(cx, input));
        while poll_fn(&mut discard).await? > 0 {}
        Ok(())
    }

    /// The connection itself, for a protocol that HTTP has been left for; `buffered` has been read already.
    pub(crate) fn into_tunnel(self, buffered: &Bytes) -> (Tunnel<S>, Grip) {
        let unread = [&buffered[..], &self.unread[..]].concat();
        Tunnel::new(self.stream, unread.into(), self.worker.limits.send_time)
    }

    /// The connection may be silent for longer than the deadlines allow, as a handler takes its time.
    pub(crate) fn probe(&self) {
        self.stream.probe();
    }

    /// Answers what it can, until something is for hyper or nothing follows.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Next>> {
        self.exchange.connection.belongs_to(cx);
        self.spent = 0;
        loop {
            ready!(self.poll_outgoing(cx))?;
            if self.end.is_some() {
                return Poll::Ready(Ok(Next::End));
            }
            if matches!((&self.message, self.exchange.phase()), (Message::Complete, Phase::Idle)) {
                self.message = Message::Head(None);
            }
            if self.cleared == 0 && !self.unread.is_empty() {
                self.take_unread(cx)?;
            }
            if self.cleared > 0 {
                return Poll::Ready(Ok(Next::Request));
            }
            if self.takes_more() && !ready!(self.poll_more(cx))? {
                return Poll::Ready(Ok(Next::End));
            }
        }
    }

    /// Whether it can turn to what comes next: no answer is under way, and its turn is not over.
    fn takes_more(&self) -> bool {
        self.outgoing.is_none() && self.end.is_none() && self.spent < TURN
    }

    /// Waits for more bytes and takes them; `false` at the end of the stream.
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let filled = match self.message {
            Message::Broken => return Poll::Ready(Err(io::ErrorKind::InvalidData.into())),
            Message::Refused => return Poll::Pending,
            Message::Complete if !self.unread.is_empty() => Poll::Pending,
            _ => self.fill(cx),
        };
        match filled {
            Poll::Ready(filled) => Poll::Ready(filled),
            Poll::Pending => self.wait(cx),
        }
    }

    /// Reads what has come and takes it; `false` at the end of the stream, unless a request is being answered.
    fn fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let worker = Rc::clone(&self.worker);
        worker.desk.with_input(|input| {
            let length = ready!(self.stream.poll_receive(cx, input))?;
            let fresh = &input[..length];
            if fresh.is_empty() && matches!(self.message, Message::Complete) {
                self.gone.get_or_insert_with(Instant::now);
                return Poll::Pending;
            }
            worker.pipeline.counters.received(fresh.len());
            if self.unread.is_empty() {
                let taken = self.take(cx, fresh)?;
                if !matches!(self.message, Message::Refused) {
                    self.unread.extend_from_slice(&fresh[taken..]);
                }
            } else {
                self.unread.extend_from_slice(fresh);
            }
            Poll::Ready(Ok(!fresh.is_empty()))
        })
    }

    fn take_unread(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let mut unread = std::mem::take(&mut self.unread);
        let taken = self.take(cx, &unread)?;
        if !matches!(self.message, Message::Refused) {
            unread.advance(taken);
            self.keep(unread);
        }
        Ok(())
    }

    /// Keeps what has not been taken, behind a head in the place of one; without any, not even the memory.
    fn keep(&mut self, unread: BytesMut) {
        if !unread.is_empty() {
            self.unread.unsplit(unread);
        }
    }

    /// Looks at bytes that follow those taken or handed on: answers requests, up to one that the client does not take
    /// at once, or clears one for hyper. Gives how many bytes have been answered, or have others in their place.
    fn take(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> io::Result<usize> {
        let mut taken = 0;
        while self.takes_more() && taken < bytes.len() {
            let rest = &bytes[taken..];
            let Message::Head(begun) = &mut self.message else {
                self.cleared = self.clear_content(rest);
                break;
            };
            let mut reader = begun.take().map_or_else(|| HeadReader::new(self.worker.limits.head), |begun| *begun);
            let now = self.exchange.arriving();
            let head = match reader.read(rest) {
                Ok(None) => {
                    *begun = Some(Box::new(reader));
                    break;
                }
                Ok(Some(head)) => head,
                Err(reason) => {
                    self.refuse(reason, rest);
                    break;
                }
            };
            let noted = reader.noted();
            self.begin();
            let (request, content) = rest.split_at(head.length);
            let encoded = noted.encoded(request);
            if encoded.is_none() && head.content == Content::Length(0) && self.answer(cx, request, noted, now)? {
                taken += head.length;
                continue;
            }
            self.message = match head.content {
                Content::Length(length) => Message::Sized(length),
                Content::Chunked => Message::Chunked(Chunked::new(self.worker.limits.head.bytes)),
            };
            self.cleared = self.clear_content(content) + encoded.as_ref().map_or(head.length, BytesMut::len);
            if let Some(encoded) = encoded {
                self.unread = encoded;
                taken += head.length;
            }
            break;
        }
        Ok(taken)
    }

    /// Looks at content, and says how much of it may be handed on.
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
        self.receiving.moved(cleared as u64);
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
    fn refuse(&mut self, reason: Malformed, head: &[u8]) {
        self.begin();
        self.exchange.refuse(refusal(reason, &head[..head.len().min(KEPT)]));
        self.message = Message::Refused;
        let substitute = if head.starts_with(b"HEAD ") { SUBSTITUTE_HEAD } else { SUBSTITUTE_GET };
        self.unread = BytesMut::from(substitute);
        self.cleared = substitute.len();
    }

    /// Hands on what has been cleared.
    fn hand_on(&mut self, buf: &mut ReadBuf<'_>) {
        let length = self.cleared.min(buf.remaining());
        let mut unread = std::mem::take(&mut self.unread);
        buf.put_slice(&unread[..length]);
        unread.advance(length);
        self.keep(unread);
        self.cleared -= length;
    }

    /// Reads content into `buf`, without a copy.
    fn poll_content(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        if Pin::new(&mut self.stream).poll_read(cx, buf)?.is_pending() {
            return self.wait(cx).map_ok(drop);
        }
        let fresh = &buf.filled()[before..];
        self.worker.pipeline.counters.received(fresh.len());
        let cleared = self.clear_content(fresh);
        self.unread.extend_from_slice(&fresh[cleared..]);
        buf.set_filled(before + cleared);
        if matches!(self.message, Message::Broken) {
            return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
        }
        Poll::Ready(Ok(()))
    }
}

/// How long a connection is read on after its end, so that the client can read the last answer.
const LINGER: Duration = Duration::from_secs(2);
/// The bytes of a refused head that are kept for the log.
const KEPT: usize = 8 << 10;
const SUBSTITUTE_GET: &[u8] = b"GET / HTTP/1.1\r\n\r\n";
const SUBSTITUTE_HEAD: &[u8] = b"HEAD / HTTP/1.1\r\n\r\n";

impl<S: Transport> AsyncRead for Wire<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.unread.is_empty() && matches!(self.message, Message::Sized(_) | Message::Chunked(_)) {
            return self.poll_content(cx, buf);
        }
        if let Next::Request = ready!(self.poll_next(cx))? {
            self.hand_on(buf);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: Transport> AsyncWrite for Wire<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let limit = ready!(self.exchange.poll_pace(cx));
        let result = Pin::new(&mut self.stream).poll_write(cx, &buf[..buf.len().min(limit)]);
        self.wrote_for_hyper(cx, buf, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let limit = ready!(self.exchange.poll_pace(cx));
        let first = bufs.iter().find(|buf| !buf.is_empty()).map_or(&[][..], |buf| buf);
        let result = if limit < usize::MAX {
            Pin::new(&mut self.stream).poll_write(cx, &first[..first.len().min(limit)])
        } else {
            Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
        };
        self.wrote_for_hyper(cx, first, result)
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

#[cfg(test)]
mod tests;
