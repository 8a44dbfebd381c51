use hickory_proto::rr::{LowerName, Name, RData, Record, RecordType};

use super::Zone;

/// What the zone has of a name.
pub(in crate::dns) enum Lookup<'a> {
    /// The name's own records, or those of the star that stands for it (RFC 4592).
    Records(&'a [Record]),
    /// The name is there because names below it are.
    Empty,
    /// There is no such name.
    Missing,
    /// It lies in another zone.
    Outside,
}

impl Zone {
    pub(in crate::dns) fn look_up(&self, name: &Name) -> Lookup<'_> {
        if !self.origin.zone_of(name) {
            return Lookup::Outside;
        }
        let name = LowerName::new(name);
        match self.nodes.get(&name) {
            Some(records) => Lookup::Records(records),
            None if self.has_below(&name) => Lookup::Empty,
            None => self.by_star(&name),
        }
    }

    /// The SOA as it stands beside the answer that something is not there (RFC 2308).
    pub(in crate::dns) fn negative(&self) -> Option<Record> {
        let mut record = self.start()?.clone();
        if let RData::SOA(soa) = &record.data {
            record.ttl = record.ttl.min(soa.minimum);
        }
        Some(record)
    }

    /// The SOA.
    pub(in crate::dns) fn start(&self) -> Option<&Record> {
        self.records().next().filter(|record| record.record_type() == RecordType::SOA)
    }

    /// Names are in the order of a zone, in which those below a name come right after it.
    fn has_below(&self, name: &LowerName) -> bool {
        self.nodes.range(name..).next().is_some_and(|(next, _)| name.zone_of(next))
    }

    /// The star right below the nearest name above that is there.
    fn by_star(&self, name: &LowerName) -> Lookup<'_> {
        let mut above = name.base_name();
        while !self.nodes.contains_key(&above) && !self.has_below(&above) {
            above = above.base_name(); // the zone's own name is there
        }
        let star = Name::from(above).prepend_label("*").map(|star| LowerName::new(&star)); // it may be too long to be one
        match star.ok().and_then(|star| self.nodes.get(&star)) {
            Some(records) => Lookup::Records(records),
            None => Lookup::Missing,
        }
    }
}
