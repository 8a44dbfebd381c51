use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Socket, Type};

use crate::Error;
use crate::net::shares;

/// An address, for UDP and for TCP.
pub(super) struct Listener {
    /// As the settings have it: its port may be 0.
    pub(super) wanted: SocketAddr,
    pub(super) address: SocketAddr,
    pub(super) udp: Socket,
    pub(super) tcp: Socket,
}

impl Listener {
    pub(super) fn bind(address: SocketAddr) -> Result<Self, Error> {
        Self::bind_beside(address, &[])
    }

    /// The same while this server has these addresses.
    pub(super) fn bind_beside(address: SocketAddr, own: &[SocketAddr]) -> Result<Self, Error> {
        let mut bound = Self::new(address);
        for _ in 0..TRIES {
            if bound.is_err() && address.port() == 0 {
                bound = Self::new(address);
            }
        }
        bound.map_err(|source| match own.iter().find(|own| shares(**own, address)) {
            Some(own) if source.kind() == io::ErrorKind::AddrInUse => {
                let advice = format!("this server has it, as {own}; restart it to change that");
                with_advice(address, &source, &advice)
            }
            _ => error(address, &source),
        })
    }

    pub(super) fn check(address: SocketAddr) -> Result<(), Error> {
        match Self::new(address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(()),
            Err(source) => Err(error(address, &source)),
            Ok(_) => Ok(()),
        }
    }

    /// Where the system chooses the port, it does for TCP; for UDP somebody else may have it.
    fn new(wanted: SocketAddr) -> io::Result<Self> {
        let tcp = socket(wanted, Type::STREAM)?;
        let address = tcp.local_addr()?.as_socket().unwrap_or(wanted); // it is one
        let udp = socket(address, Type::DGRAM)?;
        udp.set_recv_buffer_size(WAITING)?;
        tcp.listen(BACKLOG)?;
        Ok(Self { wanted, address, udp, tcp })
    }
}

fn socket(address: SocketAddr, kind: Type) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, None)?;
    if kind == Type::STREAM {
        socket.set_reuse_address(true)?;
    }
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

pub(super) fn error(address: SocketAddr, source: &io::Error) -> Error {
    let advice = match source.kind() {
        io::ErrorKind::AddrInUse => {
            "another program has it, often systemd-resolved or another name server; stop that, or write the address alone \
             that this server should have"
        }
        io::ErrorKind::PermissionDenied => {
            "ports below 1024 need the capability CAP_NET_BIND_SERVICE (with systemd, AmbientCapabilities=)"
        }
        io::ErrorKind::AddrNotAvailable => "this machine does not have that address",
        _ => "write an address of this machine",
    };
    with_advice(address, source, advice)
}

fn with_advice(address: SocketAddr, source: &io::Error, advice: &str) -> Error {
    Error::setting("dns.listen", format!("cannot listen on {address}: {source}; {advice}"))
}

const TRIES: usize = 20;
const BACKLOG: i32 = 128;
/// Bytes of questions that wait; the system may allow less.
const WAITING: usize = 1 << 20;
