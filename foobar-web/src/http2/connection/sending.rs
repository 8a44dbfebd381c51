use std::io;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::Instant;

use super::Connection;
use crate::net::Transport;

impl<S: Transport> Connection<S> {
    /// Sends what has gathered, and looks whether the client takes it.
    pub(super) fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut wrote = 0;
        let drained = self.io.borrow_mut().poll_drain(cx, |bytes| wrote += bytes);
        if wrote > 0 {
            self.worker.pipeline.counters.sent(wrote);
            self.queued += wrote as u64;
            self.sending.resume();
        }
        match drained {
            Poll::Ready(drained) => {
                if self.streams.order.has_waiting() {
                    cx.waker().wake_by_ref(); // there is room for them, after the other connections
                }
                Poll::Ready(drained)
            }
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
}

/// The time between two looks at what a client does.
const LOOK: Duration = Duration::from_secs(1);
