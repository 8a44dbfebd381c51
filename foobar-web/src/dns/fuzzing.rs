use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::answer::{Outcome, Transport, answer};
use super::compile::compile;
use super::zone::Zone;
use crate::{AcmeSettings, DnsSettings};

/// What the name server of a small zone sends back; a transfer, which only named clients get, is refused.
pub fn dns_answer(bytes: &[u8], by_tcp: bool) -> Option<Vec<u8>> {
    static ZONE: OnceLock<Zone> = OnceLock::new();
    let transport = if by_tcp { Transport::Tcp } else { Transport::Udp };
    match answer(ZONE.get_or_init(zone), bytes, transport, false) {
        Outcome::Answer(answer) => Some(answer.bytes),
        Outcome::Transfer(_) | Outcome::Nothing => None,
    }
}

fn zone() -> Zone {
    let list = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
    let mut dns = DnsSettings::default();
    dns.zone = Some("a.b".to_owned());
    dns.addresses = list(&["203.0.113.5", "2001:db8::5"]);
    dns.nameservers = list(&["n.a.b", "n.c.d"]);
    dns.records =
        list(&["*.w A 192.0.2.1", "c CNAME @", "d CNAME e.f.", "t TXT \"long, and longer\" \"than its question\""]);
    compile(&dns, &AcmeSettings::default(), &BTreeMap::new()).expect("it is good")
}
