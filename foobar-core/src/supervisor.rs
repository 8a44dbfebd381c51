use std::future::pending;
use std::iter::once;
use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt;
use futures_util::future::select_all;

use crate::{BoxError, Readiness, Tier, on_own_thread};

/// Starts tiers in the order given and drains them in reverse.
pub struct Supervisor {
    tiers: Vec<Arc<dyn Tier>>,
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

impl Supervisor {
    /// Starts `tiers` one after the other. Where one fails or panics, those already started are drained by `deadline`.
    pub async fn start(tiers: Vec<Arc<dyn Tier>>, deadline: Instant) -> Result<Self, StartError> {
        let mut started = Self { tiers: Vec::with_capacity(tiers.len()) };
        for tier in tiers {
            tracing::debug!(tier = tier.name(), "starting");
            if let Err(source) = begin(Arc::clone(&tier)).await {
                started.drain(deadline).await;
                return Err(StartError { tier: tier.name(), source });
            }
            started.tiers.push(tier);
        }
        Ok(started)
    }

    /// Completes when a tier that went on trying to start has [failed](Tier::failed) for good; else never.
    pub async fn failed(&self) -> StartError {
        let failures = self.tiers.iter().map(|tier| {
            let failed = |source| StartError { tier: tier.name(), source };
            tier.failed().map(failed).boxed()
        });
        let without_tiers = once(pending().boxed());
        select_all(failures.chain(without_tiers)).await.0
    }

    /// What each tier says of its readiness, in the order of start.
    pub fn readiness(&self) -> impl Iterator<Item = (&'static str, Readiness)> + '_ {
        self.tiers.iter().map(|tier| (tier.name(), tier.readiness()))
    }

    /// Tells all tiers that they stop, and drains them in the reverse order of start; each has until `deadline`.
    pub async fn drain(&self, deadline: Instant) {
        self.tiers.iter().rev().for_each(|tier| tier.stopping());
        for tier in self.tiers.iter().rev() {
            tracing::debug!(tier = tier.name(), "draining");
            tier.drain(deadline).await;
        }
    }
}

/// Starts one tier, whose code may block or panic.
async fn begin(tier: Arc<dyn Tier>) -> Result<(), BoxError> {
    let name = format!("start-{}", tier.name());
    on_own_thread(&name, async move { tier.start().await }).await??
}

#[cfg(test)]
mod tests;
