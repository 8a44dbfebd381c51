use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::dns::served::Served;

/// What every question is answered by.
#[derive(Clone)]
pub(super) struct Answers {
    pub(super) served: Arc<Served>,
    pub(super) secondaries: Arc<[IpAddr]>,
}

impl Answers {
    pub(super) fn may_transfer(&self, client: SocketAddr) -> bool {
        self.secondaries.contains(&client.ip().to_canonical())
    }
}
