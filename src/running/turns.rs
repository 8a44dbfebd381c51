use std::io;
use std::sync::Arc;
use std::time::Duration;

use foobar_core::Chain;
use foobar_web::{GateStatus, PassedSocket, Turn, WebTier};
use tokio::sync::MutexGuard;
use tokio::time::sleep;

use super::Running;
use crate::config_file::ConfigFile;
use crate::lifecycle::Lifecycle;
use crate::reload::Current;

/// As long as it lives, there is no reload.
pub(crate) struct Upgrading<'a> {
    lifecycle: &'a Lifecycle,
    current: Option<MutexGuard<'a, Current>>,
}

impl Upgrading<'_> {
    /// What the configuration in use came from.
    pub(crate) fn config_file(&self) -> ConfigFile {
        self.current.as_ref().map_or(ConfigFile::Absent, |current| ConfigFile::of(&current.config))
    }
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
    /// Waits for the reload that goes on, and refuses those that come from now on; `None` where the server stops.
    pub(crate) async fn begin_upgrade(&self) -> Option<Upgrading<'_>> {
        let lifecycle = &*self.reloader.lifecycle;
        lifecycle.set_upgrading(true);
        let mut upgrading = Upgrading { lifecycle, current: None };
        upgrading.current = Some(self.reloader.current.lock().await);
        (!lifecycle.is_stopping() && !lifecycle.is_over()).then_some(upgrading)
    }

    /// From now on no upgrade begins.
    pub(crate) fn begin_stop(&self) {
        self.reloader.lifecycle.stop();
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

    /// Where the sockets listen that this program was given and has not taken: nobody serves there from its turn on.
    pub(crate) fn not_taken(&self) -> Vec<String> {
        let of_admin = self.admin.iter().flat_map(|admin| admin.not_taken());
        self.reloader.web.not_taken().into_iter().chain(of_admin).collect()
    }

    /// Closes the sockets that the program after this one has not taken, while both serve: who has connected is answered here.
    pub(crate) async fn close(&self, addresses: &[String]) {
        let mut outcome = self.reloader.web.close(addresses).await;
        if let Some(admin) = &self.admin {
            outcome = outcome.and(admin.close(addresses).await);
        }
        if let Err(error) = outcome {
            let addresses = addresses.join(", ");
            tracing::warn!(error = %Chain(&*error), addresses, "what the new program has not taken is closed at the end");
        }
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

    pub(crate) fn is_paused(&self) -> bool {
        self.gate_status().is_some_and(|gate| gate.pause.is_some())
    }

    pub(crate) fn is_in_maintenance(&self) -> bool {
        self.gate_status().is_some_and(|gate| gate.maintenance.is_some())
    }

    fn gate_status(&self) -> Option<GateStatus> {
        self.reloader.web.gate().map(|gate| gate.status())
    }

    pub(crate) fn generation(&self) -> u64 {
        self.reloader.lifecycle.generation()
    }

    pub(crate) fn set_successor(&self, process: u32) {
        self.reloader.lifecycle.set_successor(process);
    }

    pub(crate) fn set_before(&self, process: u32, left: String) {
        self.reloader.lifecycle.set_before(process, left);
    }

    pub(crate) fn forget_before(&self) {
        self.reloader.lifecycle.forget_before();
    }

    /// What the web tier still does, and what the program before this one does.
    pub(crate) fn unfinished(&self) -> Option<String> {
        let all: Vec<_> = self.reloader.web.unfinished().into_iter().chain(self.reloader.lifecycle.before()).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }

    fn set_turn(&self, turn: Turn) {
        let web: &Arc<dyn WebTier> = &self.reloader.web;
        web.set_turn(turn);
        if let Some(admin) = &self.admin {
            admin.set_turn(turn);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::{Server, Stop};

    async fn serving() -> Running {
        serving_by(Server::new()).await
    }

    async fn serving_by(server: Server) -> Running {
        let server = server.set("web.listen", "127.0.0.1:0").set("web.access_log", "off");
        let server = server.set("admin.listen", "off").set("sites.main.routes.\"/\".respond", "204");
        server.start().await.unwrap()
    }

    #[tokio::test]
    async fn a_reload_behind_an_upgrade_that_waits_for_another_reload_is_refused() {
        let running = serving().await;
        let reload = running.reloader.current.lock().await;
        let mut upgrade = Box::pin(running.begin_upgrade());
        assert!(upgrade.as_mut().now_or_never().is_none());
        let error = Chain(&running.reload().await.unwrap_err()).to_string();
        assert!(error.contains("an upgrade is under way"), "{error}");
        drop(reload);
        assert!(upgrade.await.is_some());
        running.stop().await;
    }

    #[tokio::test]
    async fn a_stop_waits_for_a_reload_that_goes_on() {
        let running = serving().await;
        let reload = running.reloader.current.lock().await;
        let mut stop = Box::pin(running.finish());
        assert!(stop.as_mut().now_or_never().is_none());
        let mut behind_it = Box::pin(running.reloader.current.lock());
        assert!(behind_it.as_mut().now_or_never().is_none());
        drop(reload);
        assert!(behind_it.as_mut().now_or_never().is_none(), "the stop has waited for longer, and has its turn");
        assert_eq!(stop.await, Stop::Drained);
    }

    #[tokio::test]
    async fn a_reload_that_does_not_end_leaves_a_stop_the_time_for_what_is_in_flight() {
        let running = serving_by(Server::new().set("server.shutdown_timeout", "2s")).await;
        let _reload = running.reloader.current.lock().await;
        assert_eq!(running.finish().await, Stop::Drained);
    }

    #[tokio::test]
    async fn an_upgrade_that_is_given_up_leaves_reloads_as_they_were() {
        let running = serving().await;
        running.begin_stop();
        assert!(running.begin_upgrade().await.is_none());
        assert!(!running.reloader.lifecycle.is_upgrading());
        running.stop().await;
    }
}
