//! The server's end of a connection, as the system tells of it.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use socket2::{Domain, Protocol, Socket, Type};

/// A server's end of a connection between two addresses of IPv4: its own, and the client's.
#[derive(Clone, Copy)]
pub(crate) struct OtherEnd {
    ends: [SocketAddr; 2],
    /// Whether the system tells of one connection. Else it is looked for among all, which takes long where many have just ended.
    is_asked: bool,
}

/// What the system says of it.
struct State {
    number: u8,
    /// The bytes that were sent and not taken.
    not_taken: u64,
}

impl OtherEnd {
    pub(super) fn of(client: &TcpStream) -> Self {
        let ends = [client.peer_addr(), client.local_addr()].map(|end| end.expect("it is connected"));
        Self { ends, is_asked: ask(ends).is_ok() }
    }

    /// Whether the server may still send.
    pub(super) fn is_open(&self) -> bool {
        self.state().is_some_and(|state| [ESTABLISHED, CLOSE_WAIT].contains(&state.number))
    }

    /// The bytes that were sent and not taken.
    pub(crate) fn not_taken(&self) -> u64 {
        self.state().map_or(0, |state| state.not_taken)
    }

    /// `None` if it is no more.
    fn state(&self) -> Option<State> {
        match self.is_asked {
            true => match ask(self.ends) {
                Ok(state) => Some(state),
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                Err(error) => panic!("the system does not tell of a connection: {error}"),
            },
            false => (0..LOOKS).find_map(|_| self.look()),
        }
    }

    /// A look at all connections. In a table that changes it may miss one.
    fn look(&self) -> Option<State> {
        let sockets = std::fs::read_to_string("/proc/net/tcp").expect("the system tells of its sockets");
        let [server, client] = self.ends.map(|end| end.port());
        let (_, rest) = sockets.split_once(&format!(":{server:04X} 0100007F:{client:04X} "))?;
        let mut fields = rest.split([' ', ':']).map(|field| u64::from_str_radix(field, 16).expect("it is a number"));
        Some(State { number: fields.next()?.try_into().expect("it is small"), not_taken: fields.next()? })
    }
}

const LOOKS: usize = 100;
const ESTABLISHED: u8 = 1;
/// The client has closed its side.
const CLOSE_WAIT: u8 = 8;
/// It is no connection: the system tells of the socket that listens where there is none.
const LISTEN: u8 = 10;

/// Asks the system for the connection between these two, by `sock_diag(7)`.
fn ask(ends: [SocketAddr; 2]) -> io::Result<State> {
    let mut socket = Socket::new(Domain::from(libc::AF_NETLINK), Type::DGRAM, Some(Protocol::from(SOCK_DIAG)))?;
    socket.write_all(&question(ends))?;
    let mut answer = [0; 512];
    let length = socket.read(&mut answer)?;
    let number = |at: usize| u32::from_ne_bytes(answer[at..at + 4].try_into().expect("these are four bytes"));
    let is_told = answer[4..6] == SOCK_DIAG_BY_FAMILY.to_ne_bytes() && length >= NOT_TAKEN + 4;
    match is_told && answer[STATE] != LISTEN {
        true => Ok(State { number: answer[STATE], not_taken: number(NOT_TAKEN).into() }),
        false => Err(io::ErrorKind::NotFound.into()),
    }
}

const SOCK_DIAG: i32 = 4;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
/// Where both stand in an answer, `inet_diag_msg` behind its header.
const STATE: usize = 17;
const NOT_TAKEN: usize = 76;

/// An `inet_diag_req_v2` behind its header.
fn question(ends: [SocketAddr; 2]) -> Vec<u8> {
    let mut question = vec![2, 6, 0, 0]; // IPv4 and TCP
    question.extend(u32::MAX.to_ne_bytes()); // in any state
    ends.iter().for_each(|end| question.extend(end.port().to_be_bytes()));
    for end in ends {
        let SocketAddr::V4(end) = end else { panic!("it is of IPv4") };
        question.extend(end.ip().octets());
        question.extend([0; 12]);
    }
    question.extend([0; 4]); // on any interface
    question.extend([0xff; 8]); // whatever its cookie
    let length = (question.len() + 16) as u32;
    let header = [length.to_ne_bytes(), request(), 1_u32.to_ne_bytes(), 0_u32.to_ne_bytes()];
    [header.concat(), question].concat()
}

/// Its type, and that it is a request.
fn request() -> [u8; 4] {
    let ([first, second], [third, fourth]) = (SOCK_DIAG_BY_FAMILY.to_ne_bytes(), 1_u16.to_ne_bytes());
    [first, second, third, fourth]
}
