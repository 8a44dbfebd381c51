//! The names and addresses that the settings say, whether or not they make a zone.

use std::collections::BTreeMap;
use std::net::IpAddr;

use hickory_proto::rr::Name;

use super::sites;
use super::{NO_ADDRESSES, addresses, name_server, origin, wrong};
use crate::dns::name::{absolute, shown};
use crate::{DnsSettings, Error, SiteSettings};

/// Those that should lead to this server, each once, some with a star at their front.
pub(in crate::dns) fn leading_here(
    dns: &DnsSettings,
    all: &BTreeMap<String, SiteSettings>,
) -> Result<Vec<Name>, Error> {
    let names = sites::names(all)?;
    let zone = zone(dns, all)?.map(|(zone, _)| zone);
    let www = zone.as_ref().filter(|_| sites::answers_any(all)).map(|zone| format!("www.{}", shown(zone)));
    let mut hosts: Vec<Name> = zone.into_iter().collect();
    for name in names.iter().chain(&www).filter_map(|name| absolute(name)) {
        if !hosts.contains(&name) {
            hosts.push(name);
        }
    }
    if hosts.is_empty() { Err(wrong("zone", NO_NAMES)) } else { Ok(hosts) }
}

/// The zone and its name servers, where the settings name it or the sites have one in common.
pub(in crate::dns) fn zone(
    dns: &DnsSettings,
    all: &BTreeMap<String, SiteSettings>,
) -> Result<Option<(Name, Vec<Name>)>, Error> {
    let names = sites::names(all)?;
    let servers = dns.nameservers.iter().map(|name| name_server(name)).collect::<Result<_, _>>()?;
    let origin = if dns.has_zone() { Some(origin(dns, &names)?) } else { sites::common(&names) };
    Ok(origin.map(|origin| (origin, servers)))
}

/// Those of this server.
pub(in crate::dns) fn own_addresses(dns: &DnsSettings) -> Result<Vec<IpAddr>, Error> {
    let addresses = addresses(dns)?;
    if addresses.is_empty() { Err(wrong("addresses", NO_ADDRESSES)) } else { Ok(addresses) }
}

const NO_NAMES: &str = "no site has a name (`server_name`); write the zone, such as \"foobar.com\"";
