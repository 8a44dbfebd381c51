use std::net::SocketAddr;
use std::sync::Arc;

use foobar_core::config::Config;
use foobar_core::{BoxError, BoxFuture, Tier};
use foobar_web::DnsAnswers;

use crate::StartError;
use crate::settings::AllSettings;

/// Has a name server go by other settings. Dropped, it changes nothing.
pub(crate) type TakeZone = BoxFuture<'static, ()>;

/// The tier that serves the zone.
pub(crate) trait NameServer: Tier {
    /// The place where names of the zone are proved to an authority.
    fn answers(self: Arc<Self>) -> Arc<dyn DnsAnswers>;

    /// Takes its addresses, before anything starts.
    fn bind(&self) -> Result<(), BoxError>;

    /// Tries them, and leaves everything as it is.
    fn check(&self) -> Result<(), BoxError>;

    /// Compiles other settings while it serves, and opens what they name.
    fn prepare(self: Arc<Self>, config: &Config, settings: &AllSettings) -> Result<TakeZone, StartError>;

    /// Where it serves, once it has its addresses; none where a reload has ended that.
    fn addresses(&self) -> Vec<SocketAddr>;

    /// Where it serves which zone.
    fn describe(&self) -> Vec<String>;
}

/// As a tier among others.
pub(crate) fn tier(server: &Arc<dyn NameServer>) -> Arc<dyn Tier> {
    Arc::clone(server) as Arc<dyn Tier>
}
