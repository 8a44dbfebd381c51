//! The server's own keys of session tickets change, for all its workers.

#![expect(clippy::unwrap_used, reason = "a failure here is one of the test that asks")]

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, channel};

use foobar_core::{MakeHandler, Request, handler_fn};
use rustls::SupportedProtocolVersion;
use rustls::client::{ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};

use super::super::support::tls::TlsClient;
use super::super::support::{PATIENCE, answer};
use super::*;

/// A client's tickets: it collects them first, then it uses these and takes no newer ones.
#[derive(Default)]
struct Purse {
    is_closed: AtomicBool,
    session: Mutex<Option<Tls12ClientSessionValue>>,
    tickets: Mutex<Vec<Tls13ClientSessionValue>>,
}

impl std::fmt::Debug for Purse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Purse")
    }
}

impl ClientSessionStore for Purse {
    fn set_kx_hint(&self, _: ServerName<'static>, _: rustls::NamedGroup) {}
    fn kx_hint(&self, _: &ServerName<'_>) -> Option<rustls::NamedGroup> {
        None
    }
    fn set_tls12_session(&self, _: ServerName<'static>, session: Tls12ClientSessionValue) {
        if !self.is_closed.load(Relaxed) {
            *self.session.lock().unwrap() = Some(session);
        }
    }
    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.session.lock().unwrap().clone().filter(|_| self.is_closed.load(Relaxed))
    }
    fn remove_tls12_session(&self, _: &ServerName<'static>) {}
    fn insert_tls13_ticket(&self, _: ServerName<'static>, ticket: Tls13ClientSessionValue) {
        if !self.is_closed.load(Relaxed) {
            self.tickets.lock().unwrap().push(ticket);
        }
    }
    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        if self.is_closed.load(Relaxed) { self.tickets.lock().unwrap().pop() } else { None }
    }
}

/// The application of a server whose workers can be held up: at `/hold` a worker stands still until it is told to go on.
struct Holds {
    is_held: Receiver<()>,
    go_on: Sender<()>,
}

impl Holds {
    fn app() -> (Self, Arc<dyn MakeHandler>) {
        let ((held, is_held), (go_on, goes_on)) = (channel(), channel());
        let goes_on = Arc::new(Mutex::new(goes_on));
        let app = handler_fn(move |request: Request| {
            if request.uri().path() == "/hold" {
                held.send(()).unwrap();
                goes_on.lock().unwrap().recv_timeout(PATIENCE).unwrap();
            }
            answer(request)
        });
        (Self { is_held, go_on }, Arc::new(app))
    }

    /// Makes a connection while the worker that has this one stands still, so that another worker has the new one.
    fn connect_elsewhere(&self, here: &mut TlsClient, connect: impl FnOnce() -> TlsClient) -> TlsClient {
        here.send("GET /hold HTTP/1.1\r\nHost: a.test\r\n\r\n");
        self.is_held.recv_timeout(PATIENCE).unwrap();
        let there = connect();
        self.go_on.send(()).unwrap();
        here.answer();
        there
    }
}

/// And some minutes, as the clocks of two workers do not stop in the same moment.
const SIX_HOURS: Duration = Duration::from_secs(6 * 60 * 60 + 10 * 60);

/// A client whose tickets can be told from newer ones.
fn client(
    authority: &Authority,
    version: &'static SupportedProtocolVersion,
    purse: &Arc<Purse>,
) -> Arc<rustls::ClientConfig> {
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    let config = config.with_protocol_versions(&[version]).unwrap();
    let mut config = config.with_root_certificates(authority.roots()).with_no_client_auth();
    config.resumption = Resumption::store(Arc::<Purse>::clone(purse));
    Arc::new(config)
}

/// How the handshakes end that two workers make with a client.
fn kinds(server: &Server, holds: &Holds, config: &Arc<rustls::ClientConfig>) -> [HandshakeKind; 2] {
    let connect = || {
        let mut client = server.connect_tls(config, "a.test").unwrap();
        client.get("a.test", "/"); // the tickets of TLS 1.3 come after the handshake
        client
    };
    let mut one = connect();
    let other = holds.connect_elsewhere(&mut one, connect);
    [one, other].map(|client| client.stream.get_ref().conn.handshake_kind().unwrap())
}

#[test]
fn a_ticket_is_good_on_every_worker_after_one_rotation_of_the_servers_own_keys_and_on_none_after_two() {
    let authority = Authority::new();
    let site = authority.issue("a", &["a.test"]).settings();
    for version in [&TLS12, &TLS13] {
        let (holds, app) = Holds::app();
        let toml = format!("{LISTEN}workers = 2\n[sites.a]\nserver_name = 'a.test'\n{site}");
        let server = Server::with(&toml, Some(app));
        let purse = Arc::new(Purse::default());
        let config = client(&authority, version, &purse);
        for _ in 0..2 {
            assert!(!kinds(&server, &holds, &config).contains(&HandshakeKind::Resumed), "it has no tickets to use yet");
        }
        purse.is_closed.store(true, Relaxed);
        for kind in [HandshakeKind::Resumed, HandshakeKind::Resumed, HandshakeKind::Full] {
            assert_eq!(kinds(&server, &holds, &config), [kind; 2], "{version:?}");
            server.pass(SIX_HOURS);
        }
    }
}
