//! A client of the resolvers that everybody asks.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, Record, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

/// The resolvers that are asked one after the other, until one answers.
#[derive(Clone, Debug)]
pub struct Resolver(Vec<SocketAddr>);

/// What is known of a name.
#[derive(Debug)]
pub(super) struct Answer {
    /// Whether the name, or what it is an alias of, is there, with records of whatever type.
    pub(super) exists: bool,
    /// Those that were asked for, and the aliases that lead to them.
    pub(super) records: Vec<Record>,
}

/// Why nothing is known.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("no resolver answered in time (asked: {asked}); is the network up? Name another with `--resolver ADDRESS`")]
    NoAnswer { asked: String },
    #[error(
        "the resolver {resolver} could not look up {kind} of {name} (SERVFAIL); do the zone's name servers answer for it, and \
         are its DNSSEC signatures right?"
    )]
    ServFail { resolver: SocketAddr, name: String, kind: RecordType },
    #[error(
        "the resolver {resolver} refused to look up {kind} of {name} ({code}); name another with `--resolver ADDRESS`"
    )]
    Refused { resolver: SocketAddr, name: String, kind: RecordType, code: ResponseCode },
}

impl Resolver {
    /// Those of `/etc/resolv.conf`; the one of this machine where there are none.
    pub fn of_system() -> io::Result<Self> {
        match std::fs::read_to_string("/etc/resolv.conf") {
            Ok(text) => Ok(Self::of_configuration(&text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::of_configuration("")),
            Err(error) => Err(error),
        }
    }

    /// This one alone.
    pub fn of(address: SocketAddr) -> Self {
        Self(vec![address])
    }

    fn of_configuration(text: &str) -> Self {
        let servers = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver")?.split_whitespace().next());
        let mut servers: Vec<SocketAddr> = servers.filter_map(server).collect();
        if servers.is_empty() {
            servers.push(SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)));
        }
        Self(servers)
    }

    /// Asks for the records of this type.
    pub(super) async fn ask(&self, name: &Name, kind: RecordType) -> Result<Answer, Failure> {
        for resolver in &self.0 {
            let Ok(Ok(message)) = timeout(PATIENCE, exchange(*resolver, name, kind)).await else { continue };
            let (resolver, shown) = (*resolver, name.to_ascii());
            return match message.metadata.response_code {
                ResponseCode::NoError => Ok(Answer { exists: true, records: message.answers }),
                ResponseCode::NXDomain => Ok(Answer { exists: false, records: message.answers }),
                ResponseCode::ServFail => Err(Failure::ServFail { resolver, name: shown, kind }),
                code => Err(Failure::Refused { resolver, name: shown, kind, code }),
            };
        }
        let asked: Vec<String> = self.0.iter().map(SocketAddr::to_string).collect();
        Err(Failure::NoAnswer { asked: asked.join(", ") })
    }
}

/// An address of IPv6 may have a zone after it, which an address here cannot have.
fn server(text: &str) -> Option<SocketAddr> {
    Some(SocketAddr::new(text.parse().ok()?, PORT)) // one that cannot be asked is as if it did not answer
}

/// By UDP, sent again where nothing comes; by TCP where the answer is too long for that.
async fn exchange(resolver: SocketAddr, name: &Name, kind: RecordType) -> io::Result<Message> {
    let question = question(name, kind);
    let bytes = question.to_vec().map_err(io::Error::other)?;
    let answer = by_udp(resolver, &question, &bytes).await?;
    if answer.metadata.truncation { by_tcp(resolver, &question, &bytes).await } else { Ok(answer) }
}

fn question(name: &Name, kind: RecordType) -> Message {
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(name.clone(), kind));
    let mut edns = Edns::new();
    edns.set_max_payload(LONGEST);
    message.set_edns(edns);
    message
}

async fn by_udp(resolver: SocketAddr, question: &Message, bytes: &[u8]) -> io::Result<Message> {
    let own: IpAddr = if resolver.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((own, 0)).await?;
    socket.connect(resolver).await?; // only what comes from there is heard
    let mut buffer = vec![0; usize::from(LONGEST)];
    loop {
        socket.send(bytes).await?;
        if let Ok(answer) = timeout(AGAIN, listen(&socket, question, &mut buffer)).await {
            return answer;
        }
    }
}

/// The answer to this question; what else comes is somebody's guess.
async fn listen(socket: &UdpSocket, question: &Message, buffer: &mut [u8]) -> io::Result<Message> {
    loop {
        let length = socket.recv(buffer).await?;
        if let Some(answer) = answer_to(question, &buffer[..length]) {
            return Ok(answer);
        }
    }
}

async fn by_tcp(resolver: SocketAddr, question: &Message, bytes: &[u8]) -> io::Result<Message> {
    let mut stream = TcpStream::connect(resolver).await?;
    let length = u16::try_from(bytes.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), bytes].concat()).await?;
    let mut answer = vec![0; stream.read_u16().await?.into()];
    stream.read_exact(&mut answer).await?;
    answer_to(question, &answer).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn answer_to(question: &Message, bytes: &[u8]) -> Option<Message> {
    let answer = Message::from_vec(bytes).ok()?; // no answer
    let is_one = answer.metadata.id == question.metadata.id
        && answer.metadata.message_type == MessageType::Response
        && answer.metadata.op_code == OpCode::Query
        && answer.queries == question.queries;
    is_one.then_some(answer)
}

const PORT: u16 = 53;
/// How long a resolver may take, and when a question is sent again.
const PATIENCE: Duration = Duration::from_secs(5);
const AGAIN: Duration = Duration::from_secs(2);
/// What passes through every network in one piece.
const LONGEST: u16 = 1232;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resolvers_of_the_system_are_those_of_its_configuration() {
        let asked = |text| Resolver::of_configuration(text).0.iter().map(SocketAddr::to_string).collect::<Vec<_>>();
        let text =
            "# nameserver 9.9.9.9\nsearch a\n nameserver 192.0.2.1 # x\nnameserver\t::1\nnameserver fe80::1%eth0\n";
        assert_eq!(asked(text), ["192.0.2.1:53", "[::1]:53"]);
        assert_eq!(asked("options rotate\n"), ["127.0.0.1:53"]);
    }
}
