//! Certificates that the server gets by itself: from an authority of its own (`ssl_certificate = "internal"`), or from one
//! that browsers know (`"auto"`). It must not know a request, or how a handshake is made.
//!
//! - What it gets is kept in the state folder (`web.state_dir`): for each site one file with chain and key, which is
//!   replaced as a whole. TLS watches it as any other certificate, so no handshake is lost when it changes.
//! - ACME is no feature of cargo: beside what rustls brings it takes instant-acme (without its HTTP client), rcgen, yasna and
//!   async-trait, and no library in C. The client is `acme/http_client.rs`: an authority is asked a dozen times in two months.
//! - Orders have a thread of their own, `foobar-web-cert`, which neither a start nor a stop waits for.
//! - For a name that no site has (`ssl_on_demand`) the application is asked there and not in a handshake: that one notes the
//!   name in a queue of 64 and refuses. Answers are remembered, questions bounded to twenty a second, names to 10,000.
//! - Nothing is made before the start: `foobar check` leaves everything as it is. A start waits for no authority but the
//!   server's own.

mod acme;
mod ending;
mod local_authority;
mod reach;
mod source;
mod state_folder;

#[cfg(fuzzing)]
pub(crate) mod fuzzing;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::pin::pin;
use std::sync::Arc;
use std::thread::Builder;
use std::time::{Duration, SystemTime};

use foobar_core::{Chain, MakeHandler, Metrics, config};
use futures_util::future::join_all;
use tokio::sync::oneshot::{Receiver, Sender, channel};

use crate::kept::{CertificateCommand, Challenges, DnsAnswers, Kept};
use crate::net::{Listen, Provider};
use crate::{AcmeSettings, Error, SiteCertificate, SiteSettings, WebSettings};
use acme::{Acme, Proof};
use ending::Ending;
use local_authority::LocalAuthority;
use reach::Reach;
use source::Source;
pub(crate) use state_folder::StateFolder;

/// The issuers of a server, and the certificates that it gets from them.
#[derive(Clone)]
pub(crate) struct Issuers {
    folder: StateFolder,
    /// By the labels of the sites.
    internal: BTreeMap<String, Arc<Kept>>,
    /// By their names, of which `[acme]` has none.
    acme: BTreeMap<Option<String>, Arc<Acme>>,
}

/// As long as it is there, certificates are ordered and renewed. Dropped, it cuts an order off.
pub(crate) struct Renewing {
    until: Sender<()>,
}

impl Renewing {
    /// Ends once the order that is under way has ended.
    pub(crate) fn finish(self) {
        _ = self.until.send(()); // it may have ended
    }
}

impl Issuers {
    /// Checks the settings; makes nothing. `None` where every site brings its own certificate, or has none. What an
    /// authority finds of the orders of those `before` it still finds.
    pub(crate) fn compile(
        web: &WebSettings,
        sites: &BTreeMap<String, SiteSettings>,
        listen: &[Listen],
        dns: Option<&Arc<dyn DnsAnswers>>,
        provider: &Provider,
        before: Option<&Self>,
    ) -> Result<Option<Self>, Error> {
        let folder = StateFolder::of(web);
        let (mut internal, mut acme) = (BTreeMap::new(), BTreeMap::new());
        for (label, site) in sites {
            let key = config::key(&["sites", label]);
            check_on_demand(&key, site, sites.len() == 1)?;
            match Source::of(&key, site)? {
                Source::Files => {}
                Source::Internal => {
                    let names = local_authority::names(&key, site)?;
                    let path = folder.certificate(local_authority::FOLDER, label);
                    internal.insert(label.clone(), Arc::new(Kept::new(path, names)));
                }
                Source::Auto(name) => {
                    let authority = match acme.entry(name) {
                        Entry::Occupied(known) => known.into_mut(),
                        Entry::Vacant(new) => {
                            let (authority, settings) = authority(web, &key, new.key().as_deref())?;
                            let known = before.and_then(|before| before.acme.get(new.key()));
                            let proof = Proof::of(&authority, settings, Reach::of(listen), dns)?;
                            let mut authority = Acme::compile(authority, settings, &folder, proof, provider)?;
                            known.iter().for_each(|known| authority.go_on_after(known));
                            new.insert(authority)
                        }
                    };
                    authority.add(label, &key, site)?;
                }
            }
        }
        if internal.is_empty() && acme.is_empty() {
            return Ok(None);
        }
        folder.check_hidden(sites)?;
        let acme = acme.into_iter().map(|(name, authority)| (name, Arc::new(authority))).collect();
        Ok(Some(Self { folder, internal, acme }))
    }

    /// Where a site's certificate is kept; `None` if it brings its own, or has none.
    pub(crate) fn kept(&self, label: &str) -> Option<&Arc<Kept>> {
        self.internal.get(label).or_else(|| self.authority(label)?.sites.get(label))
    }

    /// Where the certificate of a site is kept that may have none yet, and what its authority finds when it looks.
    pub(crate) fn ordered(&self, label: &str) -> Option<(Arc<Kept>, Arc<Challenges>)> {
        let authority = self.authority(label)?;
        Some((Arc::clone(authority.sites.get(label)?), Arc::clone(&authority.challenges)))
    }

    /// What authorities find when they look whose a name is.
    pub(crate) fn challenges(&self) -> Vec<Arc<Challenges>> {
        self.acme.values().map(|authority| Arc::clone(&authority.challenges)).collect()
    }

    /// The authority of a site.
    fn authority(&self, label: &str) -> Option<&Arc<Acme>> {
        self.acme.values().find(|authority| authority.sites.contains_key(label))
    }

    /// Carries out what an operator wants; says what comes of it.
    pub(crate) async fn command(&self, command: &CertificateCommand) -> Result<String, Error> {
        match command {
            CertificateCommand::Renew(name) => {
                let (authority, label, kept) = self.named(name)?;
                authority.renew_now(label, &kept)?;
                Ok(format!("{} is ordered within a minute, or at the next start of the server", kept.names.join(", ")))
            }
            CertificateCommand::Revoke(name, reason) => {
                let (authority, label, kept) = self.named(name)?;
                authority.revoke(label, &kept, *reason).await?;
                let names = kept.names.join(", ");
                Ok(format!(
                    "the certificate for {names} is void; another is ordered within a minute, or at the next start"
                ))
            }
            CertificateCommand::ChangeAccountKey(name) => {
                let none = || {
                    let word = name.as_ref().map_or_else(|| "auto".to_owned(), |name| format!("auto:{name}"));
                    Error::Certificates(format!("no site has `ssl_certificate = \"{word}\"`"))
                };
                let authority = self.acme.get(name).ok_or_else(none)?;
                authority.change_account_key().await?;
                Ok("the account has another key".to_owned())
            }
        }
    }

    /// The certificate of the site of this label or for this name, with the site's label and its authority.
    fn named(&self, name: &str) -> Result<(&Acme, &str, Arc<Kept>), Error> {
        let lower = name.to_ascii_lowercase();
        let mut found = self
            .acme
            .values()
            .filter_map(|authority| authority.named(name, &lower).map(|(label, kept)| (&**authority, label, kept)));
        found.next().ok_or_else(|| {
            Error::Certificates(format!(
                "no site with `ssl_certificate = \"auto\"` has the label or the name {name:?}; `certificates` lists them"
            ))
        })
    }

    /// Adds to what is known of a site's certificate when the next one is ordered, and what has gone wrong.
    pub(crate) fn complete(&self, certificate: &mut SiteCertificate) {
        let label = certificate.site.as_str();
        let (renews, error) = match (self.internal.get(label), self.authority(label)) {
            (Some(kept), _) => (local_authority::renewal(kept), None),
            (None, Some(acme)) => acme.next_order(label),
            (None, None) => return,
        };
        (certificate.renews, certificate.error) = (renews, error);
    }

    /// Those for names that no site has.
    pub(crate) fn on_demand(&self) -> impl Iterator<Item = SiteCertificate> {
        self.acme.values().flat_map(|authority| authority.on_demand())
    }

    /// Adds how many orders of each site have failed since the last that has not.
    pub(crate) fn metrics(&self, metrics: &mut Metrics) {
        self.acme.values().for_each(|authority| authority.metrics(metrics));
    }

    /// Which certificates for names that no site has need somebody, in sentences.
    pub(crate) fn concerns(&self, now: SystemTime) -> Vec<String> {
        self.acme.values().filter_map(|authority| authority.concern(now)).collect()
    }

    /// Makes what the server can make by itself, and says how clients trust it.
    pub(crate) fn prepare(&self) -> Result<(), Error> {
        if let Some(authority) = self.issue_internal()? {
            tracing::info!("{}", authority.how_to_trust());
        }
        self.acme.values().for_each(|authority| authority.prepare());
        Ok(())
    }

    /// Orders and renews certificates in time, until the other end is dropped, or asks for the end. `app` allows those of names that no site has.
    pub(crate) fn start(&self, app: &Arc<dyn MakeHandler>) -> Result<Renewing, Error> {
        let (until, end) = channel();
        let name = "foobar-web-cert".to_owned();
        let failed = |source| Error::Thread { name: name.clone(), source };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let (issuers, app) = (self.clone(), Arc::clone(app));
        let run = move || {
            runtime.block_on(issuers.run(&*app, end));
            runtime.shutdown_background(); // a name may still be looked up
        };
        Builder::new().name(name.clone()).spawn(run).map(|_| Renewing { until }).map_err(failed)
    }

    async fn run(&self, app: &dyn MakeHandler, until: Receiver<()>) {
        let (end, ending) = Ending::new();
        let mut orders = pin!(join_all(self.acme.values().map(|authority| authority.run(app, &ending))));
        tokio::select! {
            _endless = &mut orders, if !self.acme.is_empty() => {}
            () = self.renew_internal() => {}
            asked = until => {
                if asked.is_ok() {
                    end.send_replace(true);
                    orders.await;
                }
            }
        }
    }

    async fn renew_internal(&self) {
        loop {
            tokio::time::sleep(LOOK).await;
            if let Err(error) = self.issue_internal() {
                tracing::error!(error = %Chain(&error), "certificates of the local authority are not renewed");
            }
        }
    }

    /// `None` if no site wants one.
    fn issue_internal(&self) -> Result<Option<LocalAuthority>, Error> {
        if self.internal.is_empty() {
            return Ok(None);
        }
        let _lock = self.folder.lock(local_authority::FOLDER, "lock")?; // another process may have the same folder
        let authority = LocalAuthority::open(&self.folder)?;
        self.internal.values().try_for_each(|kept| authority.keep(&self.folder, kept, SystemTime::now()))?;
        Ok(Some(authority))
    }
}

/// Whether certificates on demand can be ordered for a site; `key` is the site's.
fn check_on_demand(key: &str, site: &SiteSettings, is_sole: bool) -> Result<(), Error> {
    let error = |message: &str| Err(Error::setting(format!("{key}.ssl_on_demand"), message));
    match (site.ssl_on_demand, Source::of(key, site)?) {
        (true, Source::Auto(_)) if !site.default && !is_sole => {
            error("it is for names that no site has, and these lead to the default site; set `default = true` here")
        }
        (false, _) | (true, Source::Auto(_)) => Ok(()),
        (true, _) => error("such certificates are ordered; set `ssl_certificate = \"auto\"`"),
    }
}

/// The authority of this name: its key, and its settings. `site` is the key of the site that names it.
fn authority<'a>(web: &'a WebSettings, site: &str, name: Option<&str>) -> Result<(String, &'a AcmeSettings), Error> {
    let Some(name) = name else { return Ok(("acme".to_owned(), &web.acme)) };
    let key = config::key(&["acme", name]);
    match web.acme_named.get(name) {
        Some(settings) => Ok((key, settings)),
        None => {
            let known: Vec<String> = web.acme_named.keys().map(|name| format!(", \"auto:{name}\"")).collect();
            let message = format!("there is no section `[{key}]`; write one, or one of \"auto\"{}", known.concat());
            Err(Error::setting(format!("{site}.ssl_certificate"), message))
        }
    }
}

/// The time between two looks at certificates of the local authority.
const LOOK: Duration = Duration::from_secs(60 * 60);
