use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

use foobar_core::Chain;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with, sockopt};

use super::report::{Report, Topic};
use super::socket_holder::{Holder, holder};
use crate::composition::Composition;

const TOPIC: Topic = Topic::Ports;

pub(super) fn examine(report: &mut Report, composition: &Composition) {
    if let Err(error) = composition.check_addresses() {
        report.problem(TOPIC, Chain(&error));
    }
    let admin = composition.settings.admin.listen.as_str();
    let listens = composition.settings.web.listen.iter().map(|listen| ("web.listen", listen.as_str()));
    for (key, listen) in listens.chain([("admin.listen", admin)]) {
        for address in addresses(listen) {
            let may_move = key == "admin.listen" && composition.config.origin(key) == "default";
            tell(report, key, address, may_move);
        }
    }
}

/// Those with a port of their own: what else can be listened on has been tried.
fn addresses(listen: &str) -> Vec<SocketAddr> {
    let address = listen.split_ascii_whitespace().next().unwrap_or_default(); // no word is no address
    let is_other = ["unix:", "fd:"].iter().any(|other| address.starts_with(other));
    let found = if is_other { None } else { address.to_socket_addrs().ok() }; // a name that is unknown has been told of
    found.into_iter().flatten().filter(|address| address.port() != 0).collect()
}

fn tell(report: &mut Report, key: &str, address: SocketAddr, may_move: bool) {
    match is_free(address) {
        Ok(true) => report.ok(TOPIC, format_args!("{address} is free (`{key}`)")),
        Ok(false) => match holder(address.port()) {
            Holder::Own(process) => {
                report.ok(TOPIC, format_args!("{address} is taken by this very program, process {process} (`{key}`)"));
            }
            Holder::Hidden if !may_move => report.warning(
                TOPIC,
                format_args!(
                    "{address} is taken by a program of another user, which may be this one (`{key}`): root sees which it is"
                ),
            ),
            other if may_move => {
                report.ok(TOPIC, format_args!("{address} is taken by {other}; a free port is used instead"))
            }
            other => report.problem(
                TOPIC,
                format_args!("{address} is taken by {other}: stop that, or listen elsewhere (`{key}`)"),
            ),
        },
        Err(_) => {} // it has been told: the web tier tries the same
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
