use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use foobar_core::Chain;
use rustls::server::{NoServerSessionStorage, ServerConfig, WebPkiClientVerifier};
use rustls::{SupportedProtocolVersion, version};

use super::certificates::{Certificates, SiteCertificates};
use super::client_rule::ClientRule;
use super::expiry::Expiry;
use super::from_files::{FromFiles, Refreshed};
use super::provider::Provider;
use super::site_certificate::SiteCertificate;
use super::tickets::Tickets;
use crate::kept::Challenges;
use crate::{Error, Warning};

/// What the TLS of a server rests on, for all its workers.
pub(crate) struct Tls {
    sites: Vec<Option<SiteTls>>,
    common: Common,
    /// Whether names that no site has get an alert where the default site's certificate is not for them.
    rejects: bool,
    /// What authorities find that look whose a name is.
    challenges: Vec<Arc<Challenges>>,
}

/// What the configurations of all sites are made with.
struct Common {
    provider: Provider,
    protocols: Vec<&'static SupportedProtocolVersion>,
    tickets: Option<Tickets>,
    alpn: Vec<Vec<u8>>,
}

struct SiteTls {
    /// Made again when the files have changed by which clients are verified.
    config: FromFiles<Configured>,
    certificates: Arc<Certificates>,
    rule: Option<ClientRule>,
}

/// How a site's handshakes are made, and when that which verifies its clients expires.
struct Configured {
    config: Arc<ServerConfig>,
    expiries: Vec<Expiry>,
}

/// What all sites have in common.
pub(crate) struct TlsOptions<'a> {
    pub(crate) provider: &'a Provider,
    /// As in nginx's `ssl_protocols`.
    pub(crate) protocols: &'a [String],
    pub(crate) tickets: bool,
    /// Keys that several machines share; where there is none, the server makes its own.
    pub(crate) ticket_keys: &'a [PathBuf],
    pub(crate) rejects: bool,
    /// What is spoken over TLS, in order of preference (ALPN).
    pub(crate) alpn: Vec<Vec<u8>>,
    pub(crate) challenges: Vec<Arc<Challenges>>,
    /// The configuration that this one takes the place of, whose tickets stay good.
    pub(crate) before: Option<&'a Tls>,
}

/// What the name in a ClientHello leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NamedSite {
    /// A site has the name, or none was given.
    Known(usize),
    /// None has: there is the default site.
    Default(usize),
    Nowhere,
}

impl Tls {
    /// `None` where no site has a certificate. Sites are given in the order of their numbers.
    pub(crate) fn compile(options: &TlsOptions<'_>, sites: &[SiteCertificates]) -> Result<Option<Self>, Error> {
        let provider = Arc::clone(options.provider);
        let protocols = protocols(options.protocols)?;
        let has_certificates = sites.iter().any(|site| !site.certificates.is_empty());
        // The first random bytes take a tenth of a second, which a start without TLS is spared.
        let has_tickets = options.tickets && (has_certificates || !options.ticket_keys.is_empty());
        let before = options.before.and_then(|before| before.common.tickets.as_ref());
        let tickets = has_tickets.then(|| Tickets::by(options.ticket_keys, before)).transpose()?;
        let common = Common { provider, protocols, tickets, alpn: options.alpn.clone() };
        let sites = sites.iter().map(|site| {
            let used = options.before.and_then(|before| before.certificates_of(site));
            SiteTls::compile(site, &common, used)
        });
        let sites = sites.collect::<Result<Vec<_>, Error>>()?;
        let has_any = sites.iter().any(Option::is_some);
        let (rejects, challenges) = (options.rejects, options.challenges.clone());
        Ok(has_any.then_some(Self { sites, common, rejects, challenges }))
    }

    /// Those of a site in use that come from the same files.
    fn certificates_of(&self, site: &SiteCertificates) -> Option<&Certificates> {
        self.sites.iter().flatten().map(|tls| &*tls.certificates).find(|certificates| certificates.are_of(site))
    }

    /// What is not wrong with the certificates, and not right either.
    pub(crate) fn warnings(&self) -> Vec<Warning> {
        let of_sites = self.sites.iter().flatten().flat_map(|site| site.certificates.warnings());
        of_sites.chain(self.common.tickets.iter().filter_map(Tickets::warning)).collect()
    }

    /// Uses the files of certificates, of what verifies clients and of ticket keys that have changed; changes own ticket keys
    /// in time.
    pub(crate) fn refresh(&self) {
        self.sites.iter().flatten().for_each(|site| site.refresh(&self.common));
        self.common.tickets.iter().for_each(Tickets::refresh);
    }

    /// The certificates of all sites.
    pub(crate) fn overview(&self) -> Vec<SiteCertificate> {
        self.sites.iter().flatten().flat_map(|site| site.certificates.overview()).collect()
    }

    /// Which of them need somebody, in sentences.
    pub(crate) fn concerns(&self, now: SystemTime) -> Vec<String> {
        self.sites.iter().flatten().flat_map(|site| site.certificates.concerns(now)).collect()
    }

    /// Says which of the certificates, and of the lists of revoked ones, have expired by now, each once.
    pub(super) fn tell_expired(&self, now: SystemTime) {
        for site in self.sites.iter().flatten() {
            site.certificates.tell_expired(now);
            site.config.read(|configured| configured.expiries.iter().for_each(|expiry| expiry.tell(now)));
        }
    }

    /// What the handshake of an authority goes by that looks whether a name is ours, if one is expected.
    pub(super) fn challenge(&self, name: Option<&str>) -> Option<Arc<ServerConfig>> {
        let name = name?;
        self.challenges.iter().find_map(|challenges| challenges.handshake(name))
    }

    /// The site whose rules count for a client that asked for `name`, which leads to this one, and its configuration;
    /// `None` if no certificate is for it.
    pub(super) fn config(&self, name: Option<&str>, site: NamedSite) -> Option<(usize, Arc<ServerConfig>)> {
        let (NamedSite::Known(number) | NamedSite::Default(number)) = site else { return None };
        let tls = self.sites.get(number)?.as_ref()?;
        let is_known = matches!(site, NamedSite::Known(_));
        let stranger = name.filter(|name| !is_known && !tls.certificates.cover(name));
        stranger.iter().for_each(|name| tls.certificates.want(name));
        let is_shown = stranger.is_none() || !self.rejects;
        is_shown.then(|| (number, tls.config.read(|configured| Arc::clone(&configured.config))))
    }
}

impl Common {
    fn config(&self, certificates: &Arc<Certificates>, rule: Option<&ClientRule>) -> Result<Configured, Error> {
        let config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&self.protocols)
            .map_err(|error| Error::setting("web.ssl_protocols", error.to_string()))?;
        let (verifier, expiries) = match rule {
            Some(rule) => rule.verifier(&self.provider)?,
            None => (WebPkiClientVerifier::no_client_auth(), Vec::new()),
        };
        let config = config.with_client_cert_verifier(verifier);
        let mut config = config.with_cert_resolver(Arc::<Certificates>::clone(certificates));
        config.session_storage = Arc::new(NoServerSessionStorage {}); // a ticket works on every worker
        // A certificate is verified in each handshake: who resumes a session shows none, and it may have been revoked.
        if let (Some(tickets), None) = (&self.tickets, rule) {
            config.ticketer = tickets.ticketer();
        }
        config.alpn_protocols.clone_from(&self.alpn);
        Ok(Configured { config: Arc::new(config), expiries })
    }
}

impl SiteTls {
    /// `None` if the site has no certificate. What is `used` must not be better.
    fn compile(site: &SiteCertificates, common: &Common, used: Option<&Certificates>) -> Result<Option<Self>, Error> {
        let Some(certificates) = Certificates::load(site, &common.provider)? else { return Ok(None) };
        used.map_or(Ok(()), |used| used.require_no_worse(site, &certificates))?;
        let (certificates, rule) = (Arc::new(certificates), site.client_rule.clone());
        let files = rule.as_ref().map_or_else(Vec::new, ClientRule::files);
        let config = FromFiles::load(files, || common.config(&certificates, rule.as_ref()))?;
        Ok(Some(Self { config, certificates, rule }))
    }

    fn refresh(&self, common: &Common) {
        self.certificates.refresh();
        let Some(rule) = &self.rule else { return };
        match self.config.refresh(|| common.config(&self.certificates, Some(rule))) {
            Refreshed::Unchanged => {}
            Refreshed::Replaced => tracing::info!("`{}`: what verifies clients has been replaced", rule.key),
            Refreshed::Unusable(error) => {
                tracing::error!(error = %Chain(&error), "what has changed does not verify clients, what was there before does");
            }
        }
    }
}

fn protocols(names: &[String]) -> Result<Vec<&'static SupportedProtocolVersion>, Error> {
    let version = |name: &String| match name.as_str() {
        "TLSv1.2" => Ok(&version::TLS12),
        "TLSv1.3" => Ok(&version::TLS13),
        _ => {
            Err(Error::setting("web.ssl_protocols", format!("{name:?} is no protocol; write \"TLSv1.2\", \"TLSv1.3\"")))
        }
    };
    if names.is_empty() {
        return Err(Error::setting("web.ssl_protocols", "there is no protocol; write \"TLSv1.2\", \"TLSv1.3\""));
    }
    names.iter().map(version).collect()
}
