use std::sync::Arc;
use std::time::{Duration, Instant};

use foobar_core::{Drained, Readiness, Supervisor};
use foobar_web::{Address, WebTier};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::StartError;
use crate::admin::Admin;

/// A server that serves, until it is [stopped](Self::stop).
///
/// Dropping it leaves its threads serving; stop it.
#[must_use = "keep it, to stop the server"]
pub struct Running {
    supervisor: Supervisor,
    web: Arc<dyn WebTier>,
    admin: Option<Arc<Admin>>,
    patience: Patience,
    hurry: Notify,
}

/// How long a stop takes at most.
#[derive(Clone, Copy)]
pub(crate) struct Patience {
    /// `server.shutdown_delay`.
    pub(crate) delay: Duration,
    /// `server.shutdown_timeout`, which begins after the delay.
    pub(crate) timeout: Duration,
}

/// How a server stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Everything in flight was finished.
    Drained,
    /// The deadline passed, and what was still in flight has been dropped; or a tier panicked while it drained.
    CutOff,
}

impl Running {
    pub(crate) const fn new(
        supervisor: Supervisor,
        web: Arc<dyn WebTier>,
        admin: Option<Arc<Admin>>,
        patience: Patience,
    ) -> Self {
        Self { supervisor, web, admin, patience, hurry: Notify::const_new() }
    }

    /// The addresses it serves, with the ports that the system chose.
    pub fn addresses(&self) -> Vec<Address> {
        self.web.addresses()
    }

    /// The address of the admin listener; `None` if it is off.
    pub fn admin_address(&self) -> Option<Address> {
        self.admin.as_ref().and_then(|admin| admin.address())
    }

    /// What each tier says of its readiness, in the order of start.
    pub fn readiness(&self) -> Vec<(&'static str, Readiness)> {
        self.supervisor.readiness().collect()
    }

    /// Completes when a tier that waited for what it needs, such as the application for its database, has failed to
    /// start after all: a migration is wrong, the database refuses the user. It is the error that [`Server::start`]
    /// would have returned. What has started keeps serving, so stop the server. Never completes otherwise.
    ///
    /// [`Server::start`]: crate::Server::start
    pub async fn failed(&self) -> StartError {
        self.supervisor.failed().await.into()
    }

    /// Reopens the access log, for use after its file has been moved away.
    pub fn reopen_logs(&self) {
        self.web.reopen_logs();
    }

    /// Stops: `/readyz` says 503, and for `server.shutdown_delay` everything is served as before; then nothing new is
    /// accepted, what is in flight is finished, and the tiers stop in the reverse order of their start. From then on it
    /// takes at most `server.shutdown_timeout`; what is left is dropped.
    pub async fn stop(self) -> Stop {
        self.drain().await
    }

    /// Ends `server.shutdown_delay` of a drain.
    pub(crate) fn hurry(&self) {
        self.hurry.notify_one();
    }

    pub(crate) async fn drain(&self) -> Stop {
        if let Some(admin) = &self.admin {
            admin.begin_drain();
        }
        if !self.patience.delay.is_zero() {
            tracing::info!(delay = ?self.patience.delay, "no longer ready, but still serving (`server.shutdown_delay`)");
            _ = timeout(self.patience.delay, self.hurry.notified()).await; // whichever comes first
        }
        let deadline = Instant::now() + self.patience.timeout;
        let drained = self.supervisor.drain(deadline).await;
        if drained == Drained::Cleanly && Instant::now() < deadline { Stop::Drained } else { Stop::CutOff }
    }
}
