//! A zone made of what the settings say.

mod alias;
pub(super) mod names;
mod record_line;
mod sites;
mod targets;

use std::collections::BTreeMap;
use std::net::IpAddr;

use hickory_proto::rr::rdata::{CAA, CNAME, NS, SOA};
use hickory_proto::rr::{LowerName, Name, RData, Record};

use super::issuers;
use super::name::{absolute, host, mailbox, shown};
use super::zone::Zone;
use crate::{AcmeSettings, DnsSettings, Error, SiteSettings};
use record_line::LONGEST_TTL;

/// The zone that the settings describe; an error names the key that is wrong.
pub fn compile(dns: &DnsSettings, acme: &AcmeSettings, all: &BTreeMap<String, SiteSettings>) -> Result<Zone, Error> {
    let names = sites::names(all)?;
    let mut draft = Draft::new(dns, &names)?;
    draft.name_servers(dns)?;
    draft.apex(dns)?;
    draft.further(dns)?;
    draft.authorities(dns, acme, all)?;
    draft.hosts(dns)?;
    draft.aliases(&names, sites::answers_any(all));
    draft.check()?;
    Ok(Zone::of(draft.origin, draft.records))
}

/// A zone that is being made.
struct Draft {
    origin: Name,
    ttl: u32,
    addresses: Vec<IpAddr>,
    records: Vec<Record>,
}

impl Draft {
    fn new(dns: &DnsSettings, names: &[String]) -> Result<Self, Error> {
        let ttl = u32::try_from(dns.ttl.as_secs()).ok().filter(|ttl| *ttl <= LONGEST_TTL); // refused below
        let ttl = ttl.ok_or_else(|| wrong("ttl", "it is longer than seven days; write for example \"1h\""))?;
        Ok(Self { origin: origin(dns, names)?, ttl, addresses: addresses(dns)?, records: Vec::new() })
    }

    fn add(&mut self, name: &Name, data: RData) {
        self.records.push(Record::from_rdata(name.clone(), self.ttl, data));
    }

    fn has(&self, name: &Name) -> bool {
        let name = LowerName::new(name);
        self.records.iter().any(|record| LowerName::new(&record.name) == name)
    }

    fn name_servers(&mut self, dns: &DnsSettings) -> Result<(), Error> {
        let names: Vec<Name> = dns.nameservers.iter().map(|name| name_server(name)).collect::<Result<_, _>>()?;
        let Some(primary) = names.first() else { return Err(wrong("nameservers", NO_NAME_SERVERS)) };
        let mail = dns.hostmaster.clone().unwrap_or_else(|| format!("hostmaster@{}", shown(&self.origin))); // the documented default
        let mail = mailbox(&mail).ok_or_else(|| {
            wrong("hostmaster", format!("{mail:?} is no mail address; write one such as \"admin@foobar.com\""))
        })?;
        let origin = self.origin.clone();
        let negative = self.ttl.min(NEGATIVE_TTL);
        self.add(&origin, RData::SOA(SOA::new(primary.clone(), mail, 0, REFRESH, RETRY, EXPIRE, negative)));
        names.into_iter().for_each(|name| self.add(&origin, RData::NS(NS(name))));
        Ok(())
    }

    fn apex(&mut self, dns: &DnsSettings) -> Result<(), Error> {
        if dns.addresses.is_empty() {
            return Err(wrong("addresses", NO_ADDRESSES));
        }
        let origin = self.origin.clone();
        self.lead_here(&origin);
        Ok(())
    }

    fn lead_here(&mut self, name: &Name) {
        self.addresses.clone().into_iter().for_each(|address| self.add(name, data_of(address)));
    }

    fn further(&mut self, dns: &DnsSettings) -> Result<(), Error> {
        for line in dns.records.iter() {
            let record = record_line::parse(line, &self.origin, self.ttl);
            self.records.push(record.map_err(|message| wrong("records", format!("{line:?} {message}")))?);
        }
        Ok(())
    }

    fn authorities(
        &mut self,
        dns: &DnsSettings,
        acme: &AcmeSettings,
        sites: &BTreeMap<String, SiteSettings>,
    ) -> Result<(), Error> {
        let origin = self.origin.clone();
        for name in issuers::allowed(dns, acme, sites) {
            let mut authority = host(&name).ok_or_else(|| {
                wrong("caa", format!("{name:?} is no name of an authority; write one such as \"letsencrypt.org\""))
            })?;
            authority.set_fqdn(false);
            self.add(&origin, RData::CAA(CAA::new_issue(false, Some(authority), Vec::new())));
        }
        Ok(())
    }

    /// The name servers in the zone have addresses.
    fn hosts(&mut self, dns: &DnsSettings) -> Result<(), Error> {
        for name in dns.nameservers.iter() {
            let name = name_server(name)?;
            if self.origin.zone_of(&name) && !self.has(&name) {
                self.lead_here(&name);
            }
        }
        Ok(())
    }

    fn aliases(&mut self, names: &[String], answers_any: bool) {
        let www = answers_any.then(|| format!("www.{}", shown(&self.origin)));
        for name in names.iter().chain(&www) {
            let Some(name) = absolute(name).filter(|name| self.origin.zone_of(name)) else { continue };
            if !self.has(&name) {
                self.add(&name, RData::CNAME(CNAME(self.origin.clone())));
            }
        }
    }

    fn check(&self) -> Result<(), Error> {
        let checked = alias::check_sets(&self.records).and_then(|()| alias::check(&self.records));
        checked.and_then(|()| targets::check(&self.origin, &self.records)).map_err(|message| wrong("records", message))
    }
}

fn origin(dns: &DnsSettings, names: &[String]) -> Result<Name, Error> {
    match &dns.zone {
        None => sites::common(names).ok_or_else(|| wrong("zone", NO_ZONE)),
        Some(zone) => {
            let name = host(zone).filter(|name| name.num_labels() > 1);
            name.ok_or_else(|| wrong("zone", format!("{zone:?} is no zone; write one such as \"foobar.com\"")))
        }
    }
}

/// The addresses of the settings.
fn addresses(dns: &DnsSettings) -> Result<Vec<IpAddr>, Error> {
    let parse = |text: &String| {
        let address = text.parse::<IpAddr>().ok(); // refused below
        let address = address.filter(|address| !address.is_unspecified() && !address.is_multicast());
        address.ok_or_else(|| {
            let message =
                format!("{text:?} is no address of a server; write one such as \"203.0.113.5\" or \"2001:db8::5\"");
            wrong("addresses", message)
        })
    };
    let all = dns.addresses.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
    match all.iter().enumerate().find(|(at, address)| all[..*at].contains(address)) {
        None => Ok(all),
        Some((_, twice)) => Err(wrong("addresses", format!("{twice} is there twice; remove one"))),
    }
}

fn name_server(text: &str) -> Result<Name, Error> {
    host(text).filter(|name| name.num_labels() > 1).ok_or_else(|| {
        wrong("nameservers", format!("{text:?} is no name of a name server; write one such as \"ns1.foobar.com\""))
    })
}

fn data_of(address: IpAddr) -> RData {
    match address {
        IpAddr::V4(address) => RData::A(address.into()),
        IpAddr::V6(address) => RData::AAAA(address.into()),
    }
}

fn wrong(key: &str, message: impl Into<String>) -> Error {
    Error::setting(format!("dns.{key}"), message)
}

const NO_NAME_SERVERS: &str = "a zone needs at least one name server, and registries want two; write their names, such as \
    [\"ns1.foobar.com\", \"ns2.provider.net\"]";
const NO_ADDRESSES: &str = "the addresses at which clients reach this server are missing; write them, such as \
    [\"203.0.113.5\", \"2001:db8::5\"]";
const NO_ZONE: &str = "the sites have no name (`server_name`) that all their names end in; write the zone, such as \
    \"foobar.com\"";

/// How often a secondary name server looks for a new serial, how soon again if that fails, and when it gives up (RIPE-203),
/// in seconds.
const REFRESH: i32 = 60 * 60;
const RETRY: i32 = 15 * 60;
const EXPIRE: i32 = 14 * 24 * 60 * 60;
/// How long others may remember that a name is not there (RFC 2308).
const NEGATIVE_TTL: u32 = 5 * 60;

#[cfg(test)]
mod tests;
