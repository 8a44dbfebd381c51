use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::StatusCode;
use tokio::time::Instant;

use super::{Client, Connection, Phase};
use crate::http1::head::HeadError;
use crate::net::Transport;

impl<S: Transport> Connection<S> {
    /// No request has come whole: ready when the client is not waited for any longer, with `true` if it is to be told.
    pub(super) fn poll_give_up(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
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
            _ if self.state.closes_when_idle() => Poll::Ready(false),
            Phase::Idle { since } => {
                let time = if first { limits.head_time } else { limits.idle_time };
                self.reading.poll(cx, since + time).map(|()| false)
            }
            Phase::Handling { .. } | Phase::Responding => Poll::Pending,
        }
    }

    /// The request has come whole and is being answered: ready when the client has gone.
    pub(super) fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Client>> {
        let limits = self.worker.limits;
        loop {
            if self.gone.is_none() {
                ready!(self.poll_end(cx))?;
            }
            let Some(since) = self.gone else { continue };
            if let Phase::Handling { since: came } = self.phase {
                // A client may close its side and still read; one that has gone altogether looks the same.
                let since = since.max(came); // the answers before may have taken their time
                return self.reading.poll(cx, since + HALF_CLOSED).map(|()| Ok(Client::Gone));
            }
            ready!(self.reading.poll(cx, since.max(self.wrote) + limits.send_time));
            if !self.look() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
        }
    }

    /// Notices that the client closes its side. Of what it sends before that, one piece is read.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let has_ended = if self.is_broken || !self.unread.is_empty() {
            self.stream.has_ended()?
        } else {
            ready!(self.read_on(cx, usize::MAX))? == 0
        };
        if has_ended {
            self.gone = Some(Instant::now());
            return Poll::Ready(Ok(()));
        }
        self.reading.poll(cx, Instant::now() + LOOK).map(Ok)
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

/// How long a handler may still begin its answer to a client that has closed its side of the connection.
const HALF_CLOSED: Duration = Duration::from_secs(1);
/// The time between two looks at what a client does.
const LOOK: Duration = Duration::from_secs(1);
const SLOW_HEAD: HeadError = HeadError(StatusCode::REQUEST_TIMEOUT, "The head of the request arrived too slowly.");
