//! Zones made of others: with a text that an authority looks for, or with another serial.

use hickory_proto::rr::rdata::TXT;
use hickory_proto::rr::{LowerName, Name, RData, Record, RecordType};

use super::Zone;
use crate::dns::name::{absolute, shown};

impl Zone {
    /// With one more record TXT at this name, which others may remember for a minute.
    pub(in crate::dns) fn with_text(&self, name: &str, value: &str) -> Result<Self, String> {
        let name = self.inside(name)?;
        let mut zone = self.clone();
        let records = zone.nodes.entry(LowerName::new(&name)).or_default();
        if records.iter().any(|record| record.record_type() == RecordType::CNAME) {
            return Err(format!("{} is an alias (CNAME) in `dns.records`; set it where that leads", shown(&name)));
        }
        let text = RData::TXT(TXT::new(vec![value.to_owned()]));
        if !records.iter().any(|record| record.data == text) {
            records.push(Record::from_rdata(name, SHORT_TTL, text));
        }
        Ok(zone)
    }

    /// Without that record.
    pub(in crate::dns) fn without_text(&self, name: &str, value: &str) -> Result<Self, String> {
        let name = LowerName::new(&self.inside(name)?);
        let mut zone = self.clone();
        if let Some(records) = zone.nodes.get_mut(&name) {
            let text = RData::TXT(TXT::new(vec![value.to_owned()]));
            records.retain(|record| record.data != text);
            if records.is_empty() {
                zone.nodes.remove(&name);
            }
        }
        Ok(zone)
    }

    /// With the serial after that of `other` (RFC 1982).
    pub(in crate::dns) fn following(self, other: &Self) -> Self {
        self.with_serial(other.serial().wrapping_add(1))
    }

    /// Whether the name, with a star or an underscore at its front, can be one of the zone.
    fn inside(&self, name: &str) -> Result<Name, String> {
        let absolute = match name.strip_prefix(CHALLENGE) {
            Some(host) => absolute(host).and_then(|host| host.prepend_label(CHALLENGE.trim_end_matches('.')).ok()), // too long
            None => absolute(name),
        };
        let inside = absolute.filter(|name| self.holds(name));
        inside.ok_or_else(|| format!("{name} does not lie in the zone {}", self.name()))
    }
}

/// Where authorities look (RFC 8555, section 8.4).
const CHALLENGE: &str = "_acme-challenge.";
/// Seconds.
const SHORT_TTL: u32 = 60;
