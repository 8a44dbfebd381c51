//! The trait that both tiers have.

use foobar_core::{BoxError, Tier};

use crate::{Address, SiteCertificate, SiteOverview, Warning};

/// A tier that takes requests from clients: [`Web`](crate::Web) from sockets, [`InProcess`](crate::InProcess) from
/// the program that holds it.
pub trait WebTier: Tier {
    /// For a dry run: tries what `start` would need from the system, and leaves everything as it is. The server may be
    /// running meanwhile. May block. The default finds nothing wrong.
    fn check(&self) -> Result<(), BoxError> {
        Ok(())
    }

    /// Takes the addresses of `start` before any tier has started, so that one that is in use leaves everything as it
    /// was; nobody is served yet. May block. By default `start` takes them itself.
    fn bind(&self) -> Result<(), BoxError> {
        Ok(())
    }

    /// Reopens the access log, for use after its file has been moved away. The default has none.
    fn reopen_logs(&self) {}

    /// Its sites and routes, in the order in which they are tried. The default has none.
    fn sites(&self) -> Vec<SiteOverview> {
        Vec::new()
    }

    /// The certificates of its sites, as they are and as they are on the disk. May block. The default has none.
    fn certificates(&self) -> Vec<SiteCertificate> {
        Vec::new()
    }

    /// What in its settings will not work as somebody may expect. The default knows of nothing.
    fn warnings(&self) -> Vec<Warning> {
        Vec::new()
    }

    /// Where it listens, once it has started; empty before, and where there is no socket.
    fn addresses(&self) -> Vec<Address>;
}
