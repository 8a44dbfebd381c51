//! The names of the sites: what the cargo feature `dns` brings, or that it is missing. Nobody else asks for the feature.

#[cfg(not(feature = "dns"))]
mod absent;
mod name_server;
#[cfg(feature = "dns")]
mod present;

#[cfg(not(feature = "dns"))]
pub(crate) use absent::*;
pub(crate) use name_server::{NameServer, TakeZone, tier};
#[cfg(feature = "dns")]
pub(crate) use present::*;
