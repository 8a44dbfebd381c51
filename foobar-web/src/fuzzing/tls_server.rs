//! A server of what TLS connections begin with, in memory.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};

use super::client::Client;
use crate::kept::Kept;
use crate::net::{Established, Handshake, NamedSite, SiteCertificates, Tls, TlsOptions, default_provider};

/// Reads the ClientHello of one connection after the other. It knows no name, so that none is answered by a handshake.
pub struct TlsServer(Tls);

/// What the first bytes of a client have led to.
#[derive(Debug, PartialEq, Eq)]
pub enum ClientHello {
    /// The client has ended before they were complete.
    Cut,
    /// HTTP without TLS, of which this has come.
    Plain(Vec<u8>),
    /// They are no ClientHello, and this was answered.
    Refused(Vec<u8>),
    /// They ask for this name.
    Named(Option<String>),
}

impl TlsServer {
    /// A server that has not heard anybody.
    pub fn new() -> Self {
        let nowhere = PathBuf::from("/dev/null/none"); // so its certificate is one that nobody has signed
        let site = SiteCertificates {
            label: "a".to_owned(),
            key: "sites.a".to_owned(),
            certificates: vec![nowhere.clone()],
            keys: vec![nowhere.clone()],
            names: Vec::new(),
            client_rule: None,
            kept: Some(Arc::new(Kept::new(nowhere, Vec::new()))),
        };
        let options = TlsOptions {
            provider: &default_provider(),
            protocols: &["TLSv1.2".to_owned(), "TLSv1.3".to_owned()],
            tickets: false,
            ticket_keys: &[],
            rejects: true,
            alpn: vec![b"http/1.1".to_vec()],
            challenges: Vec::new(),
            before: None,
        };
        Self(Tls::compile(&options, &[site]).expect("the settings are good").expect("a site has a certificate"))
    }

    /// What these pieces lead to, which a client sends one after the other before it closes its side.
    pub fn hear(&self, pieces: &[&[u8]]) -> ClientHello {
        let (client, written) = Client::new(pieces);
        let (mut handshake, mut room, mut asked) = (Handshake::new(client), vec![0; 16 << 10], None);
        let find = |name: Option<&str>| {
            asked = Some(name.map(str::to_owned));
            NamedSite::Nowhere
        };
        let mut context = Context::from_waker(Waker::noop());
        let Poll::Ready(heard) = handshake.poll(&mut context, &mut room, &self.0, || {}, find) else {
            panic!("it waits for a client that has ended")
        };
        let written = std::mem::take(&mut *written.lock().unwrap_or_else(PoisonError::into_inner));
        match (heard, asked) {
            (Ok(Established::Plain(_, bytes)), None) => ClientHello::Plain(bytes),
            (Ok(_), asked) => panic!("a connection is established, for {asked:?}"),
            (Err(_), Some(name)) => ClientHello::Named(name),
            (Err(error), None) if error.kind() == io::ErrorKind::UnexpectedEof => ClientHello::Cut,
            (Err(_), None) => ClientHello::Refused(written),
        }
    }
}

impl Default for TlsServer {
    fn default() -> Self {
        Self::new()
    }
}
