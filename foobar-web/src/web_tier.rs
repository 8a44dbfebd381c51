//! The trait that both tiers have.

use foobar_core::{BoxError, BoxFuture, Tier};

use crate::{Address, CertificateCommand, SiteCertificate, SiteOverview, Warning};

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

    /// Carries out what an operator wants of a certificate that the server gets by itself, while the server may be running;
    /// says what comes of it. The default has none.
    fn certificate_command<'a>(&'a self, command: &'a CertificateCommand) -> BoxFuture<'a, Result<String, BoxError>> {
        let _unused = command;
        Box::pin(async { Err(NO_CERTIFICATES.into()) })
    }

    /// What in its settings will not work as somebody may expect. The default knows of nothing.
    fn warnings(&self) -> Vec<Warning> {
        Vec::new()
    }

    /// Where it listens, once it has started; empty before, and where there is no socket.
    fn addresses(&self) -> Vec<Address>;
}

pub(crate) const NO_CERTIFICATES: &str = "no site has `ssl_certificate = \"auto\"`";
