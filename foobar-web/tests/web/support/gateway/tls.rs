//! The same bytes over TLS.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::Sender;
use std::sync::{Arc, LazyLock};

use rustix::event::{PollFd, PollFlags, poll};
use rustls::ClientConnection;
use rustls::pki_types::ServerName;

use super::super::tls::{Authority, Files};

/// One certificate for every site of this run.
static CERTIFIED: LazyLock<(Authority, Files)> = LazyLock::new(|| {
    let authority = Authority::new();
    let files = authority.issue("gateway", &["localhost"]);
    (authority, files)
});

pub(super) fn settings<'a>(sites: impl Iterator<Item = &'a String>) -> Vec<(String, String)> {
    let files = &CERTIFIED.1;
    let mut names: Vec<&str> = sites.map(String::as_str).collect();
    if names.is_empty() {
        names.push("default");
    }
    let certified = names.into_iter().flat_map(|name| {
        [("ssl_certificate", &files.certificate), ("ssl_certificate_key", &files.key)]
            .map(|(key, path)| (format!("sites.{name}.{key}"), path.display().to_string()))
    });
    let web = [("listen", "127.0.0.1:0 ssl"), ("ssl_reject_handshake", "false")];
    certified.chain(web.map(|(key, value)| (format!("web.{key}"), value.to_owned()))).collect()
}

/// Copies both ways until one side has ended.
pub(super) fn serve(client: TcpStream, mut server: TcpStream, greets: Sender<()>) {
    let mut config = CERTIFIED.0.client();
    config.enable_sni = false; // the certificate is for all names
    let name = ServerName::try_from("localhost").expect("it is a name");
    let mut session = ClientConnection::new(Arc::new(config), name).expect("the configuration is good");
    if shake_hands(&mut session, &mut server).is_err() {
        return; // the client sees it closed
    }
    drop(greets);
    carry(client, server, session);
}

/// Until the server knows that the handshake is over, too: it sends a ticket then.
fn shake_hands(session: &mut ClientConnection, server: &mut TcpStream) -> io::Result<()> {
    while session.is_handshaking() || session.wants_write() {
        session.complete_io(server)?;
    }
    while session.tls13_tickets_received() == 0 && session.read_tls(server)? > 0 {
        session.process_new_packets().map_err(io::Error::other)?;
    }
    Ok(())
}

/// The same after the handshake.
pub(in crate::support) fn carry(client: TcpStream, server: TcpStream, mut session: ClientConnection) {
    session.set_buffer_limit(None);
    server.set_nonblocking(true).expect("it is a socket");
    let mut tunnel = Tunnel { client, server, session, is_sending: true };
    let begun = tunnel.deliver(); // what came with the end of the handshake
    while begun.is_ok() && tunnel.turn().is_ok_and(|goes_on| goes_on) {}
    _ = tunnel.client.shutdown(Shutdown::Both); // it may have gone
}

struct Tunnel {
    client: TcpStream,
    server: TcpStream,
    session: ClientConnection,
    /// The client has not ended its side.
    is_sending: bool,
}

impl Tunnel {
    /// Waits until something can be done, and does it; whether the server goes on.
    fn turn(&mut self) -> io::Result<bool> {
        let (from_client, from_server) = self.wait()?;
        if from_client {
            self.take_from_client()?;
        }
        while self.session.wants_write() && can(self.session.write_tls(&mut self.server))?.is_some() {}
        if !from_server {
            return Ok(true);
        }
        let read = can(self.session.read_tls(&mut self.server))?;
        Ok(self.deliver()? && read != Some(0))
    }

    /// Gives the client what the server has sent; whether the server may send more.
    fn deliver(&mut self) -> io::Result<bool> {
        let state = self.session.process_new_packets().map_err(io::Error::other)?;
        let mut plain = vec![0; state.plaintext_bytes_to_read()];
        self.session.reader().read_exact(&mut plain)?;
        self.client.write_all(&plain)?;
        Ok(!state.peer_has_closed())
    }

    /// Whether the client and the server can be read from.
    fn wait(&self) -> io::Result<(bool, bool)> {
        let client = if self.is_sending { PollFlags::IN } else { PollFlags::empty() };
        let out = if self.session.wants_write() { PollFlags::OUT } else { PollFlags::empty() };
        let mut both = [PollFd::new(&self.client, client), PollFd::new(&self.server, PollFlags::IN | out)];
        poll(&mut both, None)?;
        let is_ready = |of: &PollFd<'_>| of.revents().intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR);
        Ok((self.is_sending && is_ready(&both[0]), is_ready(&both[1])))
    }

    fn take_from_client(&mut self) -> io::Result<()> {
        let mut piece = [0; 64 << 10];
        let read = self.client.read(&mut piece)?;
        if read == 0 {
            self.is_sending = false;
            self.session.send_close_notify();
        }
        self.session.writer().write_all(&piece[..read])
    }
}

/// What was done; `None` if nothing can be done now.
fn can(done: io::Result<usize>) -> io::Result<Option<usize>> {
    match done {
        Ok(done) => Ok(Some(done)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}
