//! The web tier on sockets: binds the addresses of the plan and gives each worker thread its share of them.
//!
//! It must not know what a worker does with a connection.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use foobar_core::{BoxError, BoxFuture, MakeHandler, Metrics, Readiness, Tier};

use crate::issuer::Renewing;
use crate::net::{Acceptor, Listener, Share};
use crate::plan::Plan;
use crate::threads::{Threads, WorkerMain, serve_all};
use crate::web_tier::NO_CERTIFICATES;
use crate::{
    Address, CertificateCommand, Error, FileSources, SiteCertificate, SiteOverview, SiteSettings, Warning, WebSettings,
    WebTier,
};

/// The web tier in nginx's place: it listens on sockets and serves sites with a fixed number of worker threads.
///
/// Every worker accepts from the same socket of each address, holds its connections to their end, and has a handler
/// of its own, made by the [`MakeHandler`]. A drain drops at its deadline what is not finished, and returns when that
/// has been logged, at most 1.2 s later.
pub struct Web {
    plan: Plan,
    crew: Threads,
    /// Those that are bound: they listen once the tier has started.
    listeners: Mutex<Vec<Listener>>,
    /// As long as the tier serves, where it gets certificates by itself.
    renewing: Mutex<Option<Renewing>>,
}

impl Web {
    /// Checks the settings and opens the files and folders they name; binds nothing. Without `app`, sites have only
    /// files, redirects and fixed answers.
    pub fn new(
        settings: &WebSettings,
        sites: &BTreeMap<String, SiteSettings>,
        app: Option<Arc<dyn MakeHandler>>,
    ) -> Result<Self, Error> {
        Self::with_files(settings, sites, &FileSources::default(), app)
    }

    /// The same with sources of files that `root` and `files` of the settings may name.
    pub fn with_files(
        settings: &WebSettings,
        sites: &BTreeMap<String, SiteSettings>,
        files: &FileSources,
        app: Option<Arc<dyn MakeHandler>>,
    ) -> Result<Self, Error> {
        let plan = Plan::compile(settings, sites, files, app)?;
        Ok(Self { plan, crew: Threads::new(), listeners: Mutex::default(), renewing: Mutex::default() })
    }

    /// How long a drain waits for streams without an end: answers of unknown length, and connections that have left
    /// HTTP. Then they are ended and count as finished; event streams (`text/event-stream`) after a second. The default
    /// is 5 s; the last quarter of the time until the drain's deadline is not theirs.
    #[must_use]
    pub fn stream_timeout(mut self, time: Duration) -> Self {
        self.plan.limits.stream_time = time;
        self
    }

    fn bind_all(&self) -> Result<(), Error> {
        let mut listeners = self.listeners();
        if listeners.is_empty() {
            let bound = self.plan.listen.iter().map(Listener::bind).collect::<Result<Vec<_>, _>>()?;
            *listeners = bound.into_iter().flatten().collect();
        }
        Ok(())
    }

    async fn bind_and_serve(&self) -> Result<(), Error> {
        self.bind_all()?;
        self.issue()?;
        let listeners = std::mem::take(&mut *self.listeners());
        listeners.iter().try_for_each(Listener::listen)?;
        let works = (0..self.plan.workers).map(|_| work(&listeners)).collect::<io::Result<_>>();
        let works = works.map_err(|source| Error::Thread { name: "foobar-web".to_owned(), source })?;
        self.crew.start(&self.plan, works).await?;
        *self.listeners() = listeners;
        Ok(())
    }

    /// Before the first client, so that it sees the certificate of a local authority.
    fn issue(&self) -> Result<(), Error> {
        let (Some(issuers), Some(tls)) = (&self.plan.issuers, &self.plan.tls) else { return Ok(()) };
        if self.plan.listen.iter().any(|listen| listen.ssl) {
            issuers.prepare()?;
            tls.refresh();
            *self.renewing() = Some(issuers.start(&self.plan.app)?);
        }
        Ok(())
    }

    fn renewing(&self) -> MutexGuard<'_, Option<Renewing>> {
        self.renewing.lock().unwrap_or_else(PoisonError::into_inner) // it is whole at any time
    }

    fn listeners(&self) -> MutexGuard<'_, Vec<Listener>> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner) // it is whole at any time
    }
}

fn work(listeners: &[Listener]) -> io::Result<WorkerMain> {
    let sockets = listeners.iter().map(Listener::share).collect::<io::Result<Vec<Share>>>()?;
    Ok(Box::new(|worker, orders| {
        let acceptors = sockets.into_iter().map(Acceptor::new).collect::<io::Result<_>>()?;
        Ok(Box::pin(serve_all(worker, acceptors, orders.drain())))
    }))
}

impl Tier for Web {
    fn name(&self) -> &'static str {
        "web"
    }

    fn start(&self) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(async { Ok(self.bind_and_serve().await?) })
    }

    fn readiness(&self) -> Readiness {
        self.crew.readiness()
    }

    fn drain(&self, deadline: Instant) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let listeners = std::mem::take(&mut *self.listeners());
            drop(listeners); // the workers close their shares
            drop(self.renewing().take());
            self.crew.drain(deadline).await;
        })
    }

    fn metrics(&self, metrics: &mut Metrics) {
        self.plan.metrics(metrics);
        self.crew.metrics(metrics);
        self.plan.store.metrics(metrics);
        self.plan.issuers.iter().for_each(|issuers| issuers.metrics(metrics));
    }

    fn concerns(&self) -> Vec<String> {
        self.plan.tls.as_ref().map_or_else(Vec::new, |tls| tls.concerns(SystemTime::now()))
    }
}

impl WebTier for Web {
    fn sites(&self) -> Vec<SiteOverview> {
        self.plan.sites.overview()
    }

    fn certificates(&self) -> Vec<SiteCertificate> {
        let mut all = self.plan.tls.as_ref().map_or_else(Vec::new, |tls| tls.overview());
        self.plan.issuers.iter().for_each(|issuers| all.iter_mut().for_each(|one| issuers.complete(one)));
        all
    }

    fn certificate_command<'a>(&'a self, command: &'a CertificateCommand) -> BoxFuture<'a, Result<String, BoxError>> {
        Box::pin(async move {
            let issuers = self.plan.issuers.as_ref().ok_or(NO_CERTIFICATES)?;
            Ok(issuers.command(command).await?)
        })
    }

    fn warnings(&self) -> Vec<Warning> {
        self.plan.warnings.clone()
    }

    /// Tries to bind each address of `web.listen`; one in use is fine, and an inherited socket must be open here.
    /// Anything else is an [`Error::Listen`].
    fn check(&self) -> Result<(), BoxError> {
        Ok(self.plan.listen.iter().try_for_each(Listener::check)?)
    }

    fn bind(&self) -> Result<(), BoxError> {
        Ok(self.bind_all()?)
    }

    fn reopen_logs(&self) {
        self.crew.reopen_log();
    }

    fn addresses(&self) -> Vec<Address> {
        self.listeners().iter().map(|listener| listener.address().clone()).collect()
    }
}
