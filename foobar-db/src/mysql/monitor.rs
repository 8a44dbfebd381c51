use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use foobar_core::Readiness;

use super::Options;
use super::control::{Control, Role};
use crate::ConnectError;
use crate::endpoint::Endpoint;
use crate::health::Health;

/// Asks the server every second whether it is there.
pub(super) struct Monitor {
    options: Arc<Options>,
    control: Arc<Control>,
    health: Arc<Health>,
    endpoint: Arc<Endpoint>,
    has_been_there: bool,
    /// The server takes no connection for the check, and those of the pool go on.
    is_full: bool,
    /// Until when a replica is not asked how it follows its sources, since it would not say.
    silent_until: Option<Instant>,
    /// Which server has answered, and whether it took writes.
    role: Option<Role>,
}

const INTERVAL: Duration = Duration::from_secs(1);
/// How long a replica is not asked again how it follows its sources that does not say.
const SILENCE: Duration = Duration::from_secs(60);
/// How long calls that still run at the end of a drain may take to be ended on the server.
const LAST_CALLS: Duration = Duration::from_secs(2);

impl Monitor {
    pub(super) const fn new(
        options: Arc<Options>,
        control: Arc<Control>,
        health: Arc<Health>,
        endpoint: Arc<Endpoint>,
    ) -> Self {
        let (has_been_there, is_full, silent_until, role) = (false, false, None, None);
        Self { options, control, health, endpoint, has_been_there, is_full, silent_until, role }
    }

    /// Checks until `stopped` is disconnected, and takes leave of the server, unless a call runs that may have to be ended
    /// there. A server that refuses us from the first has `refused` us: what is wrong then is what would have been wrong
    /// at the start.
    pub(super) fn watch(mut self, stopped: &mpsc::Receiver<()>, refused: impl FnOnce(ConnectError)) {
        while stopped.recv_timeout(INTERVAL) == Err(mpsc::RecvTimeoutError::Timeout) {
            match self.check() {
                Err(error) if !self.has_been_there => return refused(error),
                _already_in_health => {}
            }
        }
        self.endpoint.end.wait_for_calls(LAST_CALLS);
        self.control.close();
    }

    /// Checks once; an error only where the server refuses us.
    pub(super) fn check(&mut self) -> Result<(), ConnectError> {
        if self.endpoint.refused().is_some() {
            self.control.close(); // only a new connection tells whether they are still refused
        }
        match self.control.ping() {
            Ok(role) => {
                (self.has_been_there, self.is_full) = (true, false);
                self.note(role);
                self.endpoint.mark_up();
                self.report(Readiness::Ready);
                self.watch_replication();
            }
            Err(ConnectError::Full(reason)) if self.goes_on() => {
                self.control.forget_replication();
                self.report_full(&reason);
            }
            Err(error) => {
                self.control.forget_replication();
                self.endpoint.mark_down(error.clone());
                self.role = None; // whoever comes back, the pool has no connection to another
                self.report(Readiness::not(format!("cannot connect to {}: {error}", self.options.describe())));
                if let ConnectError::Refused(_) = error {
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Asks a replica how it follows its sources. One that does not say is asked again later, and logged once.
    fn watch_replication(&mut self) {
        if self.silent_until.is_some_and(|until| Instant::now() < until) {
            return;
        }
        match self.control.ask_for_replication() {
            Ok(()) => self.silent_until = None,
            Err(error) => {
                if self.silent_until.replace(Instant::now() + SILENCE).is_none() {
                    tracing::info!(reason = %error, "the replica does not say how far it is behind its source");
                }
            }
        }
    }

    /// The connections to a server that has become another one, or has another role, are of no use.
    fn note(&mut self, role: Option<Role>) {
        let Some(role) = role else { return };
        if self.role.as_ref().is_some_and(|before| role.differs_from(before)) {
            tracing::warn!("the database is another server now, or in another role: its connections are replaced");
            self.endpoint.flush();
        }
        self.role = Some(role.or(self.role.take()));
    }

    /// Whether the pool has connections, so that queries need no new one.
    fn goes_on(&self) -> bool {
        let (open, _idle) = self.endpoint.size();
        self.health.get().is_ready() && open > 0
    }

    fn report_full(&mut self, reason: &str) {
        if !std::mem::replace(&mut self.is_full, true) {
            tracing::warn!(
                reason,
                "the database takes no connection more: no statement can be ended on it until it does"
            );
        }
    }

    fn report(&self, readiness: Readiness) {
        let before = self.health.set(readiness.clone());
        match readiness {
            Readiness::Ready if !before.is_ready() => tracing::info!("the database is there"),
            Readiness::NotReady(reason) if before.is_ready() => tracing::warn!(reason, "the database is gone"),
            _ => {}
        }
    }
}
