use std::sync::Arc;
use std::time::Instant;

use crate::{BoxError, Readiness, Tier};

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
    /// Starts `tiers` one after the other. Where one fails, those already started are drained by `deadline`.
    pub async fn start(tiers: Vec<Arc<dyn Tier>>, deadline: Instant) -> Result<Self, StartError> {
        let mut started = Self { tiers: Vec::with_capacity(tiers.len()) };
        for tier in tiers {
            tracing::debug!(tier = tier.name(), "starting");
            if let Err(source) = tier.start().await {
                started.drain(deadline).await;
                return Err(StartError { tier: tier.name(), source });
            }
            started.tiers.push(tier);
        }
        Ok(started)
    }

    /// What each tier says of its readiness, in the order of start.
    pub fn readiness(&self) -> impl Iterator<Item = (&'static str, Readiness)> + '_ {
        self.tiers.iter().map(|tier| (tier.name(), tier.readiness()))
    }

    /// Drains the tiers in the reverse order of start; each has until `deadline`.
    pub async fn drain(&self, deadline: Instant) {
        for tier in self.tiers.iter().rev() {
            tracing::debug!(tier = tier.name(), "draining");
            tier.drain(deadline).await;
        }
    }
}

#[cfg(test)]
mod tests;
