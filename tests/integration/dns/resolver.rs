use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use hickory_proto::op::{Message, OpCode, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType};

/// A resolver of a test's own, which knows what it has been told and answers to everything else that there is no such record.
pub(super) struct Resolver {
    address: SocketAddr,
    /// Questions that it does not hear.
    deaf: Arc<AtomicUsize>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Says {
    /// The data of records of this name, which may be none.
    Data(&'static [&'static str]),
    /// An alias of another name, and the data of that one's records.
    Alias(&'static str, &'static [&'static str]),
    NoSuchName,
    /// An alias of a name that is not there.
    AliasOfNothing(&'static str),
    ServFail,
    /// No answer.
    Nothing,
}

impl Resolver {
    /// Of several that are said of one name and type the first counts.
    pub(super) fn start(said: impl Iterator<Item = (&'static str, &'static str, Says)>) -> Self {
        let mut known = HashMap::new();
        for (name, kind, says) in said {
            known.entry((name.to_owned(), kind.to_owned())).or_insert(says);
        }
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let (address, deaf) = (socket.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let hears = Arc::clone(&deaf);
        thread::spawn(move || serve(&socket, &known, &hears)); // until the test's process ends
        Self { address, deaf }
    }

    /// Lets the next questions be lost.
    pub(super) fn forgetting(self, questions: usize) -> Self {
        self.deaf.store(questions, Ordering::SeqCst);
        self
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

fn serve(socket: &UdpSocket, known: &HashMap<(String, String), Says>, deaf: &AtomicUsize) {
    let mut buffer = [0; 1500];
    loop {
        let (length, client) = socket.recv_from(&mut buffer).unwrap();
        let is_lost = deaf.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        let question = Message::from_vec(&buffer[..length]).unwrap();
        if let Some(answer) = answer(&question, known).filter(|_| !is_lost) {
            socket.send_to(&answer.to_vec().unwrap(), client).unwrap();
        }
    }
}

fn answer(question: &Message, known: &HashMap<(String, String), Says>) -> Option<Message> {
    let query = &question.queries[0];
    let mut answer = Message::response(question.metadata.id, OpCode::Query);
    answer.add_query(query.clone());
    let (name, kind) = (query.name().to_lowercase(), query.query_type());
    let records = |name: &Name, data: &[&str]| data.iter().map(|data| record(name, kind, data)).collect::<Vec<_>>();
    match known.get(&(name.to_ascii(), kind.to_string())).unwrap_or(&Says::Data(&[])) {
        Says::Data(data) => _ = answer.add_answers(records(&name, data)),
        Says::Alias(target, data) => {
            answer.add_answer(record(&name, RecordType::CNAME, target));
            answer.add_answers(records(&Name::from_ascii(target).unwrap(), data));
        }
        Says::AliasOfNothing(target) => {
            answer.add_answer(record(&name, RecordType::CNAME, target));
            answer.metadata.response_code = ResponseCode::NXDomain;
        }
        Says::NoSuchName => answer.metadata.response_code = ResponseCode::NXDomain,
        Says::ServFail => answer.metadata.response_code = ResponseCode::ServFail,
        Says::Nothing => return None,
    }
    Some(answer)
}

fn record(name: &Name, kind: RecordType, data: &str) -> Record {
    Record::from_rdata(name.clone(), 60, RData::try_from_str(kind, data).unwrap())
}
