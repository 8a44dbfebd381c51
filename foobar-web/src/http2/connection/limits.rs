use std::task::Context;
use std::time::Duration;

use h2::Reason;
use tokio::time::Instant;

use super::{Connection, Phase, Protocol};
use crate::net::Transport;

/// What is to become of a connection.
enum Order {
    /// It takes nothing new, and ends when what it has is answered.
    Finish,
    /// It ends at once.
    End(Reason),
}

impl<S: Transport> Connection<S> {
    /// Ends the connection when it is time, or says that it will end; `true` if there is something to say.
    pub(super) fn keep_limits(&mut self, cx: &mut Context<'_>) -> bool {
        self.note_activity();
        if self.pass_end_on(cx) {
            return true;
        }
        let Some(order) = self.order(cx) else { return false };
        match (&mut self.protocol, order) {
            (Protocol::Serving(connection), Order::Finish) => {
                self.finishing = Some(Instant::now());
                connection.graceful_shutdown();
            }
            (Protocol::Serving(connection), Order::End(reason)) if !self.is_ending => {
                self.is_ending = true;
                connection.abrupt_shutdown(reason);
            }
            (Protocol::Handshake(_), _) => self.protocol = Protocol::Ended,
            _ => return false,
        }
        true
    }

    /// Whether the connection is idle, for whoever needs its place.
    fn note_activity(&mut self) {
        self.io.borrow_mut().budget.answered(self.streams.take_answered());
        let is_in_head = self.io.borrow().meter.is_in_head();
        self.head = is_in_head.then(|| self.head.unwrap_or_else(Instant::now));
        let is_open = match &self.protocol {
            Protocol::Serving(connection) => is_in_head || connection.has_streams() || !self.running.is_empty(),
            Protocol::Handshake(_) | Protocol::Ended => false,
        };
        match self.phase {
            Phase::Active if !is_open => {
                let since = Instant::now();
                self.phase = Phase::Idle { since };
                self.state.set_idle(since);
            }
            Phase::Idle { .. } if is_open => self.set_active(),
            _ => {}
        }
    }

    /// What is to become of the connection now, if not what is.
    fn order(&mut self, cx: &mut Context<'_>) -> Option<Order> {
        let limits = self.worker.limits;
        let is_handshake = matches!(self.protocol, Protocol::Handshake(_));
        if self.io.borrow().is_flooded && !is_handshake {
            return Some(Order::End(Reason::ENHANCE_YOUR_CALM));
        }
        if self.io.borrow().meter.lacks_settings() && !is_handshake {
            return Some(Order::End(Reason::PROTOCOL_ERROR));
        }
        if let Some(since) = self.head.filter(|_| !is_handshake)
            && self.reading.poll(cx, since + limits.head_time).is_ready()
        {
            return Some(Order::End(Reason::NO_ERROR));
        }
        if self.finishing.is_none() && !is_handshake && self.is_last() {
            return Some(Order::Finish);
        }
        let Phase::Idle { since } = self.phase else { return None };
        let deadline = match self.finishing {
            _ if self.state.is_evicted() => return Some(Order::End(Reason::NO_ERROR)),
            Some(since) => since + FINISHED,
            None if is_handshake => {
                let end = self.opened + limits.head_time;
                self.state.drain().map_or(end, |drain| end.min(drain.end_of_idle(since))) // it may be on its way
            }
            None if self.state.requests() == 0 => since + limits.idle_time.max(limits.head_time),
            None => since + limits.idle_time,
        };
        self.reading.poll(cx, deadline).is_ready().then_some(Order::End(Reason::NO_ERROR))
    }

    /// Whether no further request is to come.
    fn is_last(&self) -> bool {
        let is_short = self.state.requests() > 0 && self.worker.connections.is_short();
        self.state.requests() >= self.worker.limits.requests || self.state.is_draining() || is_short
    }

    /// Whether it has been said for long enough that no further request is to come.
    pub(super) fn is_over(&self) -> bool {
        self.finishing.is_some_and(|since| since.elapsed() > FINISHED)
    }
}

/// How long a client that was told of the end may take to say that it knows.
const FINISHED: Duration = Duration::from_secs(1);
