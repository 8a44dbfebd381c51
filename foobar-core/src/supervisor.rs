use std::future::pending;
use std::iter::once;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, select_all};
use tokio::runtime::Handle;
use tokio::time::timeout_at;

use crate::{BoxError, Chain, Readiness, Tier, on_own_thread_in, panics};

/// Starts tiers in the order given and drains them in reverse.
///
/// A start and a drain run on a thread of their own each, so that a tier that blocks holds nobody else; what they spawn
/// lives on one runtime.
pub struct Supervisor {
    tiers: Vec<Arc<dyn Tier>>,
    runtime: Handle,
}

/// A tier could not start; those before it have been drained again.
#[derive(Debug, thiserror::Error)]
#[error("the {tier} tier could not start")]
pub struct StartError {
    /// The tier's name.
    pub tier: &'static str,
    /// Why.
    pub source: BoxError,
}

/// How tiers have drained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "what was cut off is to be told"]
pub enum Drained {
    /// Each has ended by itself.
    Cleanly,
    /// One panicked, or had not ended a while after the deadline; the log says which.
    Not,
}

/// How long after its deadline a drain is waited for: a tier says then what it drops.
const GRACE: Duration = Duration::from_secs(2);

impl Supervisor {
    /// Starts `tiers` one after the other on the current runtime. Where one fails or panics, those already started are
    /// drained by `deadline`.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub async fn start(tiers: Vec<Arc<dyn Tier>>, deadline: Instant) -> Result<Self, StartError> {
        Self::start_in(Handle::current(), tiers, deadline).await
    }

    /// The same with what the tiers spawn on another `runtime`.
    pub async fn start_in(runtime: Handle, tiers: Vec<Arc<dyn Tier>>, deadline: Instant) -> Result<Self, StartError> {
        let mut started = Self { tiers: Vec::with_capacity(tiers.len()), runtime };
        for tier in tiers {
            tracing::debug!(tier = tier.name(), "starting");
            if let Err(source) = started.begin(Arc::clone(&tier)).await {
                _ = started.drain(deadline).await; // the log has said what it has not drained
                return Err(StartError { tier: tier.name(), source });
            }
            started.tiers.push(tier);
        }
        Ok(started)
    }

    /// Completes when a tier that went on trying to start has [failed](Tier::failed) for good; else never.
    pub async fn failed(&self) -> StartError {
        let without_tiers = once(pending().boxed());
        select_all(self.tiers.iter().map(|tier| self.failed_of(tier)).chain(without_tiers)).await.0
    }

    /// What each tier says of its readiness, in the order of start.
    pub fn readiness(&self) -> impl Iterator<Item = (&'static str, Readiness)> + '_ {
        self.tiers.iter().map(|tier| (tier.name(), tier.readiness()))
    }

    /// Tells all tiers that they stop, and drains them in the reverse order of start; each has until `deadline`.
    pub async fn drain(&self, deadline: Instant) -> Drained {
        let mut drained = Drained::Cleanly;
        for tier in self.tiers.iter().rev() {
            if let Err(panic) = panics::catch(|| tier.stopping()) {
                tracing::error!(tier = tier.name(), "its word of the stop {panic}");
                drained = Drained::Not;
            }
        }
        for tier in self.tiers.iter().rev() {
            tracing::debug!(tier = tier.name(), "draining");
            if let Err(error) = self.end(Arc::clone(tier), deadline).await {
                tracing::error!(tier = tier.name(), "its drain {}", Chain(&*error));
                drained = Drained::Not;
            }
        }
        drained
    }

    /// Starts one tier, whose code may block or panic.
    async fn begin(&self, tier: Arc<dyn Tier>) -> Result<(), BoxError> {
        let name = format!("start-{}", tier.name());
        on_own_thread_in(&self.runtime, &name, async move { tier.start().await }).await??
    }

    /// Drains one tier, whose code may block or panic.
    async fn end(&self, tier: Arc<dyn Tier>, deadline: Instant) -> Result<(), BoxError> {
        let name = format!("drain-{}", tier.name());
        let drain = on_own_thread_in(&self.runtime, &name, async move { tier.drain(deadline).await });
        match timeout_at((deadline.max(Instant::now()) + GRACE).into(), drain).await {
            Ok(outcome) => Ok(outcome??),
            Err(_elapsed) => Err("did not end by its deadline, and is left behind".into()),
        }
    }

    fn failed_of<'a>(&'a self, tier: &'a Arc<dyn Tier>) -> BoxFuture<'a, StartError> {
        let failed = panics::catch_future(async { tier.failed().await });
        failed.map(|failed| StartError { tier: tier.name(), source: failed.unwrap_or_else(BoxError::from) }).boxed()
    }
}

#[cfg(test)]
mod tests;
