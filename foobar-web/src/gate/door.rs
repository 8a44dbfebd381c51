use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};
use std::time::{Duration, Instant as StdInstant};

use foobar_core::ClientAbort;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::{Gate, PoisonError};

/// One worker's way through the gate.
pub(crate) struct Door {
    gate: Arc<Gate>,
    /// The requests of this worker that the application has.
    in_flight: Arc<AtomicUsize>,
}

/// A request that the application has, until it is dropped.
pub(crate) struct InFlight(Rc<Door>);

/// A request that is not let through: too many are held, or it was held for too long.
pub(crate) struct TurnedAway {
    /// In how many seconds it may come again.
    pub(crate) retry_after: u32,
}

/// The place of a request in the queue.
struct Waiter<'a> {
    gate: &'a Gate,
    number: u64,
    /// When it is not held any longer.
    deadline: Instant,
}

impl Door {
    /// That of one more worker.
    pub(crate) fn of(gate: Arc<Gate>) -> Rc<Self> {
        let in_flight = Arc::new(AtomicUsize::new(0));
        let mut workers = gate.workers.lock().unwrap_or_else(PoisonError::into_inner); // it is whole at any time
        workers.push(Arc::clone(&in_flight));
        drop(workers);
        Rc::new(Self { gate, in_flight })
    }

    /// Whether only some are served.
    pub(crate) fn is_in_maintenance(&self) -> bool {
        self.gate.maintenance.load(Relaxed)
    }

    /// Lets a request through to the application; during a pause it is held before. One whose client goes meanwhile leaves
    /// the queue, whatever its handler would do.
    pub(crate) async fn enter(self: &Rc<Self>, abort: Option<&ClientAbort>) -> Result<InFlight, TurnedAway> {
        match self.try_enter() {
            Some(request) => Ok(request),
            None => Box::pin(self.enter_later(abort)).await, // to keep this future small
        }
    }

    fn try_enter(self: &Rc<Self>) -> Option<InFlight> {
        self.in_flight.fetch_add(1, SeqCst);
        let request = InFlight(Rc::clone(self));
        (!self.gate.paused.load(SeqCst)).then_some(request)
    }

    async fn enter_later(self: &Rc<Self>, abort: Option<&ClientAbort>) -> Result<InFlight, TurnedAway> {
        let runs_to_end = abort.filter(|abort| abort.runs_to_end());
        runs_to_end.inspect(|abort| abort.cancel()); // no handler has begun
        let mut waiter = None;
        let request = loop {
            if let Some((released, deadline)) = self.gate.hold(&mut waiter)?
                && timeout_at(deadline, released).await.is_err()
            {
                self.gate.timed_out.fetch_add(1, Relaxed);
                return Err(self.gate.turned_away());
            }
            if let Some(request) = self.try_enter() {
                break request; // unless there is another pause
            }
        };
        runs_to_end.inspect(|abort| abort.run_to_end());
        Ok(request)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let Door { gate, in_flight } = &*self.0;
        in_flight.fetch_sub(1, SeqCst);
        if gate.paused.load(SeqCst) {
            gate.ended.notify_waiters();
        }
    }
}

impl Gate {
    /// Holds a request, which keeps the place that it has; gives what is told when it may go on, and until when that counts.
    /// `None` without a pause.
    fn hold<'a>(
        &'a self,
        waiter: &mut Option<Waiter<'a>>,
    ) -> Result<Option<(oneshot::Receiver<()>, Instant)>, TurnedAway> {
        let mut state = self.state();
        if state.pause.is_none() {
            return Ok(None);
        }
        if waiter.is_none() && state.queue.len() >= state.limits.requests {
            drop(state);
            self.queue_full.fetch_add(1, Relaxed);
            return Err(self.turned_away());
        }
        let (number, deadline) = match waiter {
            Some(waiter) => (waiter.number, waiter.deadline),
            None => (state.queue.number(), Instant::now() + state.limits.wait),
        };
        let released = state.queue.hold(number);
        if waiter.is_none() {
            *waiter = Some(Waiter { gate: self, number, deadline }); // another one would leave the queue, which is locked
        }
        Ok(Some((released, deadline)))
    }

    fn turned_away(&self) -> TurnedAway {
        let rest = self.state().pause.as_ref().map(|pause| pause.until.saturating_duration_since(StdInstant::now()));
        let rest = rest.unwrap_or(Duration::ZERO); // it has just ended
        TurnedAway { retry_after: u32::try_from(rest.as_secs()).unwrap_or(u32::MAX).saturating_add(1) } // long enough
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.gate.state().queue.leave(self.number);
    }
}
