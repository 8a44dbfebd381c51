//! Hosts that records of the zone name have to be there, where they lie in the zone themselves.

use hickory_proto::rr::{LowerName, Name, RData, Record};

use super::alias;
use crate::dns::name::{is_address, shown};

/// What is wrong with the hosts that records name, if anything is.
pub(super) fn check(origin: &Name, records: &[Record]) -> Result<(), String> {
    let named = records.iter().filter_map(|record| Some((record, target(&record.data)?)));
    let mut inside = named.filter(|(_, host)| origin.zone_of(host) && !host.is_root());
    inside.try_for_each(|(record, host)| {
        let what = format!("{} {}", shown(&record.name), record.record_type());
        look(&what, record, host, records)
    })
}

fn target(data: &RData) -> Option<&Name> {
    match data {
        RData::CNAME(name) => Some(name),
        RData::MX(mx) => Some(&mx.exchange),
        RData::NS(name) => Some(name),
        RData::SRV(srv) => Some(&srv.target),
        _ => None,
    }
}

fn look(what: &str, record: &Record, host: &Name, records: &[Record]) -> Result<(), String> {
    let lower = LowerName::new(host);
    let star = LowerName::new(&host.clone().into_wildcard());
    let own = || records.iter().filter(|other| [&lower, &star].contains(&&LowerName::new(&other.name)));
    let is_alias = record.record_type() == alias::ALIAS;
    let name = shown(host);
    if is_alias && own().next().is_none() {
        return Err(format!("{what} leads to {name}, which the zone does not have; add its records"));
    }
    if !is_alias && alias::of(&lower, records).is_some() {
        return Err(format!("{what} names {name}, which is an alias (CNAME); name the host that it leads to"));
    }
    if !is_alias && !own().any(|other| is_address(other.record_type())) {
        return Err(format!("{what} names {name}, which has no address; add \"{name}. A ADDRESS\""));
    }
    Ok(())
}
