use foobar_core::config::Config;
use std::net::SocketAddr;
use std::sync::Arc;

use foobar_core::BoxError;
use foobar_web::DnsAnswers;
use foobar_web::dns::{self, Check, Resolver, Zone};

pub(crate) use foobar_web::dns::Finding;

use super::name_server::{NameServer, TakeZone};
use crate::StartError;
use crate::settings::AllSettings;

/// The zone as a file, whether or not the settings say anything of it.
pub(crate) fn zone_file(config: &Config, settings: &AllSettings) -> Result<String, StartError> {
    Ok(zone(config, settings)?.to_string())
}

/// The server of the zone, where the settings say that it is served. A zone that is not has to be good all the same.
pub(crate) fn name_server(config: &Config, settings: &AllSettings) -> Result<Option<Arc<dyn NameServer>>, StartError> {
    let server = dns::NameServer::compile(&settings.dns, &settings.web, &settings.sites);
    match server.map_err(|error| of_dns(config, error))? {
        Some(server) => Ok(Some(Arc::new(server))),
        None if settings.dns.has_zone() => zone(config, settings).map(|_| None),
        None => Ok(None),
    }
}

impl NameServer for dns::NameServer {
    fn answers(self: Arc<Self>) -> Arc<dyn DnsAnswers> {
        self
    }

    fn bind(&self) -> Result<(), BoxError> {
        Ok(self.bind()?)
    }

    fn check(&self) -> Result<(), BoxError> {
        Ok(self.check()?)
    }

    fn prepare(self: Arc<Self>, config: &Config, settings: &AllSettings) -> Result<TakeZone, StartError> {
        if settings.dns.listen.is_empty() && settings.dns.has_zone() {
            zone(config, settings)?; // one that is not served has to be good all the same
        }
        let prepared = Self::prepare(&self, &settings.dns, &settings.web, &settings.sites);
        prepared.map_err(|error| of_dns(config, error))
    }

    fn addresses(&self) -> Vec<SocketAddr> {
        self.addresses()
    }

    fn describe(&self) -> Vec<String> {
        self.addresses().iter().map(|address| format!("{address} ({})", self.zone())).collect()
    }
}

/// What is to be asked of whom.
pub(crate) struct Examination {
    check: Check,
    resolver: Option<SocketAddr>,
}

impl Examination {
    /// Whether the names of the sites lead here, asked of this resolver, or of those of the system.
    pub(crate) fn of(
        config: &Config,
        settings: &AllSettings,
        resolver: Option<SocketAddr>,
    ) -> Result<Self, StartError> {
        let check = Check::compile(&settings.dns, &settings.web.acme, &settings.sites);
        Ok(Self { check: check.map_err(|error| of_dns(config, error))?, resolver })
    }

    pub(crate) async fn run(&self) -> Result<Vec<Finding>, BoxError> {
        let resolver = match self.resolver {
            Some(address) => Resolver::of(address),
            None => Resolver::of_system().map_err(|error| format!("cannot read /etc/resolv.conf: {error}"))?,
        };
        Ok(self.check.run(&resolver).await)
    }
}

fn zone(config: &Config, settings: &AllSettings) -> Result<Zone, StartError> {
    let zone = dns::compile(&settings.dns, &settings.web.acme, &settings.sites);
    zone.map_err(|error| of_dns(config, error))
}

fn of_dns(config: &Config, error: foobar_web::Error) -> StartError {
    let key = error.key().unwrap_or("dns.listen").to_owned(); // one that names none is of the server as a whole
    StartError::setting(config, &key, error)
}
