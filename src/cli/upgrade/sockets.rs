use std::os::fd::RawFd;

use foobar_web::PassedSocket;

use super::descriptors::adopt_listener;

/// Sockets that a process was given: for the sites, and for operators.
#[derive(Default)]
pub(in crate::cli) struct GivenSockets {
    pub(in crate::cli) web: Vec<PassedSocket>,
    pub(in crate::cli) admin: Vec<PassedSocket>,
}

/// Those of a service manager (`LISTEN_FDS`), but for those that `web.listen` names by their numbers. One of the name `admin` is
/// that of the listener for operators. To be taken before anything else is open.
pub(super) fn of_service_manager<'a>(listen: impl Iterator<Item = &'a String>) -> Result<GivenSockets, String> {
    let variable = |name| std::env::var(name).ok(); // not text: not of a service manager
    let mut given = GivenSockets::default();
    if variable("LISTEN_PID").is_none_or(|process| process != std::process::id().to_string()) {
        return Ok(given);
    }
    let Some(count) = variable("LISTEN_FDS") else { return Ok(given) };
    let count: RawFd = count.parse().map_err(|_| format!("`LISTEN_FDS` is {count:?}, and no number"))?;
    let names = variable("LISTEN_FDNAMES").unwrap_or_default(); // older ones name none
    let mut names = names.split(':');
    let named: Vec<RawFd> = listen.filter_map(|address| number(address)).collect();
    for number in (FIRST..).take(usize::try_from(count).unwrap_or(0)) {
        let name = names.next();
        if named.contains(&number) {
            continue;
        }
        let socket = adopt_listener(number);
        let socket = socket.map_err(|error| format!("`LISTEN_FDS` is {count}, and descriptor {number}: {error}"))?;
        let of_it = if name == Some("admin") { &mut given.admin } else { &mut given.web };
        of_it.push(PassedSocket { socket, owns_file: false });
    }
    Ok(given)
}

/// The first that a service manager passes on.
const FIRST: RawFd = 3;

/// The number in an address such as `fd:3 ssl`.
fn number(address: &str) -> Option<RawFd> {
    address.split_ascii_whitespace().next()?.strip_prefix("fd:")?.parse().ok() // refused elsewhere
}
