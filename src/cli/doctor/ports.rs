use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{SocketAddr as UnixAddress, UnixStream};
use std::path::Path;

use foobar_core::Chain;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with, sockopt};

use super::report::{Report, Topic};
use super::socket_holder::Holder;
use crate::cli::installed_log::may_be_made;
use crate::composition::Composition;

const TOPIC: Topic = Topic::Ports;

pub(super) fn examine(report: &mut Report, composition: &Composition) {
    if let Err(error) = composition.check_addresses() {
        report.problem(TOPIC, Chain(&error));
    }
    let admin = composition.settings.admin.listen.as_str();
    let listens = composition.settings.web.listen.iter().map(|listen| ("web.listen", listen.as_str()));
    for (key, listen) in listens.chain([("admin.listen", admin)]) {
        let may_move = key == "admin.listen" && composition.config.origin(key) == "default";
        places(listen).iter().for_each(|place| tell(report, key, place, may_move));
    }
}

/// Where a listener would be.
enum Place<'a> {
    Port(SocketAddr),
    /// An abstract one begins with `@`.
    Unix(&'a str),
}

/// Those that can be taken by somebody else.
fn places(listen: &str) -> Vec<Place<'_>> {
    let address = listen.split_ascii_whitespace().next().unwrap_or_default(); // no word is no address
    match address.strip_prefix("unix:") {
        Some(path) => vec![Place::Unix(path)],
        None if address.starts_with("fd:") => Vec::new(),
        None => {
            let found = address.to_socket_addrs().ok(); // a name that is unknown has been told of
            found.into_iter().flatten().filter(|address| address.port() != 0).map(Place::Port).collect()
        }
    }
}

fn tell(report: &mut Report, key: &str, place: &Place<'_>, may_move: bool) {
    match place.is_free() {
        Ok(true) => report.ok(TOPIC, format_args!("{place} is free (`{key}`)")),
        Ok(false) => taken(report, key, place, may_move),
        Err(_) => {} // it has been told: the web tier tries the same
    }
}

fn taken(report: &mut Report, key: &str, place: &Place<'_>, may_move: bool) {
    match place.holder() {
        other if may_move => report.ok(TOPIC, format_args!("{place} is taken by {other}; a free port is used instead")),
        own @ Holder::Own(_) => {
            report.warning(TOPIC, format_args!("{place} is taken by {own}: a start fails while that runs (`{key}`)"))
        }
        Holder::Hidden => report.warning(
            TOPIC,
            format_args!(
                "{place} is taken by a program of another user, which may be this one (`{key}`): root sees which it is"
            ),
        ),
        other => {
            report.problem(TOPIC, format_args!("{place} is taken by {other}: stop that, or listen elsewhere (`{key}`)"))
        }
    }
}

impl Place<'_> {
    fn is_free(&self) -> io::Result<bool> {
        match self {
            Self::Port(address) => is_free(*address),
            Self::Unix(path) => nobody_answers(path),
        }
    }

    fn holder(&self) -> Holder {
        match self {
            Self::Port(address) => Holder::of_port(address.port()),
            Self::Unix(path) => Holder::of_path(path),
        }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{path}"),
        }
    }
}

/// Binds as the web tier does, and does not listen.
fn is_free(address: SocketAddr) -> io::Result<bool> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    if address.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    match bind(&socket, &address) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::ADDRINUSE) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// A socket that a process left behind when it was killed is free: a start takes its place.
fn nobody_answers(path: &str) -> io::Result<bool> {
    let address = match path.strip_prefix('@') {
        Some(name) => UnixAddress::from_abstract_name(name)?,
        None => UnixAddress::from_pathname(path)?,
    };
    match UnixStream::connect_addr(&address) {
        Ok(_) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => may_be_made(Path::new(path)).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused && is_socket(path) => Ok(true),
        Err(error) => Err(error),
    }
}

fn is_socket(path: &str) -> bool {
    path.starts_with('@') || Path::new(path).symlink_metadata().is_ok_and(|file| file.file_type().is_socket())
}
