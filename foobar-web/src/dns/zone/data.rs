//! What a record says, as a zone file has it.

use std::fmt::Write;

use hickory_proto::rr::RData;
use hickory_proto::serialize::binary::{BinEncodable, BinEncoder, NameEncoding};

/// Names are absolute and in ASCII. What has no form of its own here is written as RFC 3597 has it.
pub(super) fn text(data: &RData) -> String {
    match data {
        RData::A(address) => address.to_string(),
        RData::AAAA(address) => address.to_string(),
        RData::CNAME(name) => name.to_ascii(),
        RData::NS(name) => name.to_ascii(),
        RData::PTR(name) => name.to_ascii(),
        RData::MX(mx) => format!("{} {}", mx.preference, mx.exchange.to_ascii()),
        RData::SRV(srv) => format!("{} {} {} {}", srv.priority, srv.weight, srv.port, srv.target.to_ascii()),
        RData::SOA(soa) => {
            let (primary, mail) = (soa.mname.to_ascii(), soa.rname.to_ascii());
            let times =
                [soa.refresh.to_string(), soa.retry.to_string(), soa.expire.to_string(), soa.minimum.to_string()];
            format!("{primary} {mail} {} {}", soa.serial, times.join(" "))
        }
        RData::CAA(caa) => format!("{} {} {}", caa.flags(), caa.tag, quoted(&caa.value)),
        RData::TXT(txt) => txt.txt_data.iter().map(|part| quoted(part)).collect::<Vec<_>>().join(" "),
        RData::TLSA(tlsa) => tlsa.to_string(),
        RData::SSHFP(sshfp) => sshfp.to_string(),
        other => unknown(&wire(other).unwrap_or_default()), // `record_line` lets none in that cannot be sent
    }
}

/// What is sent of it, without compression; `None` if it is too long for that.
pub(in crate::dns) fn wire(data: &RData) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = BinEncoder::new(&mut bytes);
    encoder.set_name_encoding(NameEncoding::Uncompressed);
    data.emit(&mut encoder).ok()?; // the caller says that it cannot be sent
    Some(bytes)
}

fn quoted(text: &[u8]) -> String {
    let mut quoted = String::from("\"");
    for byte in text {
        match byte {
            b'"' | b'\\' => quoted.extend(['\\', char::from(*byte)]),
            b' '..=b'~' => quoted.push(char::from(*byte)),
            _ => write!(quoted, "\\{byte:03}").expect("a string takes everything"),
        }
    }
    quoted + "\""
}

fn unknown(wire: &[u8]) -> String {
    let hex: String = wire.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\\# {} {hex}", wire.len())
}
