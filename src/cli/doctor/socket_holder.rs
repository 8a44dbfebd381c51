//! Which process listens on an address, as far as `/proc` shows it to this user (proc(5)).

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// Who listens.
pub(super) enum Holder {
    /// Another process of this program.
    Own(u32),
    Other {
        process: u32,
        name: String,
    },
    /// Nobody that this user may look at.
    Hidden,
}

impl Holder {
    /// Of a port of TCP.
    pub(super) fn of_port(port: u16) -> Self {
        let of = |table| listening(table, |line| socket(line, port));
        Self::of_sockets(&[of("/proc/net/tcp"), of("/proc/net/tcp6")].concat())
    }

    /// Of a Unix socket; an abstract one begins with `@`.
    pub(super) fn of_path(path: &str) -> Self {
        Self::of_sockets(&listening("/proc/net/unix", |line| unix_socket(line, path)))
    }

    fn of_sockets(sockets: &[String]) -> Self {
        let processes = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok); // without /proc nobody is seen
        let mut processes = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok()); // others are no processes
        match processes.find(|process| holds(*process, sockets)) {
            Some(process) if is_this_program(process) => Self::Own(process),
            Some(process) => {
                let name = fs::read_to_string(of(process, "comm")).unwrap_or_default(); // it has ended
                Self::Other { process, name: name.trim().to_owned() }
            }
            None => Self::Hidden,
        }
    }
}

/// The sockets of the lines that are of one, as `/proc/PID/fd` names them.
fn listening(table: &str, socket: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let text = fs::read_to_string(table).unwrap_or_default(); // there is no IPv6
    text.lines().skip(1).filter_map(socket).collect()
}

/// Of a line such as `0: 0100007F:1F90 00000000:0000 0A … 12345 …`.
fn socket(line: &str, port: u16) -> Option<String> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let (_, own) = fields.get(1)?.rsplit_once(':')?;
    let is_it = u16::from_str_radix(own, 16) == Ok(port) && *fields.get(3)? == LISTEN;
    is_it.then(|| Some(format!("socket:[{}]", fields.get(9)?))).flatten()
}

const LISTEN: &str = "0A";

/// Of a line such as `0000000000000000: 00000002 00000000 00010000 0001 01 12345 web.sock`.
fn unix_socket(line: &str, path: &str) -> Option<String> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let bound = *fields.get(7)?;
    let absolute = |path| std::path::absolute(path).ok(); // an empty one is of no socket
    let is_same = if path.starts_with('@') { bound == path } else { absolute(bound) == absolute(path) };
    let is_it = *fields.get(3)? == ACCEPTS && is_same;
    is_it.then(|| Some(format!("socket:[{}]", fields.get(6)?))).flatten()
}

/// Among the flags of a Unix socket.
const ACCEPTS: &str = "00010000";

fn holds(process: u32, sockets: &[String]) -> bool {
    let files = fs::read_dir(of(process, "fd")).into_iter().flatten().filter_map(Result::ok); // another user's
    let mut targets = files.filter_map(|file| fs::read_link(file.path()).ok()); // closed meanwhile
    targets.any(|target| sockets.iter().any(|socket| target == Path::new(socket)))
}

/// Also of before it was built anew.
fn is_this_program(process: u32) -> bool {
    let program = |process: &str| -> Option<String> {
        let path = fs::read_link(Path::new("/proc").join(process).join("exe")).ok()?; // another user's
        Some(path.to_string_lossy().trim_end_matches(" (deleted)").to_owned())
    };
    let own = program("self");
    own.is_some() && own == program(&process.to_string())
}

fn of(process: u32, file: &str) -> PathBuf {
    Path::new("/proc").join(process.to_string()).join(file)
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own(process) => write!(f, "process {process}, which is this same program"),
            Self::Other { process, name } => write!(f, "{name}, process {process}"),
            Self::Hidden => f.write_str("a program of another user"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_proc_names_the_socket_that_listens() {
        let line =
            "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 12345 1 0";
        assert_eq!(socket(line, 8080).as_deref(), Some("socket:[12345]"));
        assert_eq!(socket(line, 8081), None);
        assert_eq!(socket(&line.replace(" 0A ", " 01 "), 8080), None, "it is connected");
        let line = "0000000000000000: 00000002 00000000 00010000 0001 01 12345 /run/web.sock";
        assert_eq!(unix_socket(line, "/run/web.sock").as_deref(), Some("socket:[12345]"));
        assert_eq!(unix_socket(line, "@/run/web.sock"), None);
        assert_eq!(unix_socket(&line.replace("00010000", "00000000"), "/run/web.sock"), None, "it is connected");
        assert_eq!(unix_socket("0000000000000000: 00000003 00000000 00010000 0001 01 12345", "/run/web.sock"), None);
        for broken in ["", "0:", "0: x", "0: 0100007F:1F90 00000000:0000 0A"] {
            assert_eq!(socket(broken, 8080), None, "{broken}");
        }
    }
}
