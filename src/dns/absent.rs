use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use foobar_core::BoxError;
use foobar_core::config::Config;

use super::name_server::NameServer;
use crate::StartError;
use crate::settings::AllSettings;

pub(crate) fn zone_file(config: &Config, _settings: &AllSettings) -> Result<String, StartError> {
    Err(missing(config))
}

pub(crate) fn name_server(config: &Config, settings: &AllSettings) -> Result<Option<Arc<dyn NameServer>>, StartError> {
    if settings.dns.has_zone() { Err(missing(config)) } else { Ok(None) }
}

/// There is none.
pub(crate) struct Examination(Infallible);

#[expect(dead_code, reason = "nothing is found")]
pub(crate) enum Finding {
    Good(String),
    Note(String),
    Wrong(String),
}

impl Examination {
    pub(crate) fn of(
        config: &Config,
        _settings: &AllSettings,
        _resolver: Option<SocketAddr>,
    ) -> Result<Self, StartError> {
        Err(missing(config))
    }

    pub(crate) async fn run(&self) -> Result<Vec<Finding>, BoxError> {
        match self.0 {}
    }
}

fn missing(config: &Config) -> StartError {
    let message = "`dns.zone`: this program has no DNS; build it with the cargo feature `dns` of foobar";
    StartError::setting(config, "dns.zone", message)
}
