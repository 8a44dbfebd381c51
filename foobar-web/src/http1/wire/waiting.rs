use std::io;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use foobar_core::BodyError;
use http::StatusCode;
use tokio::time::Instant;

use super::{Message, Wire};
use crate::http1::exchange::Phase;
use crate::http1::head::Malformed;
use crate::net::Transport;

impl<S: Transport> Wire<S> {
    /// Nothing has come: waits for the client, until its time is over. `false` if it is not waited for any longer.
    pub(crate) fn wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let limits = self.worker.limits;
        let first = self.exchange.connection.requests() == 0;
        match (&self.message, self.exchange.phase()) {
            (Message::Head(_), Phase::Idle) => {
                let time = if first { limits.head_time } else { limits.idle_time };
                if let Some(since) = self.exchange.connection.idle_since()
                    && !self.exchange.connection.closes_when_idle()
                {
                    ready!(self.reading.poll(cx, since + time));
                }
                Poll::Ready(Ok(false))
            }
            (Message::Head(_), Phase::ReadingHead { since }) => {
                let since = if first { self.opened } else { since };
                ready!(self.reading.poll(cx, since + limits.head_time));
                let head = std::mem::take(&mut self.unread);
                self.refuse(SLOW_HEAD, &head);
                Poll::Ready(Ok(true))
            }
            // The rest of a body that nobody reads; it was answered before.
            (Message::Sized(_) | Message::Chunked(_), Phase::Idle) if self.exchange.connection.closes_when_idle() => {
                Poll::Ready(Ok(false))
            }
            (Message::Sized(_) | Message::Chunked(_), _) => {
                ready!(self.reading.poll(cx, self.receiving.deadline(limits.body_time, limits.rate)));
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, BodyError::TooSlow)))
            }
            _ => self.wait_for_answer(cx),
        }
    }

    /// The request has come whole and is being answered.
    fn wait_for_answer(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let limits = self.worker.limits;
        if self.gone.is_none() && !self.unread.is_empty() {
            self.gone = self.stream.has_ended()?.then(Instant::now);
        }
        if self.gone.is_some() || !self.unread.is_empty() {
            self.exchange.withhold();
        }
        match self.gone {
            // A client may close its side and still read; one that has gone altogether looks the same.
            Some(since) if !self.exchange.is_replying() => {
                let since = since.max(self.exchange.since()); // the answers before may have taken their time
                self.reading.poll(cx, since + HALF_CLOSED).map(|()| Ok(false))
            }
            Some(since) => loop {
                ready!(self.reading.poll(cx, since.max(self.wrote) + limits.send_time));
                if !self.look() {
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
            },
            None => {
                // hyper does not ask again when the answer has been written: this wakes it for the idle time.
                let look = limits.idle_time.min(limits.send_time).max(PACE);
                self.reading.poll(cx, Instant::now() + look).map(|()| Ok(true))
            }
        }
    }

    /// What became of a write: gives the client up if it has taken nothing, or too little, for too long.
    pub(crate) fn sent<T>(&mut self, cx: &mut Context<'_>, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if result.is_ready() {
            return result;
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

    pub(crate) fn wrote(&mut self, cx: &mut Context<'_>, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = result {
            self.wrote = Instant::now();
            self.sending.goes_on();
            self.handed(bytes);
        }
        self.sent(cx, result)
    }

    /// The same for a part of an answer of hyper's, which begins with `first`.
    pub(crate) fn wrote_for_hyper(
        &mut self,
        cx: &mut Context<'_>,
        first: &[u8],
        result: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = result {
            self.exchange.wrote(first, bytes);
        }
        self.wrote(cx, result)
    }

    /// So many bytes were handed to the system.
    pub(crate) fn handed(&mut self, bytes: usize) {
        self.spent += bytes;
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
/// The time between two looks at what a client has taken.
const LOOK: Duration = Duration::from_secs(1);
/// The least time between two looks whether an answer has been written; without it a short idle time would spin.
const PACE: Duration = Duration::from_millis(100);
const SLOW_HEAD: Malformed = Malformed(StatusCode::REQUEST_TIMEOUT, "The head of the request arrived too slowly.");
