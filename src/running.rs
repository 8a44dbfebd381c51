mod turns;
mod verbs;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use foobar_core::{Drained, Readiness, Supervisor, on_own_thread_in};
use foobar_web::Address;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::StartError;
use crate::admin::Admin;
use crate::reload::{PrepareLog, Reloaded, Reloader};
use crate::status::Status;

pub use verbs::{HoldError, Paused, Resumed};

/// A server that serves, until it is [stopped](Self::stop).
///
/// Dropping it leaves its threads serving; stop it.
#[must_use = "keep it, to stop the server"]
pub struct Running {
    supervisor: Supervisor,
    admin: Option<Arc<Admin>>,
    reloader: Arc<Reloader>,
    since: Instant,
    hurry: Notify,
}

/// How long a program whose place another one has taken serves as before: the first request of a connection that it has just
/// accepted may be on its way.
const LAST_COMERS: Duration = Duration::from_secs(1);

/// The part of the time of a stop that a reload may take which goes on: the rest is for what is in flight.
const RELOAD_SHARE: u32 = 4;

/// How a server stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Everything in flight was finished.
    Drained,
    /// The deadline passed, and what was still in flight has been dropped; or a tier panicked while it drained.
    CutOff,
}

impl Running {
    pub(crate) fn new(supervisor: Supervisor, admin: Option<Arc<Admin>>, reloader: Reloader) -> Self {
        Self { supervisor, admin, reloader: Arc::new(reloader), since: Instant::now(), hurry: Notify::new() }
    }

    /// The addresses it serves, with the ports that the system chose.
    pub fn addresses(&self) -> Vec<Address> {
        self.reloader.web.addresses()
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
        self.reloader.web.reopen_logs();
    }

    /// Reads the configuration again, from where the first one came, and takes it while the server serves.
    ///
    /// It is read, compiled and opened whole beside the one in use. Then sites, routes, files, error pages, limits, the access
    /// log, certificates, trusted proxies, listeners, the zone, the settings of the application and of the database change at once:
    /// new requests go by them, also on connections that are there, and those in flight end under what they began with. No
    /// connection ends by it. An address that stays in `web.listen` keeps its socket and what waits there. What cannot change
    /// without a restart is named in the [answer](Reloaded::unchanged): the number of workers, the listener for operators,
    /// the engine of the database. [`App::reloaded`](crate::App::reloaded) comes at the end.
    ///
    /// An error changes nothing, and says where it stands and what to do. One reload goes on at a time; another one waits. It
    /// goes on where this future is dropped. A worker whose handler blocks its thread for more than 3 s is named in the
    /// [warnings](Reloaded::warnings), and follows once the handler yields.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let folder = tempfile::tempdir()?;
    /// let file = folder.path().join("site.toml");
    /// let says = |text: &str| format!("[sites.main.routes.'/']\nrespond = 200\nbody = '{text}'\n");
    /// std::fs::write(&file, says("yesterday"))?;
    /// let server = foobar::Server::new().config_file(&file).set("web.listen", "127.0.0.1:0").set("admin.listen", "off");
    /// let running = server.start().await?;
    ///
    /// std::fs::write(&file, says("today"))?;
    /// let reloaded = running.reload().await?;
    /// assert_eq!(reloaded.changed, ["sites.main.routes.\"/\".body"]);
    ///
    /// std::fs::write(&file, says("tomorrow") + "redirect = '/'\n")?;
    /// let error = running.reload().await.expect_err("a route has one target");
    /// assert!(error.to_string().contains("site.toml"), "{error}");
    /// # running.stop().await;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn reload(&self) -> Result<Reloaded, StartError> {
        self.reload_with(None).await
    }

    /// The same with the log of the program.
    pub(crate) async fn reload_with(&self, log: Option<PrepareLog>) -> Result<Reloaded, StartError> {
        let reloader = Arc::clone(&self.reloader);
        let runtime = reloader.runtime.clone();
        let on_thread = async move {
            let runtime = reloader.runtime.clone();
            on_own_thread_in(&runtime, "reload", async move { reloader.reload(log).await }).await
        };
        let outcome = runtime.spawn(on_thread).await.map_err(io::Error::other).flatten(); // whoever waits may go
        let outcome = outcome.map_err(|error| StartError::Reload(error.into()))?;
        outcome.map_err(|panic| StartError::Reload(panic.into()))?
    }

    /// Takes the server out of the rotation of a balancer in front: `/readyz` says 503, and everything is served as before, until
    /// [`undrain`](Self::undrain). Gives whether that is a change.
    pub fn drain(&self) -> bool {
        self.reloader.lifecycle.set_drained(true)
    }

    /// Takes it back into the rotation, as far as its tiers are ready. Gives whether that is a change.
    pub fn undrain(&self) -> bool {
        self.reloader.lifecycle.set_drained(false)
    }

    /// How it is.
    pub fn status(&self) -> Status {
        let lifecycle = &self.reloader.lifecycle;
        Status {
            process: std::process::id(),
            serving: self.since.elapsed(),
            configuration: lifecycle.configuration(),
            generation: lifecycle.generation(),
            upgrade: lifecycle.upgrade(),
            before: lifecycle.before(),
            connections: self.reloader.web.unfinished(),
            configured: lifecycle.configured(),
            gate: self.reloader.web.gate().map(|gate| gate.status()),
            not_ready: lifecycle.not_ready(),
            tiers: self.readiness(),
        }
    }

    /// Stops: `/readyz` says 503, and for `server.shutdown_delay` everything is served as before; then nothing new is
    /// accepted, what is in flight is finished, and the tiers stop in the reverse order of their start. From then on it
    /// takes at most `server.shutdown_timeout`; what is left is dropped.
    pub async fn stop(self) -> Stop {
        self.finish().await
    }

    /// Ends `server.shutdown_delay` of a stop.
    pub(crate) fn hurry(&self) {
        self.hurry.notify_one();
    }

    async fn finish(&self) -> Stop {
        self.serve_until_end().await;
        self.end().await
    }

    /// The first part of a stop: everything is served as before.
    pub(crate) async fn serve_until_end(&self) {
        self.reloader.lifecycle.stop();
        self.resume(); // what is held is answered too
        let patience = self.reloader.patience();
        if self.reloader.lifecycle.is_over() {
            _ = timeout(LAST_COMERS, self.hurry.notified()).await; // whichever comes first
        } else if !patience.delay.is_zero() {
            tracing::info!(delay = ?patience.delay, "no longer ready, but still serving (`server.shutdown_delay`)");
            _ = timeout(patience.delay, self.hurry.notified()).await; // whichever comes first
        }
    }

    /// The other part: nothing new is accepted.
    pub(crate) async fn end(&self) -> Stop {
        let patience = self.reloader.patience();
        let deadline = Instant::now() + patience.timeout;
        self.reloader.end_by(Instant::now() + patience.timeout / RELOAD_SHARE).await;
        let drained = self.supervisor.drain(deadline).await;
        if drained == Drained::Cleanly && Instant::now() < deadline { Stop::Drained } else { Stop::CutOff }
    }
}
