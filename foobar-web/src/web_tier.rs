//! The trait that both tiers have.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use foobar_core::{BoxError, BoxFuture, Tier};

use crate::{
    Address, CertificateCommand, Gate, PassedSocket, SiteCertificate, SiteOverview, SiteSettings, Turn, Warning,
    WebSettings,
};

/// A tier that takes requests from clients: [`Web`](crate::Web) from sockets, [`InProcess`](crate::InProcess) from
/// the program that holds it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a web tier",
    label = "not a `WebTier`",
    note = "the one that listens on sockets is there without a call: leave `Server::web_tier` out",
    note = "to take its place, implement `foobar::tiers::Tier` and `WebTier`; `foobar::tiers::InProcess` is an example"
)]
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

    /// Takes sockets that this process was given, rather than making those of the same addresses; before
    /// [`bind`](Self::bind). By default it takes none.
    fn inherit(&self, sockets: Vec<PassedSocket>) {
        drop(sockets);
    }

    /// Its listening sockets once more, for a process that takes its place. By default there are none.
    fn pass_on(&self) -> io::Result<Vec<PassedSocket>> {
        Ok(Vec::new())
    }

    /// Where those of the sockets that it was [given](Self::inherit) listen that it has not taken. By default there are none.
    fn not_taken(&self) -> Vec<String> {
        Vec::new()
    }

    /// Closes the sockets at these addresses, which the process that takes its place [has not taken](Self::not_taken): who has
    /// connected there is still served, and who comes later is refused. By default nothing comes of it.
    fn close<'a>(&'a self, addresses: &'a [String]) -> BoxFuture<'a, Result<(), BoxError>> {
        let _unused = addresses;
        Box::pin(async { Ok(()) })
    }

    /// Whether it accepts connections from now on, for servers that take turns on the same sockets. A tier of which nothing
    /// is said accepts them. By default nothing comes of it.
    fn set_turn(&self, turn: Turn) {
        let _unused = turn;
    }

    /// Makes what other settings say, beside what is served, which stays as it is until the result is
    /// [applied](WebReload::apply). A stop then waits for `stream_timeout` for streams without an end. One at a time, and
    /// only while the tier serves. May block. By default it is an error: such a tier keeps its settings.
    fn prepare<'a>(
        &'a self,
        web: &WebSettings,
        sites: &BTreeMap<String, SiteSettings>,
        stream_timeout: Duration,
    ) -> Result<WebReload<'a>, BoxError> {
        let _unused = (web, sites, stream_timeout);
        Err("this web tier cannot take another configuration; restart".into())
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

    /// What lets an operator hold back requests. The default has none: such a tier can neither be paused nor be in
    /// maintenance.
    fn gate(&self) -> Option<Arc<Gate>> {
        None
    }

    /// Where it listens, once it has started; empty before, and where there is no socket.
    fn addresses(&self) -> Vec<Address>;
}

pub(crate) const NO_CERTIFICATES: &str = "no site has `ssl_certificate = \"auto\"`";

/// Another configuration of a [`WebTier`], checked and opened. Dropping it leaves everything as it was.
#[must_use = "nothing has changed until it is applied"]
pub struct WebReload<'a> {
    /// What of it will not work as somebody may expect.
    pub warnings: Vec<Warning>,
    /// The settings that stay as they are until a restart, and what they stay.
    pub unchanged: Vec<Warning>,
    apply: BoxFuture<'a, Result<Vec<String>, BoxError>>,
}

impl<'a> WebReload<'a> {
    /// One that this future applies.
    pub const fn new(
        warnings: Vec<Warning>,
        unchanged: Vec<Warning>,
        apply: BoxFuture<'a, Result<Vec<String>, BoxError>>,
    ) -> Self {
        Self { warnings, unchanged, apply }
    }

    /// Serves by it from now on: new requests go by it, those in flight end under what they began with. An error has
    /// changed nothing, unless it says otherwise. Gives, in sentences, what goes on as it was for a while. May block.
    pub async fn apply(self) -> Result<Vec<String>, BoxError> {
        self.apply.await
    }
}
