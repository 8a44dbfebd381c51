use std::fs;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::process::geteuid;

use super::{Order, path};
use crate::cli::output::{Exit, complain, out};
use crate::settings::ControlSettings;

/// Gives an order to the server that hears them where these settings say, and prints its answer.
pub(in crate::cli) fn send(order: Order, settings: &ControlSettings) -> Exit {
    let Some(path) = path(settings) else {
        return complain(
            "`control.socket` is \"off\": name a socket, such as \"/run/shop/control\", and restart the server",
        );
    };
    match ask(order, &path) {
        Ok((0, told)) => out(told.trim_end()),
        Ok((code, told)) => {
            complain(told.trim_end());
            if code == Exit::Usage as u8 { Exit::Usage } else { Exit::Failure }
        }
        Err(error) => complain(format_args!("no answer from a server at {}: {error}", path.display())),
    }
}

/// The exit code that it comes to, and what is told.
fn ask(order: Order, path: &Path) -> io::Result<(u8, String)> {
    let owner = fs::symlink_metadata(path)?.uid();
    if ![0, geteuid().as_raw()].contains(&owner) && !geteuid().is_root() {
        return Err(io::Error::other(format!("the socket belongs to the user {owner}")));
    }
    let mut stream = UnixStream::connect(path)?;
    stream.write_all(format!("{}\n", order.name()).as_bytes())?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (code, told) = answer.split_once('\n').ok_or_else(|| io::Error::other("it ended without an answer"))?;
    let code = code.parse().map_err(|_| io::Error::other("what answers there is no server of this kind"))?;
    Ok((code, told.to_owned()))
}
