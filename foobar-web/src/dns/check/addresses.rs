use std::net::IpAddr;

use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::finding::Finding;
use super::host::{Host, list};
use crate::dns::name::shown;
use crate::dns::resolver::{Failure, Resolver};

/// Whether a name leads to this server and nowhere else.
pub(super) async fn examine(
    resolver: &Resolver,
    host: &Host,
    own: &[IpAddr],
    zone: Option<&Name>,
) -> Result<Vec<Finding>, Failure> {
    let mut findings = Vec::new();
    for kind in [RecordType::A, RecordType::AAAA] {
        let answer = resolver.ask(&host.example, kind).await?;
        if !answer.exists {
            let sentence = match alias(&answer.records) {
                Some(target) => dangling(host, target),
                None => missing(host, own, zone),
            };
            return Ok(vec![Finding::Wrong(sentence)]);
        }
        let own: Vec<IpAddr> = own.iter().copied().filter(|own| is_of(kind, own)).collect();
        findings.extend(compare(host, kind, &addresses(&answer.records), &own));
    }
    Ok(findings)
}

fn is_of(kind: RecordType, address: &IpAddr) -> bool {
    address.is_ipv4() == (kind == RecordType::A)
}

fn addresses(records: &[Record]) -> Vec<IpAddr> {
    let address = |record: &Record| match &record.data {
        RData::A(address) => Some(address.0.into()),
        RData::AAAA(address) => Some(address.0.into()),
        _ => None,
    };
    records.iter().filter_map(address).collect()
}

fn compare(host: &Host, kind: RecordType, found: &[IpAddr], own: &[IpAddr]) -> Option<Finding> {
    let name = host.shown();
    let strangers: Vec<_> = found.iter().filter(|address| !own.contains(address)).collect();
    match (strangers.is_empty(), found.is_empty(), own.is_empty()) {
        (true, true, true) => None,
        (true, true, false) => {
            Some(Finding::Wrong(format!("{name} has no record {kind}; add \"{name}. {kind} {}\"", list(own.first()))))
        }
        (true, false, _) => Some(Finding::Good(format!("{name} {kind} {}", list(found)))),
        (false, _, true) => Some(Finding::Wrong(format!(
            "{name} {kind} leads to {}, and this server has no such address (`dns.addresses`); remove that record {kind}",
            list(strangers)
        ))),
        (false, ..) => Some(Finding::Wrong(format!(
            "{name} {kind} leads to {}, which is not this server; set it to {} (`dns.addresses`)",
            list(strangers),
            list(own)
        ))),
    }
}

/// What a name that does not lead anywhere is an alias of in the end.
fn alias(records: &[Record]) -> Option<&Name> {
    let mut targets = records.iter().filter_map(|record| match &record.data {
        RData::CNAME(target) => Some(&target.0),
        _ => None,
    });
    targets.next_back()
}

fn dangling(host: &Host, target: &Name) -> String {
    let (name, target) = (host.shown(), shown(target));
    format!(
        "{name} is an alias of {target}, which does not exist (NXDOMAIN); add the records of {target}, or change the CNAME of {name}"
    )
}

fn missing(host: &Host, own: &[IpAddr], zone: Option<&Name>) -> String {
    let name = host.shown();
    match zone {
        Some(zone) if *zone == host.name => {
            format!("{name} does not exist (NXDOMAIN); is it registered, and does the registrar know its name servers?")
        }
        Some(zone) if zone.zone_of(&host.name) => {
            format!("{name} does not exist (NXDOMAIN); add \"{name}. CNAME {}\"", zone.to_ascii())
        }
        _ => {
            let record = |own: &IpAddr| format!("\"{name}. {} {own}\"", if own.is_ipv4() { "A" } else { "AAAA" });
            format!("{name} does not exist (NXDOMAIN); add {}", list(own.iter().map(record)))
        }
    }
}
