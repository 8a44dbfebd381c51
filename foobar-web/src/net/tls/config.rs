use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use rustls::server::{NoServerSessionStorage, ProducesTickets, ServerConfig};
use rustls::{SupportedProtocolVersion, version};

use super::certificates::{Certificates, SiteCertificates};
use super::ticket_keys::TicketKeys;
use crate::{Error, Warning};

/// What the TLS of a server rests on, for all its workers.
pub(crate) struct Tls {
    sites: Vec<Option<SiteTls>>,
    /// Keys of tickets from files.
    ticket_keys: Option<Arc<TicketKeys>>,
    /// Whether names that no site has get an alert where the default site's certificate is not for them.
    rejects: bool,
    /// How long a handshake may take.
    pub(crate) handshake_time: Duration,
}

struct SiteTls {
    config: Arc<ServerConfig>,
    certificates: Arc<Certificates>,
}

/// What all sites have in common.
pub(crate) struct TlsOptions<'a> {
    /// As in nginx's `ssl_protocols`.
    pub(crate) protocols: &'a [String],
    pub(crate) handshake_time: Duration,
    pub(crate) tickets: bool,
    /// Keys that several machines share; where there is none, the server makes its own.
    pub(crate) ticket_keys: &'a [PathBuf],
    pub(crate) rejects: bool,
    /// What is spoken over TLS, in order of preference (ALPN).
    pub(crate) alpn: Vec<Vec<u8>>,
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
        let provider = Arc::new(aws_lc_rs::default_provider());
        let protocols = protocols(options.protocols)?;
        let has_files = options.tickets && !options.ticket_keys.is_empty();
        let ticket_keys = has_files.then(|| TicketKeys::read(options.ticket_keys)).transpose()?.map(Arc::new);
        let tickets: Option<Arc<dyn ProducesTickets>> = match &ticket_keys {
            Some(keys) => Some(Arc::<TicketKeys>::clone(keys)),
            None if options.tickets => Some(aws_lc_rs::Ticketer::new().map_err(|error| no_tickets(&error))?),
            None => None,
        };
        let compile = |site: &SiteCertificates| {
            let Some(certificates) = Certificates::load(site, &provider)? else { return Ok(None) };
            let certificates = Arc::new(certificates);
            let mut config = ServerConfig::builder_with_provider(Arc::clone(&provider))
                .with_protocol_versions(&protocols)
                .map_err(|error| Error::setting("web.ssl_protocols", error.to_string()))?
                .with_no_client_auth()
                .with_cert_resolver(Arc::<Certificates>::clone(&certificates));
            config.session_storage = Arc::new(NoServerSessionStorage {}); // a ticket works on every worker
            if let Some(tickets) = &tickets {
                config.ticketer = Arc::clone(tickets);
            }
            config.alpn_protocols.clone_from(&options.alpn);
            Ok(Some(SiteTls { config: Arc::new(config), certificates }))
        };
        let sites = sites.iter().map(compile).collect::<Result<Vec<_>, Error>>()?;
        let has_any = sites.iter().any(Option::is_some);
        Ok(has_any.then_some(Self {
            sites,
            ticket_keys,
            rejects: options.rejects,
            handshake_time: options.handshake_time,
        }))
    }

    /// What is not wrong with the certificates, and not right either.
    pub(crate) fn warnings(&self) -> Vec<Warning> {
        self.sites.iter().flatten().flat_map(|site| site.certificates.warnings()).collect()
    }

    /// Uses the files of certificates and of ticket keys that have changed.
    pub(super) fn refresh(&self) {
        self.sites.iter().flatten().for_each(|site| site.certificates.refresh());
        self.ticket_keys.iter().for_each(|keys| keys.refresh());
    }

    /// The configuration for a client that asked for `name`, which leads to this site; `None` if no certificate is for it.
    pub(super) fn config(&self, name: Option<&str>, site: NamedSite) -> Option<&Arc<ServerConfig>> {
        let at = |site: usize| self.sites.get(site)?.as_ref();
        let site = match site {
            NamedSite::Known(site) => at(site)?,
            NamedSite::Default(site) => {
                let site = at(site)?;
                let is_covered = name.is_none_or(|name| site.certificates.cover(name));
                Some(site).filter(|_| is_covered || !self.rejects)?
            }
            NamedSite::Nowhere => return None,
        };
        Some(&site.config)
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

fn no_tickets(error: &rustls::Error) -> Error {
    Error::setting("web.ssl_session_tickets", format!("no key can be made for them: {error}"))
}
