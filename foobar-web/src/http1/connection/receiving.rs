use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::time::Instant;

use super::{Close, Connection, Phase};
use crate::deadline::Meter;
use crate::http1::head::{self, HeadError, HeadReader};
use crate::http1::outgoing::SEND_QUANTUM;
use crate::http1::refused_head::refusal;
use crate::http1::request_head::{Received, RequestHead};
use crate::net::Transport;

impl<S: Transport> Connection<S> {
    /// Answers what the fast path can, until something is for the pipeline; `None` if nothing follows.
    pub(super) fn poll_request(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Box<Received>>>> {
        self.state.belongs_to(cx);
        loop {
            ready!(self.poll_outgoing(cx))?;
            if self.close.is_some() {
                return Poll::Ready(Ok(None));
            }
            if !self.unread.is_empty() && self.received.is_none() {
                self.take_unread(cx)?;
            }
            if let Some(received) = self.received.take() {
                return Poll::Ready(Ok(Some(received)));
            }
            if self.takes_more() && !ready!(self.poll_more(cx))? {
                self.close = Some(Close::ByServer);
            }
        }
    }

    /// Whether it can turn to what comes next: no answer is under way, and its turn is not over.
    fn takes_more(&self) -> bool {
        self.outgoing.is_none() && self.received.is_none() && self.close.is_none() && self.sent_this_turn < SEND_QUANTUM
    }

    /// Waits for more bytes and takes them; `false` at the end of the stream, or if the client is not waited for any longer.
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        match self.fill(cx) {
            Poll::Ready(filled) => Poll::Ready(filled),
            Poll::Pending => self.poll_give_up(cx).map(Ok),
        }
    }

    /// Reads what has come and takes it; `false` at the end of the stream.
    fn fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let worker = Rc::clone(&self.worker);
        worker.buffers.with_input(|input| {
            let length = ready!(self.stream.poll_receive(cx, input))?;
            let fresh = &input[..length];
            worker.pipeline.counters.received(length);
            let taken = if self.unread.is_empty() { self.take(cx, fresh)? } else { 0 };
            self.unread.extend_from_slice(&fresh[taken..]);
            Poll::Ready(Ok(length > 0))
        })
    }

    fn take_unread(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let mut unread = std::mem::take(&mut self.unread);
        let taken = self.take(cx, &unread)?;
        unread.advance(taken);
        if !unread.is_empty() {
            self.unread = unread; // else not even the memory is kept
        }
        Ok(())
    }

    /// Takes the heads of requests: answers those that the fast path can, up to one that the client does not take at once
    /// or that is for the pipeline. Gives how many bytes it has taken.
    fn take(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> io::Result<usize> {
        let mut taken = 0;
        while self.takes_more() && taken < bytes.len() {
            let rest = &bytes[taken..];
            if let Phase::Idle { .. } = self.phase {
                self.follow_configuration();
            }
            let mut reader =
                self.reader.take().map_or_else(|| HeadReader::new(self.worker.limits.head), |begun| *begun);
            let now = self.begin_head();
            match reader.read(rest) {
                Ok(None) => {
                    self.reader = Some(Box::new(reader));
                    break;
                }
                Ok(Some(head)) => {
                    let request = &rest[..head.length];
                    taken += head.length;
                    self.begin_request();
                    let index = reader.index();
                    let is_simple = head.content == head::Content::Length(0) && !index.is_raw();
                    if !is_simple || !self.answer(cx, request, index, now)? {
                        let fields = reader.fields();
                        let head_bytes = Bytes::copy_from_slice(request);
                        let request = RequestHead { bytes: head_bytes, index: *index, fields };
                        self.received = Some(Box::new(Received::Request(request, head.content)));
                    }
                }
                Err(reason) => {
                    self.refuse(reason, rest);
                    taken = bytes.len();
                }
            }
        }
        Ok(taken)
    }

    /// Some bytes of a head have come, or all: now.
    fn begin_head(&mut self) -> Instant {
        let now = Instant::now();
        if let Phase::Idle { .. } = self.phase {
            self.phase = Phase::ReadingHead { since: now };
            self.state.set_active();
        }
        now
    }

    /// A head has come.
    fn begin_request(&mut self) {
        self.phase = Phase::Handling { since: self.since() };
        self.state.count_request();
        self.receiving = Meter::default();
        self.sending = Meter::default();
    }

    /// Has a malformed head, or one that came too slowly, answered with an error. Nothing is read after it.
    pub(super) fn refuse(&mut self, reason: HeadError, head: &[u8]) {
        self.begin_request();
        self.is_broken = true;
        self.unread = BytesMut::new();
        self.received = Some(Box::new(Received::Refused(refusal(reason, head), head.starts_with(b"HEAD "))));
    }

    /// When the first byte of the request in hand came.
    pub(super) fn since(&self) -> Instant {
        match self.phase {
            Phase::ReadingHead { since } | Phase::Handling { since } => since,
            Phase::Idle { .. } | Phase::Responding => Instant::now(),
        }
    }
}
