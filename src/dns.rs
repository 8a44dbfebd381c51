//! The names of the sites: what the cargo feature `dns` brings, or that it is missing. Nobody else asks for the feature.

#[cfg(not(feature = "dns"))]
mod absent;
#[cfg(feature = "dns")]
mod present;

use std::sync::Arc;

use foobar_core::{BoxError, Tier};

#[cfg(not(feature = "dns"))]
pub(crate) use absent::*;
#[cfg(feature = "dns")]
pub(crate) use present::*;

/// The tier that serves the zone.
pub(crate) trait NameServer: Tier {
    /// Takes its addresses, before anything starts.
    fn bind(&self) -> Result<(), BoxError>;

    /// Tries them, and leaves everything as it is.
    fn check(&self) -> Result<(), BoxError>;

    /// Where it serves which zone, once it has its addresses.
    fn describe(&self) -> Vec<String>;
}

/// As a tier among others.
pub(crate) fn tier(server: &Arc<dyn NameServer>) -> Arc<dyn Tier> {
    Arc::clone(server) as Arc<dyn Tier>
}
