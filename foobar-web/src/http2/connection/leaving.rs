use std::task::{Context, Poll};

use tokio::time::Instant;

use super::{Connection, Protocol};
use crate::http2::gather::{Gather, Input};
use crate::net::Transport;

impl<S: Transport> Connection<S> {
    /// Tells HTTP/2 that the client has closed its side, if it has and nothing is to be sent to it any more; `true` if so.
    /// HTTP/2 takes that for the end of everything.
    pub(super) fn pass_end_on(&mut self, cx: &mut Context<'_>) -> bool {
        if !matches!(self.io.borrow().input, Input::HalfClosed(_)) || (self.is_at_work() && !self.has_gone(cx)) {
            return false;
        }
        self.io.borrow_mut().input = Input::Ended;
        true
    }

    /// Whether something may still be sent to the client.
    fn is_at_work(&self) -> bool {
        match &self.protocol {
            Protocol::Serving(connection) => connection.has_streams() || !self.running.is_empty(),
            Protocol::Handshake(_) | Protocol::Ended => false,
        }
    }

    /// Whether a client that has closed its side has gone, or takes nothing of its answers for so long that it may as well have.
    fn has_gone(&mut self, cx: &mut Context<'_>) -> bool {
        let mut io = self.io.borrow_mut();
        let Gather { input, stream, out, .. } = &mut *io;
        let Input::HalfClosed(half_closed) = input else { return false };
        if half_closed.is_tested() && stream.is_reset().unwrap_or(true) {
            // an error is the end of it too
            return true; // or it was lost
        }
        while let Poll::Ready(is_first) = half_closed.poll_look(cx, &mut self.leaving) {
            if is_first {
                out.extend_from_slice(PING);
                cx.waker().wake_by_ref(); // once that has been sent
            }
            let moved = self.streams.moved();
            if is_first || self.streams.has_work() || moved != self.moved.0 {
                self.moved = (moved, Instant::now());
            }
            if self.moved.1.elapsed() >= self.worker.limits.send_time {
                return true;
            }
        }
        false
    }
}

/// A frame that a client has to answer, and that the system of one that has gone refuses.
const PING: &[u8] = b"\0\0\x08\x06\0\0\0\0\0foobar??";
