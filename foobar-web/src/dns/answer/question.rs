use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{DNSClass, Name, RecordType};

/// A question, as a client has sent it.
pub(super) struct Question {
    pub(super) id: u16,
    pub(super) name: Name,
    pub(super) kind: RecordType,
    pub(super) class: DNSClass,
    pub(super) recursion_desired: bool,
    pub(super) edns: Option<Edns>,
    /// Of its message, in bytes.
    pub(super) length: usize,
}

/// Why it is not answered.
#[derive(Debug)]
pub(super) enum Refused {
    Silently,
    With { id: u16, op_code: OpCode, code: ResponseCode },
}

impl Question {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Refused> {
        let head = Head::read(bytes)?;
        if head.op_code != OpCode::Query {
            return Err(head.refused(ResponseCode::NotImp));
        }
        if !head.counts_are_of_a_question() {
            return Err(head.refused(ResponseCode::FormErr));
        }
        let message = Message::from_vec(bytes).ok().filter(|message| message.queries.len() == 1); // whatever is wrong
        let Some(mut message) = message else { return Err(head.refused(ResponseCode::FormErr)) };
        let query = message.queries.remove(0);
        Ok(Self {
            id: head.id,
            name: query.name,
            kind: query.query_type,
            class: query.query_class,
            recursion_desired: message.metadata.recursion_desired,
            edns: message.edns,
            length: bytes.len(),
        })
    }

    pub(super) fn query(&self) -> Query {
        let mut query = Query::query(self.name.clone(), self.kind);
        query.set_query_class(self.class);
        query
    }

    pub(super) fn has_known_edns(&self) -> bool {
        self.edns.as_ref().is_none_or(|edns| edns.version() == 0)
    }
}

/// The first twelve bytes (RFC 1035, section 4.1.1): they are looked at before anything is made of the rest.
struct Head {
    id: u16,
    op_code: OpCode,
    counts: [u16; 4],
}

impl Head {
    fn read(bytes: &[u8]) -> Result<Self, Refused> {
        let Some((head, _)) = bytes.split_first_chunk::<12>() else { return Err(Refused::Silently) };
        let word = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
        if MessageType::Response == message_type(head[2]) {
            return Err(Refused::Silently);
        }
        let op_code = OpCode::from_u8(head[2] >> 3 & 0b1111);
        Ok(Self { id: word(0), op_code, counts: [word(4), word(6), word(8), word(10)] })
    }

    /// One question; beside it a SOA, of one who has an older zone (RFC 1995), EDNS, and a signature.
    const fn counts_are_of_a_question(&self) -> bool {
        let [questions, answers, authorities, additional] = self.counts;
        questions == 1 && answers == 0 && authorities <= 1 && additional <= 2
    }

    const fn refused(&self, code: ResponseCode) -> Refused {
        Refused::With { id: self.id, op_code: self.op_code, code }
    }
}

const fn message_type(flags: u8) -> MessageType {
    if flags & 0b1000_0000 == 0 { MessageType::Query } else { MessageType::Response }
}
