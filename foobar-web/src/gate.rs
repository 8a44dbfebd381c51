//! What an operator holds back: requests to the application during a pause, and nearly everything during maintenance. It
//! must not know a site or a connection.
//!
//! - A pause is for what stands behind the application, such as its database: files, redirects and fixed answers go on.
//! - Without a pause nothing is locked and nothing is shared: a worker counts a request where only it counts, then looks
//!   at one flag. Whoever pauses sets the flag, then reads the counts. All of that is in one order (`SeqCst`), so one of
//!   the two sees the other.
//! - Both belong to the process and not to its configuration: a reload keeps them, a restart ends them.

mod door;
mod queue;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use foobar_core::{List, Metrics, TrustedProxy};
use tokio::sync::Notify;

pub(crate) use door::{Door, InFlight, TurnedAway};
use queue::Queue;

/// What stands between a web tier and its application, and lets an operator hold requests back: for a
/// [pause](Self::pause) of some seconds, in which a database is switched over, or for
/// [maintenance](Self::set_maintenance).
///
/// A [`WebTier`](crate::WebTier) that has one gives it by [`gate`](crate::WebTier::gate).
#[derive(Default)]
pub struct Gate {
    paused: AtomicBool,
    maintenance: AtomicBool,
    state: Mutex<State>,
    /// The requests that the application has of each worker.
    workers: Mutex<Vec<Arc<AtomicUsize>>>,
    /// One of them has ended during a pause, or the pause has.
    ended: Notify,
    queue_full: AtomicU64,
    timed_out: AtomicU64,
}

/// What a pause allows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct GateLimits {
    /// Requests that are held at a time.
    pub(crate) requests: usize,
    /// How long each is held.
    pub(crate) wait: Duration,
    /// How long a pause lasts.
    pub(crate) pause: Duration,
}

/// What maintenance allows.
pub(crate) struct MaintenanceRules {
    /// Who is served.
    pub(crate) allowed: List<TrustedProxy>,
    /// In how many seconds all others may come again.
    pub(crate) retry_after: u32,
}

impl MaintenanceRules {
    /// Whether a client is served; `None` is one of a Unix socket.
    pub(crate) fn allow(&self, client: Option<SocketAddr>) -> bool {
        self.allowed.iter().any(|allowed| allowed.is(client))
    }
}

#[derive(Default)]
struct State {
    limits: GateLimits,
    pause: Option<Pause>,
    /// The number of the last pause.
    pauses: u64,
    maintenance: Option<Instant>,
    queue: Queue,
}

struct Pause {
    since: Instant,
    until: Instant,
}

/// How a [`Gate`] stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GateStatus {
    /// The pause that goes on, if one does.
    pub pause: Option<PauseStatus>,
    /// How long maintenance has gone on; `None` if it is off.
    pub maintenance: Option<Duration>,
    /// The requests that the application has. Of a request whose answer is an event stream or another protocol, it has none.
    pub in_flight: usize,
}

/// A pause that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PauseStatus {
    /// How long it has gone on.
    pub lasted: Duration,
    /// In how long it ends by itself.
    pub ends_in: Duration,
    /// How many requests are held.
    pub held: usize,
}

/// A pause that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndedPause {
    /// How long it lasted.
    pub lasted: Duration,
    /// How many requests were held at its end, and have gone on.
    pub released: usize,
}

impl Gate {
    /// Takes limits, which hold for the next pause, and for requests that come to one that goes on.
    pub(crate) fn set_limits(&self, limits: GateLimits) {
        self.state().limits = limits;
    }

    /// Holds requests for the application from now on, in a queue; those that it has go on. Gives whether that is a change.
    /// It lasts until [`resume`](Self::resume): whoever pauses sees that it ends, by [`overrun`](Self::overrun).
    pub fn pause(&self) -> bool {
        let mut state = self.state();
        let is_new = state.pause.is_none();
        if is_new {
            let since = Instant::now();
            state.pause = Some(Pause { since, until: since + state.limits.pause });
            state.pauses += 1;
            self.paused.store(true, SeqCst);
        }
        is_new
    }

    /// Lets all that is held go on, in the order in which it came. `None` if there is no pause.
    pub fn resume(&self) -> Option<EndedPause> {
        let mut state = self.state();
        let pause = state.pause.take()?;
        self.paused.store(false, SeqCst);
        let released = state.queue.release();
        drop(state);
        self.ended.notify_waiters();
        Some(EndedPause { lasted: pause.since.elapsed(), released })
    }

    /// How long the requests that the application has are to be waited for (`web.pause_wait`).
    pub fn patience(&self) -> Duration {
        self.state().limits.wait
    }

    /// Completes when the application has no request any more, or the pause has ended.
    pub async fn quiet(&self) {
        loop {
            let mut ended = std::pin::pin!(self.ended.notified());
            ended.as_mut().enable();
            if !self.paused.load(SeqCst) || self.in_flight() == 0 {
                return;
            }
            ended.await;
        }
    }

    /// Ends the pause that goes on when its time is over (`web.pause_timeout`); `None` where somebody has ended it before.
    pub async fn overrun(&self) -> Option<EndedPause> {
        let (number, until) = {
            let state = self.state();
            (state.pauses, state.pause.as_ref()?.until)
        };
        loop {
            let mut ended = std::pin::pin!(self.ended.notified());
            ended.as_mut().enable();
            {
                let state = self.state();
                if state.pause.is_none() || state.pauses != number {
                    return None;
                }
            }
            tokio::select! {
                () = tokio::time::sleep_until(until.into()) => return self.resume(),
                () = ended => {}
            }
        }
    }

    /// Has the site's page for maintenance answered to everybody, but for `web.maintenance_allow` and routes with
    /// `in_maintenance`; or ends that. Gives whether it is a change.
    pub fn set_maintenance(&self, on: bool) -> bool {
        let mut state = self.state();
        let changes = state.maintenance.is_some() != on;
        if changes {
            state.maintenance = on.then(Instant::now);
            self.maintenance.store(on, Relaxed);
        }
        changes
    }

    /// How it stands.
    pub fn status(&self) -> GateStatus {
        let in_flight = self.in_flight();
        let state = self.state();
        let pause = state.pause.as_ref().map(|pause| PauseStatus {
            lasted: pause.since.elapsed(),
            ends_in: pause.until.saturating_duration_since(Instant::now()),
            held: state.queue.len(),
        });
        GateStatus { pause, maintenance: state.maintenance.map(|since| since.elapsed()), in_flight }
    }

    pub(crate) fn metrics(&self, metrics: &mut Metrics) {
        let GateStatus { pause, maintenance, in_flight } = self.status();
        let help = "Requests that the application has, but for event streams and other protocols.";
        metrics.gauge("foobar_web_requests_in_application", help, &[], in_flight);
        let help = "Whether requests for the application are held (`pause`).";
        metrics.gauge("foobar_web_paused", help, &[], u8::from(pause.is_some()));
        let help = "Requests that are held.";
        metrics.gauge("foobar_web_requests_held", help, &[], pause.map_or(0, |pause| pause.held)); // nobody is held
        for (reason, counter) in [("queue_full", &self.queue_full), ("timeout", &self.timed_out)] {
            let help = "Requests that were answered 503 during a pause: as too many were held, or for too long.";
            let labels = [("reason", reason)];
            metrics.counter("foobar_web_requests_paused_out_total", help, &labels, counter.load(Relaxed));
        }
        let help = "Whether maintenance is on.";
        metrics.gauge("foobar_web_maintenance", help, &[], u8::from(maintenance.is_some()));
    }

    fn in_flight(&self) -> usize {
        let workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner); // it is whole at any time
        workers.iter().map(|worker| worker.load(SeqCst)).sum()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner) // it is whole at any time
    }
}

#[cfg(test)]
mod tests;
