//! A gateway from HTTP/1 to TLS or HTTP/2 in front of a server, so that a test that speaks HTTP/1 runs over them too.
//! `FOOBAR_TEST_TRANSPORT` says which one, for the whole test program; see `transports.rs`.

mod http2;
mod tls;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

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

    /// A connection to the server, which takes HTTP/1.
    pub(super) fn connect(self, server: SocketAddr) -> TcpStream {
        let serve = match self {
            Self::Plain => return TcpStream::connect(server).expect("the server accepts"),
            Self::Tls => tls::serve,
            Self::Http2 => http2::serve,
        };
        let (client, accepted) = pair();
        let server = TcpStream::connect(server).expect("the server accepts");
        thread::spawn(move || serve(accepted, server));
        client
    }
}

/// A connection from this program to itself.
pub(super) fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let client = TcpStream::connect(listener.local_addr().expect("it listens")).expect("it accepts");
    let (accepted, _) = listener.accept().expect("the client has connected");
    (client, accepted)
}
