//! The settings of a tier, compiled: everything is checked and opened, nothing is bound. It must not know threads.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use foobar_core::{MakeHandler, Metrics, Problem, RequestId, config, handler_fn};
use http::StatusCode;

use crate::access_log::{LineStyle, Sink};
use crate::file_source::FileSources;
use crate::gate::{GateLimits, MaintenanceRules};
use crate::issuer::Issuers;
use crate::kept::{DnsAnswers, Kept};
use crate::limits::{Limits, bounded, within};
use crate::memory::FreedAside;
use crate::net::{
    ClientRule, Clients, Endpoint, Listen, Provider, SiteCertificates, Tls, TlsOptions, default_provider,
};
use crate::site::{SiteOverview, Sites, certificate_names, warnings};
use crate::static_files::{Files, Store};
use crate::{Error, Http2, SiteSettings, VerifyClient, Warning, WebSettings};

/// What the program brings beside its settings.
#[derive(Clone, Default)]
pub(crate) struct Given {
    /// What `root` and `files` may name.
    pub(crate) files: FileSources,
    /// Where names are proved that no hook proves.
    pub(crate) dns: Option<Arc<dyn DnsAnswers>>,
    /// The cryptography of TLS, if it is not aws-lc-rs.
    pub(crate) provider: Option<Provider>,
    /// Who answers what is no file.
    pub(crate) app: Option<Arc<dyn MakeHandler>>,
}

/// The settings of a web tier, compiled: everything is checked and opened, nothing is bound.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) listen: Vec<Listen>,
    pub(crate) workers: usize,
    pub(crate) limits: Limits,
    pub(crate) gate: GateLimits,
    pub(crate) maintenance: Arc<MaintenanceRules>,
    pub(crate) clients: Arc<Clients>,
    pub(crate) sites: Arc<FreedAside<Sites>>,
    pub(crate) tls: Option<Arc<FreedAside<Tls>>>,
    /// Of the certificates that the server gets by itself, if it speaks TLS.
    pub(crate) issuers: Option<Issuers>,
    /// What of the settings will not work as somebody may expect.
    pub(crate) warnings: Vec<Warning>,
    pub(crate) app: Arc<dyn MakeHandler>,
    pub(crate) log: Sink,
    /// What it was opened as.
    pub(crate) access_log: String,
    pub(crate) log_style: LineStyle,
    pub(crate) store: Arc<Store>,
}

impl Plan {
    pub(crate) fn compile(
        web: &WebSettings,
        sites: &BTreeMap<String, SiteSettings>,
        given: &Given,
    ) -> Result<Self, Error> {
        Self::make(web, sites, given, None)
    }

    /// The same of the settings that take the place of this one's. What clients have at the moment goes on to count, and what
    /// they were given stays good.
    pub(crate) fn next(
        &self,
        web: &WebSettings,
        sites: &BTreeMap<String, SiteSettings>,
        given: &Given,
        stream_time: Duration,
    ) -> Result<Self, Error> {
        let mut plan = Self::make(web, sites, given, Some(self))?;
        plan.limits.stream_time = stream_time;
        Ok(plan)
    }

    fn make(
        web: &WebSettings,
        sites: &BTreeMap<String, SiteSettings>,
        given: &Given,
        before: Option<&Self>,
    ) -> Result<Self, Error> {
        let files = Files::compile(web, given.files.clone())?;
        let app = given.app.clone();
        let (listen, workers, limits) = (listen(web)?, workers(web)?, Limits::compile(web)?);
        let route_ids = before.map(|before| Arc::clone(&before.sites.route_ids)).unwrap_or_default(); // the first has none
        let mut compiled = Sites::compile(web, sites, &files, app.is_some(), route_ids)?;
        let issued_before = before.and_then(|before| before.issuers.as_ref());
        let provider = given.provider.clone().unwrap_or_else(default_provider);
        let issuers = Issuers::compile(web, sites, &listen, given.dns.as_ref(), &provider, issued_before)?;
        if let Some(issuers) = &issuers {
            compiled.wait_for(|label| issuers.ordered(label));
        }
        let tls_before = before.and_then(|before| before.tls.as_deref().map(|tls| &**tls));
        let tls = tls(web, sites, issuers.as_ref(), &provider, tls_before)?;
        let mut told = tls_warnings(&listen, sites, tls.as_ref())?;
        compiled.https_port = https_port(&listen);
        told.append(&mut compiled.warnings);
        told.extend(warnings(web, sites));
        Ok(Self {
            listen,
            workers,
            limits,
            gate: gate(web)?,
            maintenance: Arc::new(maintenance(web)),
            clients: Arc::new(clients(web, before)),
            sites: Arc::new(FreedAside::new(compiled)),
            tls: tls.map(|tls| Arc::new(FreedAside::new(tls))),
            issuers,
            warnings: told,
            app: app.unwrap_or_else(|| Arc::new(handler_fn(nothing))), // never asked, but its runtime is used
            log: log(web, before)?,
            access_log: web.access_log.clone(),
            log_style: LineStyle::compile(web)?,
            store: files.store,
        })
    }

    /// Stays at so many worker threads, whatever the settings say; a warning where they say something else.
    pub(crate) fn keep_workers(&mut self, workers: usize) -> Option<Warning> {
        let wanted = std::mem::replace(&mut self.workers, workers);
        (wanted != workers).then(|| {
            let message = format!("there are {workers} worker threads, and there will be {wanted} after a restart");
            Warning { key: "web.workers".to_owned(), message }
        })
    }

    /// Adds what a tier of it allows to a scrape.
    pub(crate) fn metrics(&self, metrics: &mut Metrics) {
        metrics.gauge("foobar_web_workers", "Worker threads.", &[], self.workers);
        let most = self.workers.saturating_mul(self.limits.connections);
        metrics.gauge("foobar_web_connections_max", "Connections that may be open at a time.", &[], most);
        let help = "Connections that one address may have open at a time (`web.connections_per_address`).";
        let most = self.clients.most().map_or("+Inf".to_owned(), |most| most.to_string());
        metrics.gauge("foobar_web_connections_per_address_max", help, &[], most);
        let help = "Streams that one HTTP/2 connection may have open at a time (`web.http2_max_concurrent_streams`).";
        metrics.gauge("foobar_web_http2_streams_max", help, &[], self.limits.streams);
        for (site, expires) in self.expiries() {
            let seconds = expires.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs()); // long ago
            let help = "When the first of a site's certificates expires, in seconds since 1970.";
            metrics.gauge("foobar_web_certificate_expiry_timestamp_seconds", help, &[("site", &site)], seconds);
        }
    }

    /// When the first certificate of each site expires that has one.
    fn expiries(&self) -> BTreeMap<String, SystemTime> {
        let mut first = BTreeMap::new();
        for certificate in self.tls.iter().flat_map(|tls| tls.overview()) {
            if let Some(expires) = certificate.expires {
                first
                    .entry(certificate.site)
                    .and_modify(|first: &mut SystemTime| *first = expires.min(*first))
                    .or_insert(expires);
            }
        }
        first
    }
}

impl SiteOverview {
    /// What these settings would make, in the order of the labels. No file, folder or certificate that they name has to
    /// exist: if a folder or file of a route cannot be opened, the words of its target say so. Blocks.
    pub fn of_settings(
        web: &WebSettings,
        sites: &BTreeMap<String, SiteSettings>,
        sources: &FileSources,
        has_app: bool,
    ) -> Result<Vec<Self>, Error> {
        let files = Files::unopened(web, sources.clone())?;
        Ok(Sites::compile(web, sites, &files, has_app, Arc::default())?.overview())
    }
}

fn gate(web: &WebSettings) -> Result<GateLimits, Error> {
    Ok(GateLimits {
        requests: within("web.pause_requests", web.pause_requests, MOST_HELD)?,
        wait: *web.pause_wait,
        pause: bounded("web.pause_timeout", web.pause_timeout, LONGEST_PAUSE)?,
    })
}

fn maintenance(web: &WebSettings) -> MaintenanceRules {
    let retry_after = u32::try_from(web.maintenance_retry_after.as_secs()).unwrap_or(u32::MAX); // some 136 years
    MaintenanceRules { allowed: web.maintenance_allow.clone(), retry_after }
}

/// Each has its connection.
const MOST_HELD: usize = 100_000;
/// For more there is maintenance.
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);

fn clients(web: &WebSettings, before: Option<&Plan>) -> Clients {
    let (proxies, most) = (web.trusted_proxies.clone(), web.connections_per_address);
    match before {
        Some(before) => before.clients.with(proxies, most),
        None => Clients::new(proxies, most),
    }
}

/// Where the access log goes. One that stays is not opened again.
fn log(web: &WebSettings, before: Option<&Plan>) -> Result<Sink, Error> {
    match before.filter(|before| before.access_log == web.access_log) {
        Some(before) => Ok(before.log.clone()),
        None => Sink::open(&web.access_log),
    }
}

fn listen(web: &WebSettings) -> Result<Vec<Listen>, Error> {
    let parse = |text: &String| text.parse().map_err(|message: String| Error::setting("web.listen", message));
    let listen: Vec<Listen> = web.listen.iter().map(parse).collect::<Result<_, _>>()?;
    let is_before = |index: usize| listen[..index].iter().any(|other| other.endpoint == listen[index].endpoint);
    let is_taken = |index: usize| listen[index].port() != Some(0) && is_before(index); // the system chooses another each time
    if let Some(twice) = (0..listen.len()).find(|index| is_taken(*index)) {
        let message = format!("\"{}\" is there twice; each address is listened on once", listen[twice].endpoint);
        return Err(Error::setting("web.listen", message));
    }
    if listen.is_empty() {
        return Err(Error::setting("web.listen", "there is no address to listen on"));
    }
    match listen.iter().find(|listen| listen.proxy_protocol && !is_reached_by_proxies(&listen.endpoint, web)) {
        Some(Listen { endpoint, .. }) => {
            let message = format!(
                "\"{endpoint} proxy_protocol\" believes proxies, and `web.trusted_proxies` names none that can connect \
                 there; name them, such as \"10.0.0.0/8\", or \"unix\" for a Unix socket"
            );
            Err(Error::setting("web.listen", message))
        }
        None => Ok(listen),
    }
}

/// Whether a trusted proxy can connect there.
fn is_reached_by_proxies(endpoint: &Endpoint, web: &WebSettings) -> bool {
    let mut proxies = web.trusted_proxies.iter();
    match endpoint {
        Endpoint::Tcp(_) => proxies.any(|proxy| !proxy.is(None)),
        Endpoint::Unix(_) | Endpoint::Abstract(_) => proxies.any(|proxy| proxy.is(None)),
        Endpoint::Inherited(_) => proxies.next().is_some(),
    }
}

/// Where clients find HTTPS: at the usual port, if the server listens there or, as far as is known, if the socket comes from
/// elsewhere.
fn https_port(listen: &[Listen]) -> Option<u16> {
    let all = || listen.iter().filter(|listen| listen.ssl);
    let ssl = all().find(|listen| listen.is_https_port()).or_else(|| all().next())?;
    Some(ssl.port().filter(|port| *port != 0).unwrap_or(443)) // a free port is a test's, or a proxy is before it
}

fn tls(
    web: &WebSettings,
    sites: &BTreeMap<String, SiteSettings>,
    issuers: Option<&Issuers>,
    provider: &Provider,
    before: Option<&Tls>,
) -> Result<Option<Tls>, Error> {
    let options = TlsOptions {
        provider,
        protocols: &web.ssl_protocols,
        tickets: web.ssl_session_tickets,
        ticket_keys: &web.ssl_session_ticket_key,
        rejects: web.ssl_reject_handshake,
        alpn: alpn(web.http2),
        challenges: issuers.map(Issuers::challenges).unwrap_or_default(), // nobody looks
        before,
    };
    let kept = |label: &String| issuers.and_then(|issuers| issuers.kept(label));
    let of_site = |(label, site): (&String, &SiteSettings)| certificates(label, site, kept(label));
    Tls::compile(&options, &sites.iter().map(of_site).collect::<Result<Vec<_>, Error>>()?)
}

fn certificates(label: &str, site: &SiteSettings, kept: Option<&Arc<Kept>>) -> Result<SiteCertificates, Error> {
    let own = kept.map(|kept| vec![kept.path.clone()]);
    let key = config::key(&["sites", label]);
    Ok(SiteCertificates {
        label: label.to_owned(),
        certificates: own.clone().unwrap_or_else(|| site.ssl_certificate.to_vec()), // that is where it brings its own
        keys: own.unwrap_or_else(|| site.ssl_certificate_key.to_vec()),             // the same
        names: kept.map_or_else(|| certificate_names(&key, site), |kept| Ok(kept.names.clone()))?,
        key,
        client_rule: client_rule(label, site),
        kept: kept.cloned(),
    })
}

fn client_rule(label: &str, site: &SiteSettings) -> Option<ClientRule> {
    (site.ssl_verify_client != VerifyClient::Off).then(|| ClientRule {
        key: config::key(&["sites", label]),
        is_required: site.ssl_verify_client == VerifyClient::On,
        authorities: site.ssl_client_certificate.to_vec(),
        revocation_lists: site.ssl_crl.to_vec(),
    })
}

fn alpn(http2: Http2) -> Vec<Vec<u8>> {
    let http2 = (http2 != Http2::Off).then_some("h2");
    http2.into_iter().chain(["http/1.1"]).map(|name| name.as_bytes().to_vec()).collect()
}

/// What of listening and certificates does not go together.
fn tls_warnings(
    listen: &[Listen],
    sites: &BTreeMap<String, SiteSettings>,
    tls: Option<&Tls>,
) -> Result<Vec<Warning>, Error> {
    let mut warnings = tls.map_or_else(Vec::new, Tls::warnings);
    if let (Some(listen), None) = (listen.iter().find(|listen| listen.ssl), tls) {
        let message = format!(
            "\"{} ssl\" needs a certificate, and no site has one; set `ssl_certificate` and `ssl_certificate_key` of a site",
            listen.endpoint
        );
        return Err(Error::setting("web.listen", message));
    }
    let has_ssl = listen.iter().any(|listen| listen.ssl);
    let verifies = |(_, site): &(&String, &SiteSettings)| site.ssl_verify_client != VerifyClient::Off;
    if let (Some((label, _)), false) = (sites.iter().find(verifies), has_ssl) {
        let message = "clients show certificates over TLS alone, and no address of `web.listen` has the word `ssl`";
        return Err(Error::setting(config::key(&["sites", label, "ssl_verify_client"]), message));
    }
    if let Some(listen) = listen.iter().find(|listen| listen.is_https_port() && !listen.ssl) {
        let message = format!(
            "browsers speak TLS to port 443, and \"{0}\" does not; write \"{0} ssl\", and give a site its certificate",
            listen.endpoint
        );
        warnings.push(Warning { key: "web.listen".to_owned(), message });
    }
    let has_certificate = |(_, site): &(&String, &SiteSettings)| !site.ssl_certificate.is_empty();
    if let (Some((label, _)), false) = (sites.iter().find(has_certificate), has_ssl) {
        let message = "nothing uses the certificate: no address of `web.listen` has the word `ssl`".to_owned();
        warnings.push(Warning { key: config::key(&["sites", label, "ssl_certificate"]), message });
    }
    Ok(warnings)
}

fn workers(web: &WebSettings) -> Result<usize, Error> {
    match web.workers {
        Some(workers) => within("web.workers", workers, MOST_WORKERS),
        None => Ok(std::thread::available_parallelism().map_or(1, usize::from)),
    }
}

/// Each is a thread; far more than any machine has use for.
const MOST_WORKERS: usize = 1024;

async fn nothing(request: foobar_core::Request) -> foobar_core::Response {
    Problem::new(StatusCode::NOT_FOUND).response(request.headers(), RequestId::generate())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_to_https_go_to_the_usual_port_where_the_server_listens_there() {
        let port = |all: &[&str]| https_port(&all.iter().map(|one| one.parse().unwrap()).collect::<Vec<_>>());
        assert_eq!(port(&["0.0.0.0:8443 ssl", "0.0.0.0:80", "[::]:443 ssl"]), Some(443));
        assert_eq!(port(&["0.0.0.0:443", "0.0.0.0:8443 ssl", "0.0.0.0:9443 ssl"]), Some(8443));
        assert_eq!(port(&["unix:a.sock ssl"]), Some(443));
        assert_eq!(port(&["0.0.0.0:443"]), None);
    }
}
