//! Whether the names of the sites lead to this server, as the rest of the world sees them.

mod addresses;
mod authorities;
mod zone;

use std::collections::BTreeMap;
use std::net::IpAddr;

use hickory_proto::rr::Name;

use super::resolver::Failure;
use super::zone::names;
use super::{Resolver, issuers};
use crate::{AcmeSettings, DnsSettings, Error, SiteSettings};

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

/// A name that should lead here.
#[derive(Debug)]
struct Host {
    name: Name,
    /// One that the name stands for, where it begins with a star.
    example: Name,
}

/// What has been found: a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It is as it should be.
    Good(String),
    /// It may be meant so.
    Note(String),
    /// It is wrong; the sentence says what to do.
    Wrong(String),
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
        for host in &self.hosts {
            findings.extend(settle(addresses::examine(resolver, host, self).await)?);
            findings.extend(settle(authorities::examine(resolver, host, &self.issuers).await)?);
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

impl Host {
    fn new(name: Name) -> Self {
        let made = name.base_name().prepend_label("foobar-check").unwrap_or_else(|_too_long| name.clone());
        let example = if name.is_wildcard() { made } else { name.clone() };
        Self { name, example }
    }

    fn shown(&self) -> String {
        shown(&self.name)
    }
}

/// Without the dot at its end.
fn shown(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_owned()
}

fn list<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}
