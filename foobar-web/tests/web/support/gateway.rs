//! A gateway from HTTP/1 to TLS or HTTP/2 in front of a server, so that a test that speaks HTTP/1 runs over them too.
//! `FOOBAR_TEST_TRANSPORT` says which one, for the whole test program; see `transports.rs`.

mod http2;
mod tls;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use super::other_end::OtherEnd;
pub(super) use tls::carry;

/// What a server is spoken to by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Plain,
    Tls,
    Http2,
}

pub(crate) const VARIABLE: &str = "FOOBAR_TEST_TRANSPORT";

impl Transport {
    /// That of this run.
    pub(crate) fn of_this_run() -> Self {
        match std::env::var(VARIABLE).as_deref() {
            Err(_) => Self::Plain, // it is not set
            Ok("tls") => Self::Tls,
            Ok("http2") => Self::Http2,
            Ok(other) => panic!("{VARIABLE}={other} is no transport"),
        }
    }

    /// The settings that a server needs to speak it, for sites of these names.
    pub(super) fn settings<'a>(self, sites: impl Iterator<Item = &'a String>) -> Vec<(String, String)> {
        match self {
            Self::Plain => Vec::new(),
            Self::Tls => tls::settings(sites),
            Self::Http2 => vec![("web.http2".to_owned(), "cleartext".to_owned())],
        }
    }

    pub(super) fn connect(self, server: SocketAddr) -> Connection {
        let server = TcpStream::connect(server).expect("the server accepts");
        let end = OtherEnd::of(&server);
        let (greets, greeting) = channel();
        let serve = match self {
            Self::Plain => return Connection { client: server, end, greeting },
            Self::Tls => tls::serve,
            Self::Http2 => http2::serve,
        };
        let (client, accepted) = pair();
        thread::spawn(move || serve(accepted, server, greets));
        Connection { client, end, greeting }
    }
}

/// A connection to a server, which takes HTTP/1.
pub(super) struct Connection {
    pub(super) client: TcpStream,
    /// The server's, whatever is between.
    pub(super) end: OtherEnd,
    /// Ends, without a word, once both speak the protocol of this run, or never will.
    pub(super) greeting: Receiver<()>,
}

/// A connection from this program to itself.
pub(super) fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let client = TcpStream::connect(listener.local_addr().expect("it listens")).expect("it accepts");
    let (accepted, _) = listener.accept().expect("the client has connected");
    (client, accepted)
}
