use std::io;
use std::sync::Arc;
use std::time::Duration;

use foobar_web::{PassedSocket, Turn, WebTier};
use tokio::sync::MutexGuard;
use tokio::time::sleep;

use super::Running;
use crate::lifecycle::Lifecycle;
use crate::reload::Current;

/// As long as it lives, there is no reload.
pub(crate) struct Upgrading<'a> {
    lifecycle: &'a Lifecycle,
    _current: MutexGuard<'a, Current>,
}

impl Drop for Upgrading<'_> {
    fn drop(&mut self) {
        self.lifecycle.set_upgrading(false);
    }
}

/// How often it is looked whether a start that goes on has ended.
const STEP: Duration = Duration::from_millis(20);

/// Turns on the same sockets, of programs that follow one another.
impl Running {
    /// Waits for the reload that goes on; `None` where the server stops.
    pub(crate) async fn begin_upgrade(&self) -> Option<Upgrading<'_>> {
        let lifecycle = &*self.reloader.lifecycle;
        let current = self.reloader.current.lock().await;
        if lifecycle.is_stopping() || lifecycle.is_over() {
            return None;
        }
        lifecycle.set_upgrading(true);
        Some(Upgrading { lifecycle, _current: current })
    }

    /// The listening sockets of the sites, and those for operators.
    pub(crate) fn pass_on(&self) -> io::Result<(Vec<PassedSocket>, Vec<PassedSocket>)> {
        let admin = self.admin.as_ref().map_or(Ok(Vec::new()), |admin| admin.pass_on())?;
        Ok((self.reloader.web.pass_on()?, admin))
    }

    /// Completes once every tier is ready.
    pub(crate) async fn all_ready(&self) {
        while !self.supervisor.readiness().all(|(_, tier)| tier.is_ready()) {
            sleep(STEP).await;
        }
    }

    /// Accepts connections from now on.
    pub(crate) fn take_turn(&self) {
        self.set_turn(Turn::Now);
    }

    /// Another program accepts them from now on; this one is to stop.
    pub(crate) fn hand_over(&self) {
        self.reloader.lifecycle.hand_over();
        self.set_turn(Turn::Over);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.reloader.lifecycle.is_stopping()
    }

    /// Whether another program serves in its place.
    pub(crate) fn is_over(&self) -> bool {
        self.reloader.lifecycle.is_over()
    }

    pub(crate) fn is_drained(&self) -> bool {
        self.reloader.lifecycle.is_drained()
    }

    pub(crate) fn generation(&self) -> u64 {
        self.reloader.lifecycle.generation()
    }

    pub(crate) fn set_before(&self, before: Option<String>) {
        self.reloader.lifecycle.set_before(before);
    }

    /// What the web tier still does.
    pub(crate) fn unfinished(&self) -> Option<String> {
        self.reloader.web.unfinished()
    }

    fn set_turn(&self, turn: Turn) {
        let web: &Arc<dyn WebTier> = &self.reloader.web;
        web.set_turn(turn);
        if let Some(admin) = &self.admin {
            admin.set_turn(turn);
        }
    }
}
