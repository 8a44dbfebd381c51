//! What one worker thread holds: its connections and their state, the request path, scratch buffers. It must not know
//! a protocol.
//!
//! A full worker closes what is idle, and nothing else, when one more connection comes. Only where none is idle does
//! the next response say `Connection: close`.

mod beginning;
mod buffers;
mod connection_state;
mod connections;
mod fast_path;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod free_memory;
mod high_water;
mod latest;

use std::rc::Rc;
use std::sync::Arc;

use crate::clock::Clock;
use crate::limits::Limits;
use crate::memory::FreedAside;
use crate::net::{Tls, TlsClient};
use crate::pipeline::Pipeline;

pub(crate) use beginning::Beginning;
pub(crate) use buffers::ScratchBuffers;
pub(crate) use connection_state::ConnectionState;
pub(crate) use connections::Connections;
pub(crate) use fast_path::{FastAnswer, FastPath};
pub(crate) use latest::Latest;

/// What one worker thread holds under one configuration. A request keeps the one that it has come to.
pub(crate) struct Worker {
    pub(crate) pipeline: Pipeline,
    pub(crate) limits: Limits,
    pub(crate) connections: Rc<Connections>,
    pub(crate) tls: Option<Arc<FreedAside<Tls>>>,
    pub(crate) clock: Rc<Clock>,
    pub(crate) buffers: ScratchBuffers,
    pub(crate) latest: Rc<Latest<Self>>,
}

impl Worker {
    /// The worker of the configuration in use, where this one's has been replaced. What a handshake has said of the client is
    /// brought over: the site whose rules it went by has another number there, or there is none with these rules any more.
    pub(crate) fn replacement(self: &Rc<Self>, tls: &mut Option<TlsClient>) -> Option<Rc<Self>> {
        let latest = self.latest.other_than(self)?;
        if let Some(tls) = tls {
            tls.site = latest.pipeline.sites.with_rule_of(&self.pipeline.sites, tls.site);
        }
        Some(latest)
    }
}
