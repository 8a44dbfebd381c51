//! The web tier on sockets: binds the addresses of the plan and gives each worker thread its share of them.
//!
//! It must not know what a worker does with a connection.

mod listeners;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime};

use foobar_core::{BoxError, BoxFuture, MakeHandler, Metrics, Readiness, Tier};
use rustls::crypto::CryptoProvider;

use crate::issuer::Renewing;
use crate::net::{Acceptor, Listener, Share, Sockets};
use crate::plan::{Given, Plan};
use crate::threads::{Threads, WorkerMain, serve_all};
use crate::web_tier::NO_CERTIFICATES;
use crate::{
    Address, CertificateCommand, DnsAnswers, Error, FileSources, Gate, PassedSocket, SiteCertificate, SiteOverview,
    SiteSettings, Turn, Warning, WebReload, WebSettings, WebTier,
};
use listeners::{Listeners, NewListeners};

/// The web tier in nginx's place: it listens on sockets and serves sites with a fixed number of worker threads.
///
/// Every worker accepts from the same socket of each address, holds its connections to their end, and has a handler
/// of its own, made by the [`MakeHandler`]. A drain drops at its deadline what is not finished, and returns when that
/// has been logged, at most 1.2 s later.
pub struct Web {
    /// What stays under further settings.
    given: Given,
    plan: RwLock<Arc<Plan>>,
    crew: Threads,
    /// Those that this process was given.
    passed: Sockets,
    /// Those that are bound: they listen once the tier has started.
    listeners: Mutex<Listeners>,
    /// As long as the tier serves, where it gets certificates by itself.
    renewing: Mutex<Option<Renewing>>,
}

/// What a program brings to a [`Web`] beside its settings; [`Web::builder`] begins one.
#[derive(Clone, Default)]
#[must_use]
pub struct WebBuilder(Given);

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
        Self::compile(settings, sites, Given { files: files.clone(), app, ..Given::default() })
    }

    /// The same with a place where the names of certificates are proved (dns-01) that have a star, unless
    /// `acme.dns_hook` names a program for it.
    pub fn with_dns_answers(
        settings: &WebSettings,
        sites: &BTreeMap<String, SiteSettings>,
        files: &FileSources,
        dns: Arc<dyn DnsAnswers>,
        app: Option<Arc<dyn MakeHandler>>,
    ) -> Result<Self, Error> {
        Self::compile(settings, sites, Given { files: files.clone(), dns: Some(dns), app, ..Given::default() })
    }

    /// One to which the program brings more than that.
    pub fn builder() -> WebBuilder {
        WebBuilder::default()
    }

    fn compile(settings: &WebSettings, sites: &BTreeMap<String, SiteSettings>, given: Given) -> Result<Self, Error> {
        let plan = RwLock::new(Plan::compile(settings, sites, &given)?.into());
        let (crew, passed) = (Threads::new(), Sockets::default());
        let (listeners, renewing) = (Mutex::default(), Mutex::default());
        Ok(Self { given, plan, crew, passed, listeners, renewing })
    }

    /// How long a drain waits for streams without an end: answers of unknown length, and connections that have left
    /// HTTP. Then they are ended and count as finished; event streams (`text/event-stream`) after a second. The default
    /// is 5 s; the last quarter of the time until the drain's deadline is not theirs.
    #[must_use]
    pub fn stream_timeout(self, time: Duration) -> Self {
        let mut plan = Plan::clone(&self.plan());
        plan.limits.stream_time = time;
        self.set_plan(plan.into());
        self
    }

    fn bind_all(&self) -> Result<(), Error> {
        let mut listeners = self.listeners();
        if listeners.is_empty() {
            *listeners = Listeners::bind(&self.plan().listen, &self.passed)?;
            for address in self.passed.left() {
                tracing::warn!(
                    "the socket {address} was passed on to this server and is none of its addresses: it is closed"
                );
            }
            if self.crew.turn() == Turn::Now {
                self.passed.close_left();
            }
        }
        Ok(())
    }

    async fn bind_and_serve(&self) -> Result<(), Error> {
        self.bind_all()?;
        let plan = self.plan();
        *self.renewing() = issue(&plan)?;
        let works = self.works(&plan)?;
        self.crew.start(&plan, works).await
    }

    fn works(&self, plan: &Plan) -> Result<Vec<WorkerMain>, Error> {
        let listeners = self.listeners();
        listeners.all().try_for_each(Listener::listen)?;
        Ok(listeners.share(plan.workers)?.into_iter().map(work).collect())
    }

    /// First all that may fail; then the workers are told, and at last what only they have used is closed.
    async fn reload(&self, before: &Plan, plan: Plan, listeners: NewListeners) -> Result<Vec<String>, Error> {
        if !self.crew.readiness().is_ready() {
            return Err(Error::NotServing);
        }
        listeners.listen()?;
        let renewing = issue(&plan)?;
        let shares = self.listeners().share_new(&listeners, self.crew.workers())?;
        let late = self.crew.reload(before, &plan, shares).await?;
        self.keep(listeners, renewing);
        self.set_plan(plan.into());
        Ok(late)
    }

    /// After a drain has begun, which has taken those before, these end here.
    fn keep(&self, listeners: NewListeners, renewing: Option<Renewing>) {
        let (mut bound, mut issuing) = (self.listeners(), self.renewing());
        if !self.crew.is_draining() {
            bound.replace(listeners);
            if let Some(before) = std::mem::replace(&mut *issuing, renewing) {
                before.finish();
            }
        }
    }

    fn plan(&self) -> Arc<Plan> {
        Arc::clone(&self.plan.read().unwrap_or_else(PoisonError::into_inner)) // it is whole at any time
    }

    fn set_plan(&self, plan: Arc<Plan>) {
        *self.plan.write().unwrap_or_else(PoisonError::into_inner) = plan;
    }

    fn renewing(&self) -> MutexGuard<'_, Option<Renewing>> {
        self.renewing.lock().unwrap_or_else(PoisonError::into_inner) // it is whole at any time
    }

    fn listeners(&self) -> MutexGuard<'_, Listeners> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner) // it is whole at any time
    }
}

impl WebBuilder {
    /// Sources of files that `root` and `files` of the settings may name. The default is none.
    pub fn files(mut self, files: &FileSources) -> Self {
        self.0.files = files.clone();
        self
    }

    /// Where the names of certificates are proved (dns-01) that have a star, unless `acme.dns_hook` names a program for
    /// it. The default is nowhere.
    pub fn dns_answers(mut self, dns: Arc<dyn DnsAnswers>) -> Self {
        self.0.dns = Some(dns);
        self
    }

    /// The cryptography of TLS in the place of aws-lc-rs: that of the connections of clients, of those to authorities of
    /// certificates, and of the keys that are read from files. It also says which cipher suites and key exchanges there
    /// are, and in which order. Session tickets are encrypted by aws-lc-rs in any case.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// # mod foobar { pub mod tiers { pub use {foobar_web::Web, rustls}; } }
    /// use foobar::tiers::Web;
    /// use foobar::tiers::rustls::{CipherSuite, crypto::aws_lc_rs};
    ///
    /// let mut provider = aws_lc_rs::default_provider();
    /// provider.cipher_suites.retain(|suite| suite.suite() != CipherSuite::TLS13_AES_128_GCM_SHA256);
    /// let web = Web::builder().crypto_provider(Arc::new(provider));
    /// ```
    pub fn crypto_provider(mut self, provider: Arc<CryptoProvider>) -> Self {
        self.0.provider = Some(provider);
        self
    }

    /// Who answers what is no file. Without it, sites have only files, redirects and fixed answers.
    pub fn app(mut self, app: Arc<dyn MakeHandler>) -> Self {
        self.0.app = Some(app);
        self
    }

    /// Checks the settings and opens the files and folders they name, as [`Web::new`] does; binds nothing.
    ///
    /// A provider that cannot speak any of `web.ssl_protocols` is an [`Error::Setting`] of that key.
    pub fn build(self, settings: &WebSettings, sites: &BTreeMap<String, SiteSettings>) -> Result<Web, Error> {
        Web::compile(settings, sites, self.0)
    }
}

/// Before the first client, so that it sees the certificate of a local authority.
fn issue(plan: &Plan) -> Result<Option<Renewing>, Error> {
    let (Some(issuers), Some(tls)) = (&plan.issuers, &plan.tls) else { return Ok(None) };
    if !plan.listen.iter().any(|listen| listen.ssl) {
        return Ok(None);
    }
    issuers.prepare()?;
    tls.refresh();
    issuers.start(&plan.app).map(Some)
}

fn work(sockets: Vec<Share>) -> WorkerMain {
    Box::new(|worker, orders| {
        let acceptors = sockets.into_iter().map(Acceptor::new).collect::<io::Result<_>>()?;
        Ok(Box::pin(serve_all(worker, acceptors, orders)))
    })
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
            self.crew.order_drain(deadline.into());
            let listeners = std::mem::take(&mut *self.listeners());
            drop(listeners); // the workers close their shares
            self.passed.remove_files();
            drop(self.renewing().take());
            self.crew.drain(deadline).await;
        })
    }

    fn unfinished(&self) -> Option<String> {
        self.crew.unfinished()
    }

    fn metrics(&self, metrics: &mut Metrics) {
        let plan = self.plan();
        plan.metrics(metrics);
        self.crew.metrics(metrics);
        plan.store.metrics(metrics);
        plan.issuers.iter().for_each(|issuers| issuers.metrics(metrics));
    }

    fn concerns(&self) -> Vec<String> {
        let (plan, now) = (self.plan(), SystemTime::now());
        let of_sites = plan.tls.iter().flat_map(|tls| tls.concerns(now));
        of_sites.chain(plan.issuers.iter().flat_map(|issuers| issuers.concerns(now))).collect()
    }
}

impl WebTier for Web {
    fn sites(&self) -> Vec<SiteOverview> {
        self.plan().sites.overview()
    }

    fn certificates(&self) -> Vec<SiteCertificate> {
        let mut all = self.plan().tls.as_ref().map_or_else(Vec::new, |tls| tls.overview());
        if let Some(issuers) = &self.plan().issuers {
            all.iter_mut().for_each(|one| issuers.complete(one));
            all.extend(issuers.on_demand());
        }
        all
    }

    fn certificate_command<'a>(&'a self, command: &'a CertificateCommand) -> BoxFuture<'a, Result<String, BoxError>> {
        Box::pin(async move {
            let plan = self.plan();
            let issuers = plan.issuers.as_ref().ok_or(NO_CERTIFICATES)?;
            Ok(issuers.command(command).await?)
        })
    }

    fn warnings(&self) -> Vec<Warning> {
        self.plan().warnings.clone()
    }

    /// Tries to bind each address of `web.listen`; one in use is fine, and an inherited socket must be open here.
    /// Anything else is an [`Error::Listen`].
    fn check(&self) -> Result<(), BoxError> {
        Ok(self.plan().listen.iter().try_for_each(Listener::check)?)
    }

    fn bind(&self) -> Result<(), BoxError> {
        Ok(self.bind_all()?)
    }

    fn inherit(&self, sockets: Vec<PassedSocket>) {
        self.passed.add(sockets);
    }

    fn pass_on(&self) -> io::Result<Vec<PassedSocket>> {
        self.listeners().pass_on()
    }

    fn not_taken(&self) -> Vec<String> {
        self.passed.left()
    }

    /// As a reload does that lacks these addresses and changes nothing else.
    fn close<'a>(&'a self, addresses: &'a [String]) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(async move {
            let (plan, Some(listeners)) = (self.plan(), self.listeners().without(addresses)) else { return Ok(()) };
            let shares = self.listeners().share_new(&listeners, self.crew.workers())?;
            self.listeners().replace(listeners); // the workers have theirs until they have emptied them
            self.crew.reload(&plan, &plan, shares).await?;
            Ok(())
        })
    }

    fn set_turn(&self, turn: Turn) {
        self.passed.set_turn(turn);
        if turn == Turn::Now {
            self.passed.close_left();
        }
        self.crew.set_turn(turn);
    }

    fn prepare<'a>(
        &'a self,
        web: &WebSettings,
        sites: &BTreeMap<String, SiteSettings>,
        stream_timeout: Duration,
    ) -> Result<WebReload<'a>, BoxError> {
        let before = self.plan();
        let mut plan = before.next(web, sites, &self.given, stream_timeout)?;
        let unchanged = plan.keep_workers(self.crew.workers()).into_iter().collect();
        let listeners = self.listeners().prepare(&plan.listen, &self.passed)?;
        let warnings = plan.warnings.clone();
        let apply = async move { Ok(self.reload(&before, plan, listeners).await?) };
        Ok(WebReload::new(warnings, unchanged, Box::pin(apply)))
    }

    fn reopen_logs(&self) {
        self.crew.reopen_log();
    }

    fn gate(&self) -> Option<Arc<Gate>> {
        Some(Arc::clone(self.crew.gate()))
    }

    fn addresses(&self) -> Vec<Address> {
        self.listeners().all().map(|listener| listener.address().clone()).collect()
    }
}
