//! What holds of aliases (RFC 2181, section 10): one that has other records beside it is none.

use std::collections::BTreeSet;

use hickory_proto::rr::{LowerName, Name, RData, Record, RecordType};

use crate::dns::name::shown;

/// What is wrong with the aliases among the records, if anything is.
pub(super) fn check(records: &[Record]) -> Result<(), String> {
    for record in records {
        if let RData::CNAME(target) = &record.data {
            alone(record, records)?;
            follow(&record.name, target, records)?;
        }
    }
    Ok(())
}

fn alone(alias: &Record, records: &[Record]) -> Result<(), String> {
    let name = LowerName::new(&alias.name);
    match records.iter().find(|other| *other != alias && LowerName::new(&other.name) == name) {
        None => Ok(()),
        Some(other) => Err(format!(
            "{} is an alias (CNAME) and has a record {} too; an alias has no other record: write A and AAAA instead",
            shown(&alias.name),
            other.record_type()
        )),
    }
}

/// Whether it leads somewhere.
fn follow(from: &Name, to: &Name, records: &[Record]) -> Result<(), String> {
    let mut seen = BTreeSet::from([LowerName::new(from)]);
    let mut at = LowerName::new(to);
    while seen.insert(at.clone()) {
        match of(&at, records) {
            Some(next) => at = LowerName::new(next),
            None => return Ok(()),
        }
    }
    Err(format!("{} is an alias (CNAME) that leads to itself; name a host", shown(from)))
}

/// Where the alias of this name leads, if it is one.
pub(super) fn of<'a>(name: &LowerName, records: &'a [Record]) -> Option<&'a Name> {
    let mut own = records.iter().filter(|record| LowerName::new(&record.name) == *name);
    own.find_map(|record| match &record.data {
        RData::CNAME(target) => Some(&**target),
        _ => None,
    })
}

/// Records of one name and type are remembered together (RFC 2181, section 5), and each is there once.
pub(super) fn check_sets(records: &[Record]) -> Result<(), String> {
    for (at, record) in records.iter().enumerate() {
        let is_of_set = |other: &&Record| other.name == record.name && other.record_type() == record.record_type();
        for other in records[..at].iter().filter(is_of_set) {
            let what = format!("{} {}", shown(&record.name), record.record_type());
            if other.data == record.data {
                return Err(format!("{what} is there twice; remove one"));
            }
            if other.ttl != record.ttl {
                return Err(format!("{what} has records of different TTLs; write the same for all of them"));
            }
        }
    }
    Ok(())
}

/// The type of an alias.
pub(super) const ALIAS: RecordType = RecordType::CNAME;
