use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use foobar_web::{EndedPause, Gate, GateStatus, PauseStatus};
use tokio::time::timeout;

use super::Running;

/// Why a server holds no requests back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HoldError {
    /// A stop has begun.
    #[error("the server is stopping: it answers what it has, and takes nothing more")]
    Stopping,
    /// A new program is about to take the place of this one.
    #[error("an upgrade is under way; order it again once that has ended")]
    Upgrading,
    /// The program brings a web tier that cannot do it.
    #[error("the web tier of this program cannot hold requests back (`WebTier::gate`)")]
    NoGate,
}

/// What [`Running::pause`] has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Paused {
    /// Whether there was no pause before.
    pub is_new: bool,
    /// How it stands: whether the pause goes on, and the requests that the application still has.
    pub gate: GateStatus,
}

/// What [`Running::resume`] has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Resumed {
    /// The pause that has ended; `None` if there was none.
    pub pause: Option<EndedPause>,
}

impl Paused {
    /// Whether requests are held, and the application has none: what stands behind it may change.
    pub fn is_quiet(&self) -> bool {
        self.gate.pause.is_some() && self.gate.in_flight == 0
    }
}

impl fmt::Display for Paused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let GateStatus { pause, in_flight, .. } = self.gate;
        let Some(PauseStatus { ends_in, .. }) = pause else {
            return f.write_str("the pause has been ended while its requests in flight were waited for");
        };
        match self.is_new {
            true => f.write_str("paused: requests for the application are held")?,
            false => f.write_str("paused already; nothing has changed: requests for the application are held")?,
        }
        write!(f, ", for another {} s at most; ", ends_in.as_secs())?;
        match in_flight {
            0 => f.write_str("none is in flight"),
            1 => f.write_str("1 is still in flight: `pause` waits for it again, `resume` gives up"),
            many => write!(f, "{many} are still in flight: `pause` waits for them again, `resume` gives up"),
        }
    }
}

impl fmt::Display for Resumed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pause {
            Some(EndedPause { lasted, released, .. }) => {
                write!(f, "resumed after {:.1} s; requests that were held and go on: {released}", lasted.as_secs_f64())
            }
            None => f.write_str("there is no pause; nothing has changed"),
        }
    }
}

impl Running {
    /// Holds requests for the application in a queue (`web.pause_requests`, `web.pause_wait`), and waits until it has none
    /// any more: for a change of some seconds behind it, such as a switch of its database, of which no client sees an error.
    ///
    /// Returns once it is [quiet](Paused::is_quiet), or after `web.pause_wait`, at most 50 s, with the requests that are left;
    /// the pause goes on in either case. Files, redirects and fixed answers are served meanwhile, and it waits for no event
    /// stream and no WebSocket. The pause ends by [`resume`](Self::resume), by itself after `web.pause_timeout`, which the log
    /// tells, or when the server stops. A reload does not end it. One that goes on already is no error: it is waited for again.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = foobar::Server::new().app(foobar::routes(|_| {}));
    /// # let server = server.set("web.listen", "127.0.0.1:0").set("admin.listen", "off").set("web.access_log", "off");
    /// let running = server.start().await?;
    /// let paused = running.pause().await?;
    /// assert!(paused.is_new && paused.is_quiet());
    /// // … change what the application works with …
    /// assert!(running.resume().pause.is_some());
    /// # running.stop().await;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn pause(&self) -> Result<Paused, HoldError> {
        let gate = self.gate()?;
        let is_new = gate.pause();
        if let Some(error) = self.refuses_to_hold() {
            // A stop lets go what is held once, and a new program knows of no pause: after either, nobody would.
            if is_new {
                gate.resume();
            }
            return Err(error);
        }
        if is_new {
            tracing::info!("requests for the application are held (`pause`)");
            drop(self.reloader.runtime.spawn(end_in_time(Arc::clone(&gate)))); // it ends with the pause
        }
        let patience = gate.patience().min(LONGEST_WAIT);
        _ = timeout(patience, gate.quiet()).await; // what is left is told
        Ok(Paused { is_new, gate: gate.status() })
    }

    /// Lets the requests go on that a [pause](Self::pause) holds, in their order.
    pub fn resume(&self) -> Resumed {
        let pause = self.reloader.web.gate().and_then(|gate| gate.resume());
        if let Some(EndedPause { lasted, released, .. }) = pause {
            tracing::info!(?lasted, released, "requests for the application go on (`resume`)");
        }
        Resumed { pause }
    }

    /// Turns maintenance on or off: while it is on, clients get the page for maintenance of their site
    /// (`sites.*.maintenance_page`) with 503, but for those of `web.maintenance_allow` and on routes with `in_maintenance`.
    /// `/readyz` stays as it is, so that balancers go on to send requests here. A reload and an upgrade of the program keep
    /// it; a restart ends it. Gives whether that is a change.
    pub fn set_maintenance(&self, on: bool) -> Result<bool, HoldError> {
        let gate = self.gate()?;
        let lifecycle = &self.reloader.lifecycle;
        let changed = lifecycle.unless_handing_over(|| gate.set_maintenance(on)).ok_or(HoldError::Upgrading)?;
        if changed {
            tracing::info!(on, "maintenance");
        }
        Ok(changed)
    }

    /// Takes the server out of the rotation or back, as an operator orders it; whether that is a change.
    pub(crate) fn order_drained(&self, drained: bool) -> Result<bool, HoldError> {
        let lifecycle = &self.reloader.lifecycle;
        lifecycle.unless_handing_over(|| lifecycle.set_drained(drained)).ok_or(HoldError::Upgrading)
    }

    fn refuses_to_hold(&self) -> Option<HoldError> {
        let lifecycle = &self.reloader.lifecycle;
        match (lifecycle.is_stopping() || lifecycle.is_over(), lifecycle.is_upgrading()) {
            (true, _) => Some(HoldError::Stopping),
            (false, true) => Some(HoldError::Upgrading),
            (false, false) => None,
        }
    }

    fn gate(&self) -> Result<Arc<Gate>, HoldError> {
        self.reloader.web.gate().ok_or(HoldError::NoGate)
    }
}

async fn end_in_time(gate: Arc<Gate>) {
    if let Some(EndedPause { lasted, released, .. }) = gate.overrun().await {
        tracing::warn!(
            ?lasted,
            released,
            "the pause has ended by itself, as nobody has ended it (`web.pause_timeout`): requests go on"
        );
    }
}

/// Whoever orders a pause is answered within a minute.
const LONGEST_WAIT: Duration = Duration::from_secs(50);
