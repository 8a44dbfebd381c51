mod change;
pub(super) mod data;
pub(super) mod lookup;

use std::collections::BTreeMap;
use std::fmt;

use hickory_proto::rr::rdata::SOA;
use hickory_proto::rr::{LowerName, Name, RData, Record};

/// A zone: its name and all its records.
#[derive(Clone, Debug)]
pub struct Zone {
    origin: Name,
    /// By their names, in the order of a zone (RFC 4034, section 6.1), the zone's own first.
    nodes: BTreeMap<LowerName, Vec<Record>>,
}

impl Zone {
    /// Its records, of which the first is the SOA.
    pub(super) fn of(origin: Name, records: Vec<Record>) -> Self {
        let mut nodes: BTreeMap<LowerName, Vec<Record>> = BTreeMap::new();
        for record in records {
            nodes.entry(LowerName::new(&record.name)).or_default().push(record);
        }
        Self { origin, nodes }.with_serial_of_content()
    }

    /// Its name, without a dot at its end.
    pub fn name(&self) -> String {
        self.origin.to_ascii().trim_end_matches('.').to_owned()
    }

    /// The number of this version of the zone: the same for the same records.
    pub fn serial(&self) -> u32 {
        self.soa().map_or(0, |soa| soa.serial) // each zone has one
    }

    /// Whether this is its name.
    pub(super) fn is_named(&self, name: &Name) -> bool {
        self.origin == *name
    }

    /// Whether a name lies in it.
    pub(super) fn holds(&self, name: &Name) -> bool {
        self.origin.zone_of(name)
    }

    pub(super) const fn origin(&self) -> &Name {
        &self.origin
    }

    fn soa(&self) -> Option<&SOA> {
        self.records().find_map(|record| match &record.data {
            RData::SOA(soa) => Some(soa),
            _ => None,
        })
    }

    /// All of them, the SOA first.
    pub(super) fn records(&self) -> impl Iterator<Item = &Record> {
        self.nodes.values().flatten()
    }

    pub(super) fn with_serial(mut self, serial: u32) -> Self {
        for record in self.nodes.values_mut().flatten() {
            if let RData::SOA(soa) = &mut record.data {
                soa.serial = serial;
            }
        }
        self
    }

    /// In the lower half of all serials, so that those of changes while it is served come after it (RFC 1982).
    fn with_serial_of_content(self) -> Self {
        let zone = self.with_serial(0);
        let digest = twox_hash::XxHash3_128::oneshot(zone.to_string().as_bytes());
        let serial = (digest as u32 & (u32::MAX >> 1)).max(1); // its low bits
        zone.with_serial(serial)
    }
}

/// As a zone file (RFC 1035, section 5), which every name server reads.
impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "$ORIGIN {}", self.origin.to_ascii())?;
        let names = self.records().map(|record| record.name.to_ascii().len());
        let width = names.max().unwrap_or(0); // there is the SOA
        self.records().try_for_each(|record| {
            let (name, kind) = (record.name.to_ascii(), record.record_type());
            writeln!(f, "{name:width$} {:6} IN {kind:5} {}", record.ttl, data::text(&record.data))
        })
    }
}
