//! What one worker thread holds: its connections and their state, the request path, scratch buffers. It must not know
//! a protocol.
//!
//! A full worker closes what is idle, and nothing else, when one more connection comes. Only where none is idle does
//! the next response say `Connection: close`.

mod buffers;
mod connection_state;
mod connections;
mod fast_path;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod free_memory;
mod high_water;

use std::rc::Rc;
use std::sync::Arc;

use crate::clock::Clock;
use crate::limits::Limits;
use crate::net::Tls;
use crate::pipeline::Pipeline;

pub(crate) use buffers::ScratchBuffers;
pub(crate) use connection_state::ConnectionState;
pub(crate) use connections::Connections;
pub(crate) use fast_path::{FastAnswer, FastPath};

/// What one worker thread holds.
pub(crate) struct Worker {
    pub(crate) pipeline: Pipeline,
    pub(crate) limits: Limits,
    pub(crate) connections: Rc<Connections>,
    pub(crate) tls: Option<Arc<Tls>>,
    pub(crate) clock: Rc<Clock>,
    pub(crate) buffers: ScratchBuffers,
}
