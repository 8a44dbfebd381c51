use std::fs;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

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
    let time = if order == Order::Upgrade { *settings.upgrade_timeout + ANSWER_TIME } else { ANSWER_TIME };
    match ask(order, &path, time) {
        Ok((0, told)) => out(told.trim_end()),
        Ok((code, told)) => {
            complain(told.trim_end());
            if code == Exit::Usage as u8 { Exit::Usage } else { Exit::Failure }
        }
        Err(error) => complain(format_args!("no answer from a server at {}: {error}", path.display())),
    }
}

/// How long an order may take, also where a database is opened.
const ANSWER_TIME: Duration = Duration::from_secs(60);

/// The exit code that it comes to, and what is told.
fn ask(order: Order, path: &Path, time: Duration) -> io::Result<(u8, String)> {
    let owner = fs::symlink_metadata(path)?.uid();
    if ![0, geteuid().as_raw()].contains(&owner) && !geteuid().is_root() {
        return Err(io::Error::other(format!("the socket belongs to the user {owner}")));
    }
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(time))?;
    stream.write_all(format!("{}\n", order.name()).as_bytes())?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => {
            io::Error::other(format!("none within {time:?}; it may still do it, as its log says"))
        }
        _ => error,
    })?;
    let (code, told) = answer.split_once('\n').ok_or_else(|| io::Error::other("it ended without an answer"))?;
    let code = code.parse().map_err(|_| io::Error::other("what answers there is no server of this kind"))?;
    Ok((code, told.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_server_that_does_not_answer_is_not_waited_for_without_an_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control");
        let _listener = UnixListener::bind(&path).unwrap();
        let error = ask(Order::Status, &path, Duration::from_millis(1)).unwrap_err();
        assert!(error.to_string().starts_with("none within 1ms"), "{error}");
    }
}
