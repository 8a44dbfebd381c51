//! From the bytes of a question to those of its answer.

mod question;

use hickory_proto::op::{Edns, Message, OpCode, ResponseCode};
use hickory_proto::rr::rdata::HINFO;
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};

use super::zone::Zone;
use super::zone::lookup::Lookup;
use question::{Question, Refused};

/// How a question has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Udp,
    Tcp,
}

/// What is sent back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) bytes: Vec<u8>,
    pub(super) code: ResponseCode,
    pub(super) is_truncated: bool,
}

/// What becomes of a question.
#[derive(Debug)]
pub(super) enum Outcome {
    Answer(Answer),
    /// The whole zone is asked for, by TCP.
    Transfer(Box<Message>),
    /// It is no question; an answer to it might be answered.
    Nothing,
}

/// The outcome of a question; `may_transfer` says whether its client may have the whole zone.
pub(super) fn answer(zone: &Zone, bytes: &[u8], transport: Transport, may_transfer: bool) -> Outcome {
    let question = match Question::read(bytes) {
        Ok(question) => question,
        Err(Refused::Silently) => return Outcome::Nothing,
        Err(Refused::With { id, op_code, code }) => return sent(&Message::error_msg(id, op_code, code), usize::MAX),
    };
    let limit = question.limit(transport);
    let transferred = matches!(question.kind, RecordType::AXFR | RecordType::IXFR) && question.class == DNSClass::IN;
    let mut reply = question.reply();
    if transferred && zone.is_named(&question.name) && question.has_known_edns() {
        return match (may_transfer, transport, question.kind) {
            (true, Transport::Tcp, _) => Outcome::Transfer(Box::new(reply)),
            (true, Transport::Udp, RecordType::IXFR) => sent(&with_serial(reply, zone), limit),
            _ => sent(&with_code(reply, ResponseCode::Refused), limit),
        };
    }
    answer_query(zone, &question, &mut reply);
    sent(&reply, limit)
}

fn answer_query(zone: &Zone, question: &Question, reply: &mut Message) {
    let code = &mut reply.metadata.response_code;
    if !question.has_known_edns() {
        *code = ResponseCode::BADVERS;
    } else if question.class != DNSClass::IN || matches!(question.kind, RecordType::AXFR | RecordType::IXFR) {
        *code = ResponseCode::Refused;
    } else {
        resolve(zone, question, reply);
    }
}

/// Follows aliases as far as the zone has them.
fn resolve(zone: &Zone, question: &Question, reply: &mut Message) {
    let mut name = question.name.clone();
    for alias in 0..=MOST_ALIASES {
        let records = match zone.look_up(&name) {
            Lookup::Outside if alias == 0 => {
                reply.metadata.response_code = ResponseCode::Refused;
                return;
            }
            Lookup::Outside => break, // whoever asked goes on elsewhere
            Lookup::Records(records) => records,
            Lookup::Empty => &[],
            Lookup::Missing => {
                reply.metadata.response_code = ResponseCode::NXDomain;
                &[]
            }
        };
        reply.metadata.authoritative = true;
        match next(&name, question.kind, records, reply) {
            Some(target) => name = target,
            None => break,
        }
    }
    if !is_answered(zone, question.kind, reply) {
        reply.authorities.extend(zone.negative());
    }
}

/// Whether the answer ends in what was asked for, or in an alias that leads elsewhere.
fn is_answered(zone: &Zone, kind: RecordType, reply: &Message) -> bool {
    reply.answers.last().is_some_and(|last| match &last.data {
        RData::CNAME(target) if kind != RecordType::CNAME => !zone.holds(target),
        _ => true,
    })
}

/// Adds what answers the question at this name, and gives where its alias leads.
fn next(name: &Name, kind: RecordType, records: &[Record], reply: &mut Message) -> Option<Name> {
    let owned = |record: &Record| {
        let mut record = record.clone();
        record.name.clone_from(name);
        record
    };
    if kind == RecordType::ANY {
        reply.answers.extend((!records.is_empty()).then(|| not_any(name))); // RFC 8482
        return None;
    }
    let of_kind = records.iter().filter(|record| record.record_type() == kind);
    reply.answers.extend(of_kind.map(owned));
    let alias = records.iter().find(|record| kind != RecordType::CNAME && record.record_type() == RecordType::CNAME)?;
    reply.answers.push(owned(alias));
    match &alias.data {
        RData::CNAME(target) => Some((**target).clone()),
        _ => None,
    }
}

fn not_any(name: &Name) -> Record {
    let hint = HINFO::new("RFC8482".to_owned(), String::new());
    Record::from_rdata(name.clone(), 24 * 60 * 60, RData::HINFO(hint))
}

fn with_serial(mut reply: Message, zone: &Zone) -> Message {
    reply.metadata.authoritative = true;
    reply.answers.extend(zone.start().cloned());
    reply
}

fn with_code(mut reply: Message, code: ResponseCode) -> Message {
    reply.metadata.response_code = code;
    reply
}

/// The message, or what fits of it: its question with the request to come by TCP.
fn sent(message: &Message, limit: usize) -> Outcome {
    let code = message.metadata.response_code;
    let whole = message.to_vec().ok().filter(|bytes| bytes.len() <= limit); // too long for any message
    let is_truncated = whole.is_none();
    match whole.or_else(|| truncated(message).to_vec().ok()) {
        Some(bytes) => Outcome::Answer(Answer { bytes, code, is_truncated }),
        None => Outcome::Nothing, // a question that was read can be written
    }
}

fn truncated(message: &Message) -> Message {
    let mut short = Message::response(message.metadata.id, message.metadata.op_code);
    short.metadata = message.metadata;
    short.metadata.truncation = true;
    short.queries.clone_from(&message.queries);
    short.edns.clone_from(&message.edns);
    short
}

/// The answer to a question that its network has asked too often: to come by TCP.
pub(super) fn by_tcp(bytes: &[u8]) -> Option<Vec<u8>> {
    let question = Question::read(bytes).ok()?; // what is none gets no answer
    truncated(&question.reply()).to_vec().ok() // a question that was read can be written
}

impl Question {
    /// An answer that has the question alone.
    fn reply(&self) -> Message {
        let mut reply = Message::response(self.id, OpCode::Query);
        reply.metadata.recursion_desired = self.recursion_desired;
        reply.add_query(self.query());
        if self.edns.is_some() {
            let mut edns = Edns::new();
            edns.set_max_payload(LONGEST_DATAGRAM);
            reply.set_edns(edns);
        }
        reply
    }

    /// The longest answer. By UDP, where anybody may ask in another's name, it is at most three times the question.
    fn limit(&self, transport: Transport) -> usize {
        match transport {
            Transport::Tcp => u16::MAX.into(),
            Transport::Udp => {
                let offered = self.edns.as_ref().map_or(0, |edns| edns.max_payload());
                let longest = offered.clamp(LONGEST_WITHOUT_EDNS, LONGEST_DATAGRAM);
                usize::from(longest).min(AMPLIFICATION * self.length)
            }
        }
    }
}

const MOST_ALIASES: usize = 8;
const AMPLIFICATION: usize = 3;
/// What every client takes (RFC 1035), and what passes through every network in one piece.
const LONGEST_WITHOUT_EDNS: u16 = 512;
pub(super) const LONGEST_DATAGRAM: u16 = 1232;
