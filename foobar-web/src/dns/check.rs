//! Whether the names of the sites lead to this server, as the rest of the world sees them.

mod addresses;
mod authorities;
mod finding;
mod host;
mod zone;

use std::collections::BTreeMap;
use std::net::IpAddr;

use hickory_proto::rr::Name;

use super::compile::names;
use super::issuers;
use super::resolver::{Failure, Resolver};
use crate::{AcmeSettings, DnsSettings, Error, SiteSettings};
use host::Host;

pub use finding::Finding;

/// What is asked for, and what the answers should be.
#[derive(Debug)]
pub struct Check {
    hosts: Vec<Host>,
    addresses: Vec<IpAddr>,
    /// The authorities that should be allowed to issue certificates.
    issuers: Vec<String>,
    /// The zone, and its name servers as they should be.
    zone: Option<(Name, Vec<Name>)>,
}

impl Check {
    /// What the settings say of names; an error names the key that is wrong.
    pub fn compile(
        dns: &DnsSettings,
        acme: &AcmeSettings,
        sites: &BTreeMap<String, SiteSettings>,
    ) -> Result<Self, Error> {
        let hosts = names::leading_here(dns, sites)?.into_iter().map(Host::new).collect();
        let (addresses, issuers) = (names::own_addresses(dns)?, issuers::allowed(dns, acme, sites));
        Ok(Self { hosts, addresses, issuers, zone: names::zone(dns, sites)? })
    }

    /// Asks for all of it. Where nobody answers, nothing more is asked.
    pub async fn run(&self, resolver: &Resolver) -> Vec<Finding> {
        let mut findings = Vec::new();
        if let Err(failure) = self.ask(resolver, &mut findings).await {
            findings.push(Finding::Wrong(failure.to_string()));
        }
        findings
    }

    async fn ask(&self, resolver: &Resolver, findings: &mut Vec<Finding>) -> Result<(), Failure> {
        if let Some((zone, servers)) = &self.zone {
            findings.extend(settle(zone::examine(resolver, zone, servers).await)?);
        }
        let zone = self.zone.as_ref().map(|(zone, _)| zone);
        for host in &self.hosts {
            findings.extend(settle(addresses::examine(resolver, host, &self.addresses, zone).await)?);
            findings.extend(settle(authorities::examine(resolver, host, &self.issuers, zone).await)?);
        }
        Ok(())
    }
}

/// A failure that is one name's is what has been found of it.
fn settle(examined: Result<Vec<Finding>, Failure>) -> Result<Vec<Finding>, Failure> {
    match examined {
        Err(failure @ (Failure::ServFail { .. } | Failure::Refused { .. })) => {
            Ok(vec![Finding::Wrong(failure.to_string())])
        }
        other => other,
    }
}
