mod joined_body;

use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use h2::{Reason, SendStream};

use joined_body::JoinedBody;

use super::priority::Priority;
use super::send_order::SendSlot;
use super::streams::Streams;
use crate::deadline::{DeadlineTimer, Ending, Meter, OpenEnd, Pacer};
use crate::limits::Rate;
use crate::pipeline::{Logged, MeasuredBody};
use crate::reply::Pace;

/// The body of a response on its way to the client, as far as the client has not taken it.
///
/// h2 is given what it may send at once and no more, so that a client that stands still is seen: it is reset after
/// `send_timeout`, whether it takes nothing or has room for one byte.
pub(super) struct Outgoing {
    stream: SendStream<Bytes>,
    body: JoinedBody,
    /// What of the body is next.
    piece: Bytes,
    pacer: Option<Pacer>,
    /// Of one whose length is not known.
    open_end: Option<OpenEnd>,
    sending: Meter,
    writing: DeadlineTimer,
    streams: Rc<Streams>,
    /// An event stream has none: its events are small, and are to come when they happen.
    slot: Option<SendSlot>,
    /// What all streams had sent when this one was looked at last.
    seen: u64,
    sent: u64,
    is_done: bool,
}

/// How a body ends.
#[derive(Clone, Copy)]
pub(super) struct End {
    /// After this many bytes, if that is known.
    pub(super) left: Option<u64>,
    pub(super) pace: Option<Pace>,
    pub(super) is_event_stream: bool,
}

impl Outgoing {
    pub(super) fn new(
        stream: SendStream<Bytes>,
        body: Logged,
        end: End,
        priority: Priority,
        streams: Rc<Streams>,
    ) -> Self {
        Self {
            stream,
            body: JoinedBody::new(MeasuredBody::new(body, end.left)),
            piece: Bytes::new(),
            pacer: end.pace.map(Pacer::new),
            open_end: end.left.is_none().then(|| OpenEnd::new(end.is_event_stream)),
            sending: Meter::default(),
            writing: DeadlineTimer::default(),
            seen: 0,
            slot: (!end.is_event_stream).then(|| streams.order.slot(priority)),
            streams,
            sent: 0,
            is_done: false,
        }
    }

    /// Sends the whole body if that can be done at once; `false` if it has to be [polled](Self::poll) for the rest. Who
    /// polls it is not known yet.
    pub(super) fn send_at_once(&mut self) -> bool {
        let is_small = |left: &u64| (1..=SMALL).contains(left);
        let reserved = self.body.inner().left().filter(is_small).unwrap_or(1) as usize;
        self.stream.reserve_capacity(reserved);
        if self.pacer.is_some() || self.stream.capacity() == 0 || !self.is_turn() {
            return false; // nothing is read for a client that gives no room
        }
        match self.body.poll_data(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => return false,
            Poll::Ready(Ok(piece)) => self.piece = piece.unwrap_or_default(), // nothing: its end
            Poll::Ready(Err(_)) => {
                self.end(Err(Reason::INTERNAL_ERROR)); // whoever made it has logged it
                return true;
            }
        }
        if self.piece.len() > reserved {
            self.stream.reserve_capacity(self.piece.len());
        }
        let is_whole = self.is_last() && self.stream.capacity() >= self.piece.len();
        if is_whole {
            let piece = std::mem::take(&mut self.piece);
            let given = self.give(piece, true);
            self.end(given);
        }
        is_whole
    }

    /// Whether it may hand out what it has.
    fn is_turn(&self) -> bool {
        self.slot.as_ref().is_none_or(|slot| self.streams.order.is_open(slot))
    }

    fn end(&mut self, sent: Result<(), Reason>) {
        match sent {
            Ok(()) => {
                self.is_done = true;
                self.streams.count_answer();
            }
            Err(reason) => self.stream.send_reset(reason), // nobody may take it for a complete one
        }
    }

    /// Whether the piece in hand is the end of the body.
    fn is_last(&self) -> bool {
        self.body.is_at_end()
    }

    /// Sends on; ready when nothing is left to do.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let sent = ready!(self.poll_send(cx));
        self.end(sent);
        Poll::Ready(())
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Reason>> {
        loop {
            if let Poll::Ready(reset) = self.stream.poll_reset(cx) {
                return Poll::Ready(Err(reset.unwrap_or(Reason::CANCEL))); // the connection has ended
            }
            if let Poll::Ready(ending) = self.poll_drain(cx) {
                tracing::info!(request = %self.body.inner().entry().id(), "a stream is ended, as the server stops");
                return Poll::Ready(match ending {
                    Ending::Clean => self.give(Bytes::new(), true),
                    Ending::CutOff => Err(Reason::CANCEL),
                });
            }
            if self.piece.is_empty() {
                if self.body.inner().left().is_some() {
                    ready!(self.poll_room(cx, 1))?; // nothing is read for a client that gives no room
                }
                match ready!(self.body.poll_data(cx)) {
                    Ok(Some(piece)) => self.piece = piece,
                    Ok(None) => return Poll::Ready(self.give(Bytes::new(), true)),
                    Err(_) => return Poll::Ready(Err(Reason::INTERNAL_ERROR)), // whoever made it has logged it
                }
            }
            let portion = self.piece.len().min(self.streams.order.portion());
            let most = ready!(self.poll_room(cx, portion))?;
            ready!(self.poll_turn(cx));
            let part = self.piece.split_to(most);
            let is_last = self.piece.is_empty() && self.is_last();
            self.give(part, is_last)?;
            if is_last {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Waits until no other body is to come first.
    fn poll_turn(&mut self, cx: &Context<'_>) -> Poll<()> {
        match &mut self.slot {
            Some(slot) => self.streams.order.poll(cx, slot),
            None => Poll::Ready(()),
        }
    }

    /// Ready when the server stops and the body is to end for that.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<Ending> {
        match (&mut self.open_end, self.streams.drain()) {
            (Some(end), Some(drain)) => end.poll(cx, drain),
            _ => Poll::Pending,
        }
    }

    /// Gives h2 what it may send.
    fn give(&mut self, part: Bytes, is_last: bool) -> Result<(), Reason> {
        self.sent += part.len() as u64;
        self.streams.count_moved(part.len());
        if let Some(pacer) = &mut self.pacer {
            pacer.sent(part.len());
        }
        if let Some(slot) = &mut self.slot {
            self.streams.order.gave(slot, part.len());
        }
        self.stream.send_data(part, is_last).map_err(|error| error.reason().unwrap_or(Reason::CANCEL)) // it has ended
    }

    /// How much of so many bytes may be sent; waits for the pace and for the client, which has a deadline.
    fn poll_room(&mut self, cx: &mut Context<'_>, wanted: usize) -> Poll<Result<usize, Reason>> {
        let most = match &mut self.pacer {
            Some(pacer) => ready!(pacer.poll(cx)).min(wanted),
            None => wanted,
        };
        self.stream.reserve_capacity(most);
        while self.stream.capacity() == 0 {
            match self.stream.poll_capacity(cx) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(_) => return Poll::Ready(Err(Reason::CANCEL)), // it has ended
                Poll::Pending => return self.poll_stalled(cx),
            }
        }
        self.sending.resume();
        Poll::Ready(Ok(most.min(self.stream.capacity())))
    }

    /// The client gives no room: resets the stream after `send_timeout`. One that was given some at first is held to
    /// `min_rate` too, by what all its streams have moved meanwhile.
    fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Reason>> {
        let limits = self.streams.worker().limits;
        let rate = if self.sent > 0 { limits.rate } else { Rate { minimum: 0, ..limits.rate } };
        if !self.sending.waits() {
            self.seen = self.streams.moved();
        }
        loop {
            let moved = self.streams.moved();
            self.sending.credit(moved - std::mem::replace(&mut self.seen, moved));
            let deadline = self.sending.deadline(limits.send_time, rate);
            ready!(self.writing.poll(cx, deadline));
            if self.streams.moved() == moved {
                tracing::debug!(
                    request = %self.body.inner().entry().id(),
                    "a client takes nothing of its answer; the stream is reset"
                );
                return Poll::Ready(Err(Reason::CANCEL));
            }
        }
    }
}

/// The length of a body for all of which room is asked for at once: one frame.
const SMALL: u64 = 16 << 10;

impl Drop for Outgoing {
    fn drop(&mut self) {
        if let Some(slot) = &mut self.slot {
            self.streams.order.leave(slot);
        }
        if !self.is_done {
            self.body.inner().entry().cut(self.sent);
        }
    }
}
