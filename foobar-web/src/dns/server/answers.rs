use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};

use crate::dns::served::Served;

/// What every question is answered by, as the configuration in use says.
pub(super) struct Answers {
    pub(super) served: Arc<Served>,
    secondaries: RwLock<Arc<[SocketAddr]>>,
    rate_limit: AtomicU32,
}

impl Answers {
    pub(super) fn new(served: Served, secondaries: &[SocketAddr], rate_limit: u32) -> Self {
        let (secondaries, rate_limit) = (RwLock::new(secondaries.into()), AtomicU32::new(rate_limit));
        Self { served: Arc::new(served), secondaries, rate_limit }
    }

    /// From the next question on.
    pub(super) fn change(&self, secondaries: &[SocketAddr], rate_limit: u32) {
        *self.secondaries.write().unwrap_or_else(PoisonError::into_inner) = secondaries.into(); // it is whole at any time
        self.rate_limit.store(rate_limit, Relaxed);
    }

    pub(super) fn secondaries(&self) -> Arc<[SocketAddr]> {
        Arc::clone(&self.secondaries.read().unwrap_or_else(PoisonError::into_inner)) // the same
    }

    pub(super) fn rate_limit(&self) -> u32 {
        self.rate_limit.load(Relaxed)
    }

    pub(super) fn may_transfer(&self, client: SocketAddr) -> bool {
        let client = client.ip().to_canonical();
        self.secondaries().iter().any(|secondary| secondary.ip().to_canonical() == client)
    }
}
