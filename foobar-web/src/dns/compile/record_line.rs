//! A record as the configuration has it: a line of a zone file.

use std::borrow::Cow;

use hickory_proto::rr::{DNSClass, Name, Record, RecordType};
use hickory_proto::serialize::txt::Parser;

use crate::dns::name::shown;
use crate::dns::zone::data::wire;

/// The record of a line, its names in the zone `origin`; or what is wrong with it.
pub(super) fn parse(line: &str, origin: &Name, ttl: u32) -> Result<Record, String> {
    let line = line.trim();
    if line.starts_with('$') || line.contains(['\n', '\r']) {
        return Err("is no record: write one, as \"NAME [TTL] TYPE DATA\"".to_owned()); // `$INCLUDE` would read files
    }
    if line.as_bytes().windows(2).any(|pair| pair[0] == b'\\' && pair[1].is_ascii_digit()) {
        return Err("has an escape of digits; write the letter itself, which is sent in UTF-8".to_owned()); // it would be read as octal
    }
    let text = format!("$TTL {ttl}\n{}\n", without_at(line, origin));
    let parsed = Parser::new(text, None, Some(origin.clone())).parse();
    let (_, sets) = parsed.map_err(|error| format!("cannot be read: {error}; write \"NAME [TTL] TYPE DATA\""))?;
    let mut records = sets.values().flat_map(|set| set.records_without_rrsigs());
    match (records.next(), records.next()) {
        (Some(record), None) => check(record, origin).map(|()| record.clone()),
        _ => Err("is no record: write one, as \"NAME [TTL] TYPE DATA\"".to_owned()),
    }
}

/// The parser knows `@` as the first word alone; as the last it is the name of a host.
fn without_at<'a>(line: &'a str, origin: &Name) -> Cow<'a, str> {
    let names_host =
        line.split_whitespace().skip(1).any(|word| NAMING_HOSTS.iter().any(|kind| word.eq_ignore_ascii_case(kind)));
    match line.strip_suffix('@').filter(|rest| names_host && rest.ends_with([' ', '\t'])) {
        Some(rest) => Cow::Owned(rest.to_owned() + &origin.to_ascii()),
        None => Cow::Borrowed(line),
    }
}

/// The types whose last word is the name of a host.
const NAMING_HOSTS: [&str; 5] = ["CNAME", "MX", "NAPTR", "PTR", "SRV"];

fn check(record: &Record, origin: &Name) -> Result<(), String> {
    let kind = record.record_type();
    if !origin.zone_of(&record.name) {
        let (name, zone) = (shown(&record.name), shown(origin));
        return Err(format!("{name} does not lie in the zone {zone}; a name without a dot at its end does"));
    }
    if record.dns_class != DNSClass::IN {
        return Err("has a class of its own; leave it out, or write IN".to_owned());
    }
    if !TYPES.contains(&kind) {
        return Err(refused(kind));
    }
    if record.ttl > LONGEST_TTL {
        return Err(format!("may be remembered for {} seconds; write at most {LONGEST_TTL}", record.ttl));
    }
    wire(&record.data)
        .map(drop)
        .ok_or_else(|| "is too long: a text has parts of at most 255 bytes, each in quotes".to_owned())
}

fn refused(kind: RecordType) -> String {
    let types = TYPES.map(|kind| kind.to_string()).join(", ");
    match kind {
        RecordType::SOA => "is made by the server; leave it out".to_owned(),
        RecordType::NS => "names a name server: those of the zone are `dns.nameservers`, and a part of it cannot be \
            left to others (delegated)"
            .to_owned(),
        kind => format!("has the type {kind}; write one of {types}"),
    }
}

/// The types that `dns.records` may have; those of the zone itself have keys of their own.
const TYPES: [RecordType; 13] = [
    RecordType::A,
    RecordType::AAAA,
    RecordType::CAA,
    RecordType::CNAME,
    RecordType::HTTPS,
    RecordType::MX,
    RecordType::NAPTR,
    RecordType::PTR,
    RecordType::SRV,
    RecordType::SSHFP,
    RecordType::SVCB,
    RecordType::TLSA,
    RecordType::TXT,
];

/// Seconds that a record may be remembered.
pub(super) const LONGEST_TTL: u32 = 7 * 24 * 60 * 60;
