use std::sync::Arc;

use foobar_core::{BoxError, Tier};
use foobar_web::DnsAnswers;

/// The tier that serves the zone.
pub(crate) trait NameServer: Tier {
    /// The place where names of the zone are proved to an authority.
    fn answers(self: Arc<Self>) -> Arc<dyn DnsAnswers>;

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
