use hickory_proto::op::Message;
use hickory_proto::rr::Record;
use hickory_proto::serialize::binary::BinEncodable;

use super::zone::Zone;

/// The messages of a transfer of the whole zone (RFC 5936): its records between two SOA.
pub(super) fn messages(zone: &Zone, reply: &Message) -> Vec<Vec<u8>> {
    let records: Vec<&Record> = zone.records().chain(zone.start()).collect();
    let mut messages = Vec::new();
    let mut rest = records.as_slice();
    while !rest.is_empty() {
        let (some, later) = rest.split_at(fitting(rest));
        let mut message = reply.clone();
        message.metadata.authoritative = true;
        message.answers = some.iter().map(|record| (*record).clone()).collect();
        messages.extend(message.to_vec().ok()); // what is in a zone can be sent
        rest = later;
    }
    messages
}

/// How many records fit into a message, at least one.
fn fitting(records: &[&Record]) -> usize {
    let lengths = records.iter().scan(0, |sum, record| {
        *sum += record.to_bytes().map_or(0, |bytes| bytes.len()); // the same
        Some(*sum)
    });
    lengths.take_while(|sum| *sum <= MESSAGE).count().max(1)
}

/// Pointers within a message reach no farther (RFC 5936, section 3.4).
const MESSAGE: usize = 16_000;
