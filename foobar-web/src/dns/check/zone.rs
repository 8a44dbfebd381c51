use std::collections::BTreeSet;

use hickory_proto::rr::{LowerName, Name, RData, RecordType};

use super::finding::Finding;
use super::host::list;
use crate::dns::name::shown;
use crate::dns::resolver::{Failure, Resolver};

/// Whether the zone has the name servers that it should have, and whether mail for it goes somewhere.
pub(super) async fn examine(resolver: &Resolver, zone: &Name, servers: &[Name]) -> Result<Vec<Finding>, Failure> {
    let name = shown(zone);
    let answer = resolver.ask(zone, RecordType::NS).await?;
    if !answer.exists {
        return Ok(Vec::new()); // told with its addresses
    }
    let found = answer.records.iter().filter_map(|record| match &record.data {
        RData::NS(server) => Some(LowerName::new(server)),
        _ => None,
    });
    let mut findings = Vec::new();
    findings.extend(compare(&name, &found.collect(), &servers.iter().map(LowerName::new).collect()));
    let mail = resolver.ask(zone, RecordType::MX).await?;
    if !mail.records.iter().any(|record| record.record_type() == RecordType::MX) {
        findings.push(Finding::Note(format!(
            "{name} has no record MX, so that mail for it is sent to this server; name your mail server, or none by \"{name}. MX 0 .\""
        )));
    }
    Ok(findings)
}

fn compare(zone: &str, found: &BTreeSet<LowerName>, expected: &BTreeSet<LowerName>) -> Option<Finding> {
    let names = |all: &BTreeSet<LowerName>| list(all.iter().map(|name| shown(name)));
    if expected.is_empty() {
        None
    } else if found == expected {
        Some(Finding::Good(format!("{zone} NS {}", names(found))))
    } else if found.is_empty() {
        Some(Finding::Wrong(format!(
            "{zone} has no name servers of its own; tell its registrar {} (`dns.nameservers`)",
            names(expected)
        )))
    } else {
        Some(Finding::Wrong(format!(
            "the name servers of {zone} are {} and not {}; tell its registrar, or change `dns.nameservers`",
            names(found),
            names(expected)
        )))
    }
}
