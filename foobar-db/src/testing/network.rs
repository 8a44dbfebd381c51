//! A way to a server that is as bad as a test wants it.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

/// A proxy on a TCP port before a test server.
pub(crate) struct Network {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    /// How long bytes take in each direction.
    latency: Duration,
    /// Everything is lost on the way, without a word.
    swallows: AtomicBool,
    /// How often a client has spoken after the server: its round trips, but for the one that opens a TCP connection.
    turns: AtomicUsize,
    clients: Mutex<Vec<TcpStream>>,
    /// What clients have said, up to [`KEPT`] bytes.
    said: Mutex<Vec<u8>>,
    target: Mutex<Target>,
}

/// How much of what clients say is kept.
const KEPT: usize = 64 * 1024;

/// Where it leads to.
#[derive(Clone)]
enum Target {
    Socket(String),
    Port(SocketAddr),
}

/// The two directions of a connection to it.
type Halves = (Box<dyn Read + Send>, Box<dyn Write + Send>);

/// The connection of one client, seen from its two directions.
#[derive(Clone, Copy)]
enum Side {
    Client,
    Server,
}

impl Network {
    /// A way to the server of `url`, whose bytes take `latency` in each direction.
    pub(crate) fn to(url: &str, latency: Duration) -> Self {
        Self::at("127.0.0.1:0", url, latency).expect("a port is free")
    }

    /// The same on an address of this machine.
    pub(crate) fn at(address: &str, url: &str, latency: Duration) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let state = Arc::new(State::new(latency, Target::of(url)));
        let accepting = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let target = accepting.target.lock().unwrap_or_else(PoisonError::into_inner).clone();
                match target.connect() {
                    Ok((reader, writer)) => accepting.connect(client, reader, writer),
                    Err(_down) => drop(client), // as a server that is down closes it
                }
            }
        });
        Ok(Self { address, state })
    }

    /// The URL of the same database by this way.
    pub(crate) fn url(&self, url: &str) -> String {
        match Target::of(url) {
            Target::Socket(socket) => {
                let before = url.strip_suffix(&format!("?socket={socket}")).expect("it is the last parameter");
                before.replace("localhost", &self.address.to_string())
            }
            Target::Port(address) => url.replace(&address.to_string(), &self.address.to_string()),
        }
    }

    /// Its port on this machine.
    pub(crate) const fn port(&self) -> u16 {
        self.address.port()
    }

    /// From now on new connections lead to the server of `url`.
    pub(crate) fn lead_to(&self, url: &str) {
        *self.state.target.lock().unwrap_or_else(PoisonError::into_inner) = Target::of(url);
    }

    /// From now on everything is lost on the way, or nothing any more.
    pub(crate) fn swallow(&self, everything: bool) {
        self.state.swallows.store(everything, SeqCst);
    }

    /// The round trips so far.
    pub(crate) fn turns(&self) -> usize {
        self.state.turns.load(SeqCst)
    }

    /// What clients have said so far, as far as it is kept.
    pub(crate) fn said(&self) -> Vec<u8> {
        self.state.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Breaks every connection that is open now.
    pub(crate) fn reset(&self) {
        for client in self.state.clients.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _closed_already = client.shutdown(Shutdown::Both);
        }
    }
}

impl Target {
    /// That of a test server's URL, or of one with an address.
    fn of(url: &str) -> Self {
        if let Some((_, socket)) = url.split_once("?socket=") {
            return Self::Socket(socket.to_owned());
        }
        let address = url.split(['@', '/', '?']).find_map(|part| part.parse().ok());
        Self::Port(address.expect("without a socket it has an address with a port"))
    }

    fn connect(&self) -> std::io::Result<Halves> {
        Ok(match self {
            Self::Socket(path) => {
                let server = UnixStream::connect(path)?;
                (Box::new(server.try_clone()?), Box::new(server))
            }
            Self::Port(address) => {
                let server = TcpStream::connect(address)?;
                (Box::new(server.try_clone()?), Box::new(server))
            }
        })
    }
}

/// An address of this machine with a port that is free, and stays so for a server: the address is this process's own.
pub(crate) fn free_address() -> SocketAddr {
    let [_, high, middle, low] = std::process::id().to_be_bytes(); // process ids have 22 bits
    let own = Ipv4Addr::new(127, 64 | high, middle, low);
    TcpListener::bind((own, 0)).and_then(|free| free.local_addr()).expect("a port is free")
}

impl State {
    fn new(latency: Duration, target: Target) -> Self {
        Self {
            latency,
            swallows: AtomicBool::default(),
            turns: AtomicUsize::default(),
            clients: Mutex::default(),
            said: Mutex::default(),
            target: Mutex::new(target),
        }
    }

    fn connect(
        self: &Arc<Self>,
        client: TcpStream,
        server_reader: Box<dyn Read + Send>,
        server: Box<dyn Write + Send>,
    ) {
        let halves = (|| Ok::<_, std::io::Error>((client.try_clone()?, client.try_clone()?)))();
        let Ok((kept, client_reader)) = halves else { return }; // without descriptors it is closed
        self.clients.lock().unwrap_or_else(PoisonError::into_inner).push(kept);
        let is_clients_turn = Arc::new(AtomicBool::new(false)); // the server of MySQL speaks first
        // What opens a TCP connection takes a round trip, which a socket of this machine does not.
        let opens = 2 * self.latency;
        self.pass(Side::Client, client_reader, server, Arc::clone(&is_clients_turn), Duration::ZERO);
        self.pass(Side::Server, server_reader, client, is_clients_turn, opens);
    }

    fn pass(
        self: &Arc<Self>,
        side: Side,
        mut from: impl Read + Send + 'static,
        mut to: impl Write + Send + 'static,
        is_clients_turn: Arc<AtomicBool>,
        opens: Duration,
    ) {
        let (state, (send, arriving)) = (Arc::clone(self), mpsc::channel::<(Instant, Vec<u8>)>());
        let mut on_the_way = state.latency + opens;
        std::thread::spawn(move || {
            let mut buffer = [0; 16 * 1024];
            while let Ok(length @ 1..) = from.read(&mut buffer) {
                state.count(side, &is_clients_turn);
                state.keep(side, &buffer[..length]);
                let due = Instant::now() + on_the_way;
                on_the_way = state.latency;
                if !state.swallows.load(SeqCst) && send.send((due, buffer[..length].to_vec())).is_err() {
                    return;
                }
            }
        });
        std::thread::spawn(move || {
            for (due, bytes) in arriving {
                pause_until(due);
                if to.write_all(&bytes).is_err() {
                    return;
                }
            }
        });
    }

    fn keep(&self, side: Side, bytes: &[u8]) {
        if matches!(side, Side::Client) {
            let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
            let room = KEPT.saturating_sub(said.len());
            said.extend(&bytes[..bytes.len().min(room)]);
        }
    }

    fn count(&self, side: Side, is_clients_turn: &AtomicBool) {
        match side {
            Side::Server => is_clients_turn.store(true, SeqCst),
            Side::Client => {
                if is_clients_turn.swap(false, SeqCst) {
                    self.turns.fetch_add(1, SeqCst);
                }
            }
        }
    }
}

/// Bytes on the way are not waited for by anybody but the one that they are for.
fn pause_until(due: Instant) {
    while let Some(left) = due.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        std::thread::park_timeout(left);
    }
}
