//! A network with faults: it listens on a TCP port and takes what comes to a server's Unix socket.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::connect_unspec;

/// Dropped, it takes no more connections.
pub(crate) struct Network {
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// What happens to everything that is on its way.
#[derive(Clone, Copy)]
pub(crate) enum Weather {
    Fair,
    /// Every piece takes this much longer, each way.
    Slow(Duration),
    /// Nothing arrives until the weather changes, as behind a router that is down: systems send it again until then.
    BlackHole,
    /// Nothing arrives that goes this way.
    OneWay(Direction),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    ToServer,
    ToClient,
}

struct Shared {
    server: PathBuf,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    weather: Weather,
    /// The connection that carries the last of so many bytes in this direction is closed.
    cut: Option<(Direction, usize)>,
    links: Vec<Arc<Link>>,
    is_over: bool,
}

/// One connection through the network.
struct Link {
    client: TcpStream,
    server: UnixStream,
    end: Mutex<End>,
}

/// How a connection ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// One side closes it, and the other learns of it.
    Closed,
    /// Both sides see it break.
    Broken,
    /// The client sees it break, and the server does not.
    HalfOpen,
}

impl Network {
    /// A network in front of the server that listens on the Unix socket `server`.
    pub(crate) fn to(server: &Path) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let state = State { weather: Weather::Fair, cut: None, links: Vec::new(), is_over: false };
        let shared = Shared { server: server.to_owned(), state: Mutex::new(state), changed: Condvar::new() };
        let shared = Arc::new(shared);
        let accepting = Arc::clone(&shared);
        thread::spawn(move || accepting.accept(&listener));
        Ok(Self { address, shared })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the weather. What waited goes on, and what was half open ends.
    pub(crate) fn set(&self, weather: Weather) {
        let mut state = self.shared.state();
        (state.weather, state.cut) = (weather, None);
        state.links.iter().filter(|link| link.is(End::HalfOpen)).for_each(|link| link.close());
        self.shared.changed.notify_all();
    }

    /// Resets every connection that is open now; the number of them.
    pub(crate) fn reset(&self) -> usize {
        self.end_all(End::Broken)
    }

    /// Resets them without telling the server, until [`set`](Self::set).
    pub(crate) fn leave_half_open(&self) -> usize {
        self.end_all(End::HalfOpen)
    }

    /// Closes the connection that carries the last of the next `bytes` in this direction, just after it.
    pub(crate) fn cut(&self, direction: Direction, bytes: usize) {
        self.shared.state().cut = Some((direction, bytes));
    }

    fn end_all(&self, end: End) -> usize {
        let state = self.shared.state();
        let open = state.links.iter().filter(|link| link.is(End::Closed));
        open.map(|link| link.break_off(end)).count()
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.set(Weather::Fair);
        self.shared.state().is_over = true;
        drop(TcpStream::connect(self.address)); // wakes the thread that accepts
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the state")
    }

    fn accept(self: Arc<Self>, listener: &TcpListener) {
        for client in listener.incoming().map_while(Result::ok) {
            if self.state().is_over {
                return;
            }
            let shared = Arc::clone(&self);
            thread::spawn(move || shared.serve(client));
        }
    }

    /// One connection, until it ends. A server that is down refuses it.
    fn serve(self: Arc<Self>, client: TcpStream) -> io::Result<()> {
        client.set_nodelay(true)?;
        self.wait(Direction::ToServer, Instant::now());
        let link = Arc::new(Link { client, server: UnixStream::connect(&self.server)?, end: Mutex::new(End::Closed) });
        self.state().links.push(Arc::clone(&link));
        let (shared, answered) = (Arc::clone(&self), Arc::clone(&link));
        let answers = thread::spawn(move || shared.carry(&answered, Direction::ToClient));
        self.carry(&link, Direction::ToServer);
        drop(answers.join()); // it has carried what it could
        self.state().links.retain(|other| !Arc::ptr_eq(other, &link));
        Ok(())
    }

    /// Carries what goes in one direction, until there is no more.
    fn carry(&self, link: &Link, direction: Direction) {
        let (sender, pieces) = mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(move || link.receive(direction, &sender));
            for (arrived, piece) in pieces {
                self.wait(direction, arrived);
                let (carried, is_cut) = self.up_to_the_cut(direction, piece.len());
                if piece.is_empty() || link.send(direction, &piece[..carried]).is_err() {
                    return link.finish(direction);
                }
                if is_cut {
                    link.close();
                }
            }
        });
    }

    /// Waits until what came at `arrived` may go on.
    fn wait(&self, direction: Direction, arrived: Instant) {
        let mut state = self.state();
        loop {
            let left = state.weather.delay(direction).saturating_sub(arrived.elapsed());
            if left.is_zero() {
                return;
            }
            (state, _) = self.changed.wait_timeout(state, left).expect("nothing panics while it holds the state");
        }
    }

    /// How many of `length` bytes are carried, and whether the connection is cut after them.
    fn up_to_the_cut(&self, direction: Direction, length: usize) -> (usize, bool) {
        let mut state = self.state();
        match state.cut {
            Some((cut, left)) if cut == direction && left <= length => {
                state.cut = None;
                (left, true)
            }
            Some((cut, left)) if cut == direction => {
                state.cut = Some((cut, left - length));
                (length, false)
            }
            _ => (length, false),
        }
    }
}

impl Weather {
    fn delay(self, direction: Direction) -> Duration {
        match self {
            Self::Slow(delay) => delay,
            Self::BlackHole => Duration::MAX,
            Self::OneWay(lost) if lost == direction => Duration::MAX,
            Self::Fair | Self::OneWay(_) => Duration::ZERO,
        }
    }
}

impl Link {
    /// Hands on every piece as it arrives, and an empty one as the end.
    fn receive(&self, direction: Direction, pieces: &Sender<(Instant, Vec<u8>)>) {
        let mut buffer = [0; 16 << 10];
        loop {
            let length = match direction {
                Direction::ToServer => (&self.client).read(&mut buffer),
                Direction::ToClient => (&self.server).read(&mut buffer),
            };
            let length = length.unwrap_or(0); // a reset is an end, too
            let taken = pieces.send((Instant::now(), buffer[..length].to_vec()));
            if length == 0 || taken.is_err() {
                return;
            }
        }
    }

    fn send(&self, direction: Direction, bytes: &[u8]) -> io::Result<()> {
        match direction {
            Direction::ToServer => (&self.server).write_all(bytes),
            Direction::ToClient => (&self.client).write_all(bytes),
        }
    }

    /// Tells the receiver that nothing more comes, as the connection ends.
    fn finish(&self, direction: Direction) {
        let end = *self.end();
        let _gone_already = match (end, direction) {
            (End::Closed, Direction::ToServer) | (End::Broken, _) => self.server.shutdown(Shutdown::Both),
            (End::Closed, Direction::ToClient) => self.client.shutdown(Shutdown::Both),
            (End::HalfOpen, _) => Ok(()),
        };
    }

    fn break_off(&self, end: End) {
        *self.end() = end;
        let _closed_already = connect_unspec(&self.client); // which makes Linux send a reset
        if end == End::Broken {
            let _gone_already = self.server.shutdown(Shutdown::Both);
        }
    }

    fn close(&self) {
        let _gone_already = self.server.shutdown(Shutdown::Both);
        let _gone_already = self.client.shutdown(Shutdown::Both);
    }

    fn is(&self, end: End) -> bool {
        *self.end() == end
    }

    fn end(&self) -> MutexGuard<'_, End> {
        self.end.lock().expect("nothing panics while it holds the end")
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    /// A network, and what is at its two ends.
    struct Ends {
        network: Network,
        client: TcpStream,
        server: UnixStream,
    }

    /// Long enough to call it never: what has not come after it was held back.
    const NEVER: Duration = Duration::from_millis(100);

    fn connected() -> Ends {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("socket")).unwrap();
        let network = Network::to(&folder.path().join("socket")).unwrap();
        let client = TcpStream::connect(network.address()).unwrap();
        let (server, _) = listener.accept().unwrap();
        client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut ends = Ends { network, client, server };
        ends.ask("?"); // once it has arrived, the network knows the connection
        assert_eq!(ends.at_server(1), "?");
        ends
    }

    impl Ends {
        fn ask(&mut self, text: &str) {
            self.client.write_all(text.as_bytes()).unwrap();
        }

        fn answer(&mut self, text: &str) {
            self.server.write_all(text.as_bytes()).unwrap();
        }

        fn at_server(&mut self, length: usize) -> String {
            text(&mut self.server, length)
        }

        fn at_client(&mut self, length: usize) -> String {
            text(&mut self.client, length)
        }

        fn reaches_server_now(&mut self) -> bool {
            self.server.set_read_timeout(Some(NEVER)).unwrap();
            let reaches = self.server.read(&mut [0]).is_ok();
            self.server.set_read_timeout(None).unwrap();
            reaches
        }

        fn reaches_client_now(&mut self) -> bool {
            self.client.set_read_timeout(Some(NEVER)).unwrap();
            self.client.read(&mut [0]).is_ok()
        }
    }

    fn text(stream: &mut impl Read, length: usize) -> String {
        let mut bytes = vec![0; length];
        stream.read_exact(&mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn in_fair_weather_everything_arrives_and_so_does_the_end() {
        let mut ends = connected();
        ends.ask("question");
        assert_eq!(ends.at_server(8), "question");
        ends.answer("answer");
        assert_eq!(ends.at_client(6), "answer");
        ends.server.shutdown(Shutdown::Both).unwrap();
        assert_eq!(ends.client.read(&mut [0]).unwrap(), 0);
    }

    #[test]
    fn a_slow_network_takes_its_time_each_way() {
        let mut ends = connected();
        ends.network.set(Weather::Slow(Duration::from_millis(60)));
        let start = Instant::now();
        ends.ask("question");
        assert_eq!(ends.at_server(8), "question");
        ends.answer("answer");
        assert_eq!(ends.at_client(6), "answer");
        assert!(start.elapsed() >= Duration::from_millis(120), "{:?}", start.elapsed());
    }

    #[test]
    fn a_black_hole_holds_everything_until_the_weather_changes_even_the_end() {
        let mut ends = connected();
        ends.network.set(Weather::BlackHole);
        ends.ask("question");
        ends.client.shutdown(Shutdown::Write).unwrap();
        assert!(!ends.reaches_server_now());
        ends.network.set(Weather::Fair);
        assert_eq!(ends.at_server(8), "question");
        assert_eq!(ends.server.read(&mut [0]).unwrap(), 0);
    }

    #[test]
    fn a_hole_in_one_direction_lets_the_other_pass() {
        let mut ends = connected();
        ends.network.set(Weather::OneWay(Direction::ToClient));
        ends.ask("question");
        assert_eq!(ends.at_server(8), "question");
        ends.answer("answer");
        assert!(!ends.reaches_client_now());
        ends.network.set(Weather::OneWay(Direction::ToServer));
        assert_eq!(ends.at_client(6), "answer");
        ends.ask("again");
        assert!(!ends.reaches_server_now());
    }

    #[test]
    fn a_reset_breaks_the_connection_at_both_ends() {
        let mut ends = connected();
        assert_eq!(ends.network.reset(), 1);
        assert_eq!(ends.client.read(&mut [0]).unwrap_err().kind(), io::ErrorKind::ConnectionReset);
        assert_eq!(ends.server.read(&mut [0]).unwrap(), 0);
        assert_eq!(ends.network.reset(), 0, "it is gone");
    }

    #[test]
    fn of_a_half_open_connection_the_server_learns_when_the_weather_changes() {
        let mut ends = connected();
        assert_eq!(ends.network.leave_half_open(), 1);
        assert_eq!(ends.client.read(&mut [0]).unwrap_err().kind(), io::ErrorKind::ConnectionReset);
        assert!(!ends.reaches_server_now());
        ends.network.set(Weather::Fair);
        assert_eq!(ends.server.read(&mut [0]).unwrap(), 0);
    }

    #[test]
    fn a_cut_comes_after_exactly_so_many_bytes() {
        let mut ends = connected();
        ends.network.cut(Direction::ToClient, 4);
        ends.answer("ans");
        assert_eq!(ends.at_client(3), "ans");
        ends.answer("wer");
        let mut rest = Vec::new();
        ends.client.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, b"w");
    }

    #[test]
    fn a_server_that_is_down_takes_no_connection() {
        let network = Network::to(Path::new("/no/such/socket")).unwrap();
        let mut client = TcpStream::connect(network.address()).unwrap();
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
    }
}
