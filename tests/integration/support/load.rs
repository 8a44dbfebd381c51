//! A steady load of many kinds of requests, each of which has to be answered: what is lost is told. Each lane asks at its own
//! times, whether or not the answer before has come late, and the wait for an answer counts from then.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{Address, Connection, Ended};

/// One kind of request, again and again.
#[derive(Clone)]
pub(crate) struct Lane {
    /// The request; where it has a body that is sent in two parts, where the second begins.
    pub(crate) request: Vec<u8>,
    pub(crate) pause_at: Option<usize>,
    pub(crate) connections: Connections,
    /// Whether an answer of 200 with this body is right.
    pub(crate) accept: fn(&[u8]) -> bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Connections {
    /// One, for as long as the server lets it.
    Kept,
    /// Another for each request.
    New,
}

/// A load that goes on.
pub(crate) struct Load {
    lanes: Vec<(Sender<()>, JoinHandle<Report>)>,
}

/// What became of the requests.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) answered: u64,
    /// Each that has no answer, or a wrong one.
    pub(crate) lost: Vec<String>,
    /// The longest wait for an answer.
    pub(crate) longest: Duration,
}

/// The time between two requests of a lane.
const PERIOD: Duration = Duration::from_millis(10);

impl Lane {
    pub(crate) fn get(path: &str, connections: Connections, accept: fn(&[u8]) -> bool) -> Self {
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes();
        Self { request, pause_at: None, connections, accept }
    }

    /// A body of ten bytes, of which the second half comes later.
    pub(crate) fn post(path: &str, expect: &str, accept: fn(&[u8]) -> bool) -> Self {
        let head = format!("POST {path} HTTP/1.1\r\nHost: a\r\n{expect}Content-Length: 10\r\n\r\n");
        let request = (head + "0123456789").into_bytes();
        Self { pause_at: Some(request.len() - 5), request, connections: Connections::Kept, accept }
    }
}

impl Load {
    pub(crate) fn start(address: &str, lanes: &[Lane]) -> Self {
        let address = Arc::new(Address::Tcp(address.to_owned()));
        let start = |lane: &Lane| {
            let (lane, address, (end, ended)) = (lane.clone(), Arc::clone(&address), channel());
            (end, std::thread::spawn(move || run(&lane, &address, &ended)))
        };
        Self { lanes: lanes.iter().map(start).collect() }
    }

    /// Ends it when the requests under way are answered.
    pub(crate) fn stop(self) -> Report {
        let mut all = Report::default();
        let lanes: Vec<_> = self.lanes.into_iter().map(|(end, lane)| (drop(end), lane).1).collect();
        for lane in lanes {
            let report = lane.join().expect("a lane does not panic");
            all.answered += report.answered;
            all.lost.extend(report.lost);
            all.longest = all.longest.max(report.longest);
        }
        all
    }
}

fn run(lane: &Lane, address: &Address, ended: &Receiver<()>) -> Report {
    let (mut report, mut connection, mut intended) = (Report::default(), None, Instant::now());
    while ended.recv_timeout(intended.saturating_duration_since(Instant::now())) == Err(RecvTimeoutError::Timeout) {
        let mut open = connection.take().unwrap_or_else(|| Connection::open(address));
        match ask(lane, &mut open) {
            Ok(persists) => {
                report.answered += 1;
                connection = Some(open).filter(|_| persists && lane.connections == Connections::Kept);
            }
            Err(what) => {
                let request = String::from_utf8_lossy(&lane.request);
                let line = request.lines().next().unwrap_or_default();
                report.lost.push(format!("{line} after {}: {what}", report.answered));
            }
        }
        report.longest = report.longest.max(intended.elapsed());
        intended += PERIOD;
    }
    report
}

/// Whether the connection stays open; or what is wrong.
fn ask(lane: &Lane, connection: &mut Connection) -> Result<bool, String> {
    let (first, second) = lane.request.split_at(lane.pause_at.unwrap_or(lane.request.len()));
    let sent = connection.send(first) && (second.is_empty() || connection.send(second));
    let response = connection.receive("GET").map_err(|ended| match ended {
        Ended::Closed => format!("closed without an answer (sent whole: {sent})"),
        Ended::Cut(come) => format!("cut after {} bytes", come.len()),
    })?;
    let is_right = response.status == 200 && (lane.accept)(&response.body);
    let told = || String::from_utf8_lossy(&response.body[..response.body.len().min(80)]).into_owned();
    if is_right { Ok(response.persists()) } else { Err(format!("{}: {:?}", response.status, told())) }
}

mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::{TcpListener, TcpStream};
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    use super::*;
    use crate::support::until;

    /// Answers every request but one in a thousand, whose connection it closes.
    fn answer(mut client: &TcpStream, count: &AtomicU64) {
        let mut lines = BufReader::new(client.try_clone().unwrap()).lines();
        while let Some(Ok(line)) = lines.next() {
            if line.is_empty() && count.fetch_add(1, Relaxed) % 1000 == 999 {
                return;
            }
            if line.is_empty() && client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").is_err() {
                return;
            }
        }
    }

    #[test]
    fn of_a_server_that_drops_one_request_in_a_thousand_each_is_found() {
        let (listener, count) = (TcpListener::bind("127.0.0.1:0").unwrap(), Arc::<AtomicU64>::default());
        let (address, counted) = (listener.local_addr().unwrap().to_string(), Arc::clone(&count));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let count = Arc::clone(&counted);
                std::thread::spawn(move || answer(&client, &count));
            }
        });
        let lanes = [Connections::Kept, Connections::New, Connections::Kept, Connections::Kept];
        let load = Load::start(&address, &lanes.map(|kind| Lane::get("/", kind, |body| body == b"ok")));
        until("two thousand have been asked", || (count.load(Relaxed) >= 2000).then_some(()));
        let report = load.stop();
        assert_eq!(report.lost.len() as u64, count.load(Relaxed) / 1000, "{:?}", report.lost);
        assert_eq!(report.answered + report.lost.len() as u64, count.load(Relaxed));
    }

    #[test]
    fn a_wrong_answer_is_lost_too() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                answer(&client, &AtomicU64::new(0));
            }
        });
        let lane = Lane::get("/", Connections::New, |body| body == b"another");
        let load = Load::start(&address, &[lane]);
        let mut asked = Vec::new();
        until("it has asked", || {
            asked.push(());
            (asked.len() > 1000).then_some(())
        });
        let report = load.stop();
        assert_eq!(report.answered, 0);
        assert!(report.lost.iter().all(|lost| lost == "GET / HTTP/1.1 after 0: 200: \"ok\""), "{:?}", report.lost);
    }
}
