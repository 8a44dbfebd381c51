use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::StatusCode;
use tokio::time::Instant;

use super::{Client, Connection, Phase};
use crate::deadline::{GLANCE, HalfClosed};
use crate::http1::head::HeadError;
use crate::http1::outgoing::poll_write;
use crate::net::Transport;

impl<S: Transport> Connection<S> {
    /// No request has come whole: ready when the client is not waited for any longer, with `true` if it is to be told.
    pub(super) fn poll_give_up(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        if let Phase::Idle { .. } = self.phase {
            self.follow_configuration(); // one that waits for long would keep all that has been replaced
        }
        let limits = self.worker.limits;
        let first = self.state.requests() == 0;
        match self.phase {
            Phase::ReadingHead { since } => {
                let since = if first { self.opened } else { since };
                ready!(self.reading.poll(cx, since + limits.head_time));
                let head = std::mem::take(&mut self.unread);
                self.refuse(SLOW_HEAD, &head);
                Poll::Ready(true)
            }
            _ if self.state.is_evicted() => Poll::Ready(false),
            Phase::Idle { since } => {
                let end = since + if first { limits.head_time } else { limits.idle_time };
                let end = self.state.drain().map_or(end, |drain| end.min(drain.end_of_idle(since)));
                self.reading.poll(cx, end).map(|()| false)
            }
            Phase::Handling { .. } | Phase::Responding if self.state.is_draining() => Poll::Ready(false),
            Phase::Handling { .. } | Phase::Responding => Poll::Pending,
        }
    }

    /// A request is being answered, and nothing of it is to be read: ready when its client closes its side, and an error when
    /// it has gone.
    pub(super) fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Client>> {
        loop {
            let Some(half_closed) = &mut self.half_closed else {
                ready!(self.poll_end(cx))?;
                continue;
            };
            if half_closed.is_tested() && self.stream.is_reset()? {
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
            let since = half_closed.since().max(self.wrote);
            if ready!(half_closed.poll_look(cx, &mut self.reading)) {
                return Poll::Ready(Ok(Client::HalfClosed));
            }
            let is_late = matches!(self.phase, Phase::Responding) && since.elapsed() >= self.patience;
            if is_late && !self.look() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
        }
    }

    /// Notices that the client closes its side. Of what it sends before that, one piece is read, unless it is content.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let has_ended = if self.is_broken || self.content.is_some() || !self.unread.is_empty() {
            self.stream.has_ended()?
        } else {
            ready!(self.read_on(cx, usize::MAX))? == 0
        };
        if has_ended {
            self.look(); // what it takes from now on counts
            self.half_closed = Some(HalfClosed::now());
            return Poll::Ready(Ok(()));
        }
        self.reading.poll(cx, Instant::now() + GLANCE).map(Ok)
    }

    /// Begins the answer to a client that has closed its side, by what every answer begins with: if it has gone, its system
    /// refuses that.
    pub(super) fn begin_early(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if let Some(content) = &mut self.content {
            if content.is_being_told() {
                return Ok(()); // the rest of that does the same
            }
            content.interim = &[];
        }
        if let Poll::Ready(written) = poll_write(cx, &mut self.stream, BEGINNING, &[]) {
            self.begun = written?;
            self.handed(self.begun);
        }
        Ok(())
    }

    /// Reads what has come, at most this much; no more memory is taken than it needs.
    pub(super) fn read_on(&mut self, cx: &mut Context<'_>, most: usize) -> Poll<io::Result<usize>> {
        let worker = Rc::clone(&self.worker);
        worker.buffers.with_input(|input| {
            let most = most.min(input.len());
            let length = ready!(self.stream.poll_receive(cx, &mut input[..most]))?;
            worker.pipeline.counters.received(length);
            self.unread.extend_from_slice(&input[..length]);
            Poll::Ready(Ok(length))
        })
    }

    /// What became of a write: gives the client up if it has taken nothing, or too little, for too long.
    pub(super) fn wrote(&mut self, cx: &mut Context<'_>, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(result) = result {
            let bytes = result?;
            self.wrote = Instant::now();
            self.sending.resume();
            self.handed(bytes);
            return Poll::Ready(Ok(bytes));
        }
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

    /// This many bytes were handed to the system.
    pub(super) fn handed(&mut self, bytes: usize) {
        self.sent_this_turn += bytes;
        self.queued += bytes as u64;
        self.worker.pipeline.counters.sent(bytes);
    }

    /// Finds out whether the client has taken anything since the last look. The system takes megabytes ahead of it, and
    /// then nothing for minutes while a slow client reads.
    fn look(&mut self) -> bool {
        self.looked = Instant::now();
        let left = self.stream.unacknowledged();
        let taken = std::mem::replace(&mut self.queued, left).saturating_sub(left);
        self.sending.moved(taken);
        if taken > 0 {
            self.wrote = self.looked;
        }
        taken > 0
    }
}

/// What all answers have in common.
const BEGINNING: &[u8] = b"HTTP/1.";
/// The time between two looks at what a client does.
const LOOK: Duration = Duration::from_secs(1);
const SLOW_HEAD: HeadError = HeadError(StatusCode::REQUEST_TIMEOUT, "The head of the request arrived too slowly.");
