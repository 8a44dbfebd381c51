#![expect(unsafe_code, reason = "an inherited socket, and what the runtime watches, are bare numbers of descriptors")]

use std::cell::Cell;
use std::fs::Permissions;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::os::fd::{BorrowedFd, RawFd};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{SocketAddr as UnixAddress, UnixStream as StdUnixStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use foobar_core::{ConnectInfo, Scheme};
use rustix::fs::Access;
use rustix::io::Errno;
use rustix::net::{SocketFlags, acceptfrom_with};
use socket2::{Domain, SockAddr, SockRef, Socket, TcpKeepalive, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::{UnixListener, UnixStream};

use super::address::{Endpoint, Listen};
use super::socket_file::SocketFile;
use super::sockets::{PassedSocket, Sockets, describe, unix_path};
use super::tcp::TcpConnection;
use crate::{Address, Error};

/// A socket to listen on, one for each address; all workers accept from it.
pub(crate) struct Listener {
    socket: Socket,
    address: Address,
    id: ListenerId,
    file: Option<Arc<SocketFile>>,
}

/// Which listening socket it is, however often it is shared.
#[derive(Clone)]
pub(crate) struct ListenerId(Arc<()>);

impl PartialEq for ListenerId {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// A listening socket on its way to a worker.
pub(crate) struct Share {
    socket: Socket,
    scheme: Scheme,
    proxy_protocol: bool,
    id: ListenerId,
}

/// One worker's share of a listening socket.
pub(crate) struct Acceptor {
    socket: Listening,
    /// What its connections speak.
    scheme: Scheme,
    /// Whether they begin with a PROXY header.
    pub(crate) proxy_protocol: bool,
    pub(crate) id: ListenerId,
}

enum Listening {
    Tcp {
        listener: AsyncFd<TcpListener>,
        /// The address that all its connections have here, if that is known.
        local: Option<SocketAddr>,
        /// Whether connections may still wait that came before the listening socket was [tuned](tune): whoever hands one
        /// over may have waited for the first.
        may_be_untuned: Cell<bool>,
    },
    Unix(UnixListener),
}

/// A connection that was accepted.
pub(crate) enum Accepted {
    Tcp(TcpConnection),
    Unix(UnixStream),
}

impl Listener {
    /// Binds an entry of `web.listen`; a host name may have several addresses. Clients are refused until it
    /// [listens](Self::listen), but for those of a Unix socket, which wait: one that refuses looks as if it were left behind.
    ///
    /// Where a socket of its address is among those `given`, that is the one.
    pub(crate) fn bind(listen: &Listen, given: &Sockets) -> Result<Vec<Self>, Error> {
        Self::bind_or_keep(listen, given, &mut Vec::new())
    }

    /// The same, but that one of those that are `free` goes on where it is of an address of the entry.
    fn bind_or_keep(listen: &Listen, given: &Sockets, free: &mut Vec<&Self>) -> Result<Vec<Self>, Error> {
        let one = |socket| Self::new(socket, None).map(|listener| vec![listener]);
        let tcp = |address| match Self::take(free, |known| known.is_at(address)) {
            Some(kept) => kept,
            None => Self::new(given.take_tcp(address).map_or_else(|| Self::tcp_socket(address), Ok)?, None),
        };
        let bound = match &listen.endpoint {
            Endpoint::Tcp(host) => addresses(host).and_then(|all| all.into_iter().map(tcp).collect()),
            Endpoint::Unix(path) => match Self::take(free, |known| known.has_file(path)) {
                Some(kept) => kept,
                None => match given.take_unix(path) {
                    Some((socket, file)) => Self::new(socket, file),
                    None => Self::unix(path, given),
                },
            }
            .map(|listener| vec![listener]),
            Endpoint::Abstract(name) => {
                given.take_abstract(name).map_or_else(|| abstract_socket(name), Ok).and_then(one)
            }
            Endpoint::Inherited(fd) => inherited(*fd).and_then(one),
        };
        let mut listeners = bound.map_err(|source| error(&listen.endpoint, source))?;
        listeners.iter_mut().for_each(|listener| listener.show_as(listen));
        Ok(listeners)
    }

    /// Tries whether `listen` can be listened on, and leaves everything as it is. What listens there already may be
    /// this server; an inherited socket must be inherited here too.
    pub(crate) fn check(listen: &Listen) -> Result<(), Error> {
        let tried = match &listen.endpoint {
            Endpoint::Tcp(host) => {
                addresses(host).and_then(|all| all.into_iter().map(Self::tcp_socket).try_for_each(or_in_use))
            }
            Endpoint::Unix(path) => or_in_use(is_stale(path)).and_then(|()| is_writable(path)),
            Endpoint::Abstract(name) => or_in_use(abstract_socket(name)),
            Endpoint::Inherited(fd) => inherited(*fd).map(drop),
        };
        tried.map_err(|source| error(&listen.endpoint, source))
    }

    /// The same while this server has these sockets.
    pub(crate) fn bind_beside<'a>(
        listen: &Listen,
        given: &Sockets,
        free: &mut Vec<&'a Self>,
        own: impl Iterator<Item = &'a Self>,
    ) -> Result<Vec<Self>, Error> {
        match Self::bind_or_keep(listen, given, free) {
            Err(Error::Listen { address, source, .. })
                if source.kind() == io::ErrorKind::AddrInUse && has(own, &listen.endpoint) =>
            {
                Err(Error::Listen { address, source, advice: OWN })
            }
            bound => bound,
        }
    }

    /// Takes one out of those that are free, which is then the same socket in two places.
    fn take(free: &mut Vec<&Self>, is_wanted: impl Fn(&Self) -> bool) -> Option<io::Result<Self>> {
        let place = free.iter().position(|known| is_wanted(known))?;
        let Self { socket, address, id, file } = free.swap_remove(place);
        let again = |socket| Self { socket, address: address.clone(), id: id.clone(), file: file.clone() };
        Some(socket.try_clone().map(again))
    }

    fn is_at(&self, address: SocketAddr) -> bool {
        matches!(self.address, Address::Tcp(own) | Address::Tls(own) if own == address)
    }

    /// Whether its file is the one at this path, whatever the path is called.
    fn has_file(&self, path: &Path) -> bool {
        self.file.as_ref().is_some_and(|file| file.is_at(path))
    }

    /// Lets clients connect.
    pub(crate) fn listen(&self) -> Result<(), Error> {
        if self.socket.is_listener().unwrap_or(false) {
            // what is none says so when it listens
            return Ok(());
        }
        self.socket.listen(BACKLOG).map_err(|source| match &self.address {
            Address::Tcp(address) | Address::Tls(address) => error(&Endpoint::Tcp(address.to_string()), source),
            Address::Unix(path) => error(&Endpoint::Unix(path.clone()), source),
        })
    }

    pub(crate) const fn address(&self) -> &Address {
        &self.address
    }

    /// Where it listens, in the words that another process has for it.
    pub(crate) fn describe(&self) -> String {
        describe(&self.socket)
    }

    /// The same socket once more, for a worker; its connections speak what `listen`, which is of this address, says.
    pub(crate) fn share(&self, listen: &Listen) -> io::Result<Share> {
        let scheme = if listen.ssl { Scheme::Https } else { Scheme::Http };
        let (socket, proxy_protocol) = (self.socket.try_clone()?, listen.proxy_protocol);
        Ok(Share { socket, scheme, proxy_protocol, id: self.id.clone() })
    }

    /// The same socket once more, for another process.
    pub(crate) fn pass_on(&self) -> io::Result<PassedSocket> {
        Ok(PassedSocket { socket: self.socket.try_clone()?.into(), owns_file: self.file.is_some() })
    }

    /// Its address is shown as one where clients speak what `listen` says.
    pub(crate) fn show_as(&mut self, listen: &Listen) {
        if let Address::Tcp(address) | Address::Tls(address) = self.address {
            self.address = if listen.ssl { Address::Tls(address) } else { Address::Tcp(address) };
        }
    }

    fn tcp_socket(address: SocketAddr) -> io::Result<Socket> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?; // as in nginx, so that "0.0.0.0:80" and "[::]:80" can stand side by side
        }
        socket.bind(&address.into())?;
        Ok(socket)
    }

    fn unix(path: &Path, given: &Sockets) -> io::Result<Self> {
        if is_stale(path)? {
            std::fs::remove_file(path)?;
        }
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.bind(&SockAddr::unix(path)?)?;
        let file = given.file(path, false)?;
        std::fs::set_permissions(path, Permissions::from_mode(0o666))?; // as nginx: a proxy is another user
        socket.listen(BACKLOG)?;
        Self::new(socket, Some(file))
    }

    fn new(socket: Socket, file: Option<SocketFile>) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let local = socket.local_addr()?;
        if local.as_socket().is_some() {
            tune(&SockRef::from(&socket))?;
        }
        let address = local.as_socket().map_or_else(|| Address::Unix(unix_path(&local)), Address::Tcp);
        let id = ListenerId(Arc::default());
        Ok(Self { socket, address, id, file: file.map(Arc::new) })
    }
}

impl Acceptor {
    /// Takes a shared socket into this thread's runtime.
    pub(crate) fn new(share: Share) -> io::Result<Self> {
        let Share { socket, scheme, proxy_protocol, id } = share;
        Ok(Self { socket: Listening::new(socket)?, scheme, proxy_protocol, id })
    }

    pub(crate) async fn accept(&self) -> io::Result<(Accepted, ConnectInfo)> {
        let scheme = self.scheme;
        match &self.socket {
            Listening::Tcp { listener, local, may_be_untuned } => {
                let accept = |listener: &TcpListener| accept(listener, may_be_untuned);
                let (stream, remote) = listener.async_io(Interest::READABLE, accept).await?;
                let local = local.map_or_else(|| stream.local_addr(), Ok)?;
                let connection = ConnectInfo { remote: Some(remote), local: Some(local), scheme };
                Ok((Accepted::Tcp(TcpConnection::Fresh(stream)), connection))
            }
            Listening::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok((Accepted::Unix(stream), ConnectInfo { remote: None, local: None, scheme }))
            }
        }
    }
}

impl Listening {
    fn new(socket: Socket) -> io::Result<Self> {
        if socket.domain()? == Domain::UNIX {
            UnixListener::from_std(socket.into()).map(Self::Unix)
        } else {
            let listener = TcpListener::from(socket);
            let local = Some(listener.local_addr()?).filter(|local| !local.ip().is_unspecified());
            // SAFETY: a listener has one descriptor from its beginning to its end, and it is its own.
            let listener = unsafe { AsyncFd::register_with_interest(listener, Interest::READABLE) };
            let listener = listener.map_err(io::Error::from)?;
            Ok(Self::Tcp { listener, local, may_be_untuned: Cell::new(true) })
        }
    }
}

/// As the standard library does, and without blocking.
fn accept(listener: &TcpListener, may_be_untuned: &Cell<bool>) -> io::Result<(TcpStream, SocketAddr)> {
    let accepted = acceptfrom_with(listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK);
    let (stream, remote) = accepted.inspect_err(|error| {
        if *error == Errno::AGAIN {
            may_be_untuned.set(false);
        }
    })?;
    let remote = remote.ok_or(io::ErrorKind::NotConnected)?;
    if may_be_untuned.get() {
        tune(&SockRef::from(&stream))?;
    }
    Ok((stream.into(), remote.try_into()?))
}

/// For a listening socket; on Linux its connections have it from there.
fn tune(socket: &SockRef<'_>) -> io::Result<()> {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    #[cfg(target_os = "linux")]
    socket.set_tcp_notsent_lowat(UNSENT)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_keepalive(&PROBES)?;
    socket.set_keepalive(false) // on again where a connection may be silent for long
}

/// Finds out within two minutes that a client has vanished without a word.
const PROBES: TcpKeepalive =
    TcpKeepalive::new().with_time(Duration::from_secs(60)).with_interval(Duration::from_secs(10)).with_retries(3);
/// Bytes that a connection takes ahead of what it can send. It takes no more from a write or a file than this and one
/// buffer of 64 KiB; what it has sent and the client has not acknowledged is not bounded, so a distant client loses nothing.
#[cfg(target_os = "linux")]
pub(super) const UNSENT: u32 = 128 << 10;
/// Connections that wait to be accepted; the kernel cuts it to `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// A socket that everybody on this machine may connect to, and that is gone with its process.
fn abstract_socket(name: &str) -> io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(format!("\0{name}"))?)?;
    Ok(socket)
}

fn inherited(fd: RawFd) -> io::Result<Socket> {
    // SAFETY: the descriptor is only duplicated here, which fails if it is not open; whoever started this process
    // passed it on to be used so, and nothing in this process closes it.
    let socket = Socket::from(unsafe { BorrowedFd::borrow_raw(fd) }.try_clone_to_owned()?);
    if !socket.is_listener()? {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a listening socket"));
    }
    Ok(socket)
}

/// Whether a socket is there that a process left behind when it was killed: one that nobody answers on. An error if
/// somebody does, or if it is no socket.
fn is_stale(path: &Path) -> io::Result<bool> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
        Ok(file) if !file.file_type().is_socket() => {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is a file that is not a socket"));
        }
        Ok(_) => {}
    }
    match UnixAddress::from_pathname(path).and_then(|address| StdUnixStream::connect_addr(&address)) {
        Ok(_) => Err(io::ErrorKind::AddrInUse.into()),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(true),
        Err(error) => Err(error),
    }
}

/// Whether a socket can be made here: its folder is there and takes files, and the path is not too long.
fn is_writable(path: &Path) -> io::Result<()> {
    SockAddr::unix(path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")); // a bare name
    Ok(rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK)?)
}

/// That an address is in use is no error.
fn or_in_use<T>(tried: io::Result<T>) -> io::Result<()> {
    match tried {
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => Err(error),
        _ => Ok(()),
    }
}

fn addresses(host: &str) -> io::Result<Vec<SocketAddr>> {
    let mut addresses = Vec::new();
    for address in host.to_socket_addrs()? {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    Ok(addresses)
}

const OWN: &str = "this server listens there under another address: restart it to change that";

/// Whether one of these sockets has an address of an endpoint.
fn has<'a>(mut own: impl Iterator<Item = &'a Listener>, endpoint: &Endpoint) -> bool {
    let Endpoint::Tcp(host) = endpoint else { return false };
    let Ok(wanted) = addresses(host) else { return false }; // it could not be bound for that
    own.any(|own| match own.address {
        Address::Tcp(address) | Address::Tls(address) => wanted.iter().any(|wanted| shares(*wanted, address)),
        Address::Unix(_) => false,
    })
}

/// Whether two sockets cannot have these addresses at the same time.
pub(crate) fn shares(one: SocketAddr, other: SocketAddr) -> bool {
    let is_any = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() == other.port() && one.is_ipv4() == other.is_ipv4() && (is_any || one.ip() == other.ip())
}

fn error(endpoint: &Endpoint, source: io::Error) -> Error {
    Error::Listen { address: endpoint.to_string(), advice: advice(endpoint, &source), source }
}

fn advice(endpoint: &Endpoint, error: &io::Error) -> &'static str {
    match (error.kind(), endpoint) {
        (io::ErrorKind::AddrInUse, _) => "another program listens there: stop it, or choose another address",
        (io::ErrorKind::AddrNotAvailable, _) => "this machine does not have this address: choose one that it has",
        (io::ErrorKind::PermissionDenied, Endpoint::Tcp(_)) => {
            "ports below 1024 need a privilege: grant CAP_NET_BIND_SERVICE, or choose a higher port"
        }
        (_, Endpoint::Tcp(_)) => "check the host name and the port",
        (_, Endpoint::Abstract(_)) => "choose another name",
        (_, Endpoint::Unix(_)) => "check the path and the permissions of its folder",
        (_, Endpoint::Inherited(_)) => "check that this process inherits a listening socket under this number",
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
