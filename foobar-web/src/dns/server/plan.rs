use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::dns::compile::compile;
use crate::dns::serial::SerialFile;
use crate::dns::zone::Zone;
use crate::issuer::StateFolder;
use crate::{DnsSettings, Error, SiteSettings, WebSettings};

/// What the settings say of a name server.
pub(super) struct Plan {
    pub(super) listen: Vec<SocketAddr>,
    pub(super) secondaries: Vec<SocketAddr>,
    pub(super) rate_limit: u32,
    pub(super) zone: Zone,
    /// Where secondaries have the zone too.
    pub(super) serial: Option<SerialFile>,
}

impl Plan {
    /// `None` where `dns.listen` is empty.
    pub(super) fn compile(
        dns: &DnsSettings,
        web: &WebSettings,
        sites: &BTreeMap<String, SiteSettings>,
    ) -> Result<Option<Self>, Error> {
        if dns.listen.is_empty() {
            return Ok(None);
        }
        let listen = dns.listen.iter().map(|text| address("listen", text, None)).collect::<Result<_, _>>()?;
        let secondaries: Vec<_> =
            dns.transfer.iter().map(|text| address("transfer", text, Some(53))).collect::<Result<_, _>>()?;
        let zone = compile(dns, &web.acme, sites)?;
        let serial = (!secondaries.is_empty()).then(|| SerialFile::of(web, &zone));
        if serial.is_some() {
            StateFolder::of(web).check_hidden(sites)?;
        }
        Ok(Some(Self { listen, secondaries, rate_limit: dns.rate_limit, zone, serial }))
    }

    /// With a serial that follows those of earlier configurations.
    pub(super) fn with_next_serial(mut self) -> Result<Self, Error> {
        if let Some(serial) = &self.serial {
            self.zone = serial.advance(self.zone)?;
        }
        Ok(self)
    }
}

/// An address of a setting, with its port or this one.
fn address(key: &str, text: &str, port: Option<u16>) -> Result<SocketAddr, Error> {
    let alone = || Some(SocketAddr::new(text.parse().ok()?, port?)); // refused below
    text.parse().ok().or_else(alone).ok_or_else(|| {
        let example = if port.is_some() {
            "\"192.0.2.53\" or \"[2001:db8::53]:5353\""
        } else {
            "\"203.0.113.5:53\" or \"[2001:db8::5]:53\""
        };
        Error::setting(
            format!("dns.{key}"),
            format!(
                "{text:?} is no address{}; write one such as {example}",
                if port.is_some() { "" } else { " with a port" }
            ),
        )
    })
}
