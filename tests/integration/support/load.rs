//! A steady load of many kinds of requests, each of which has to be answered: what is lost is told. Each lane asks at its own
//! times, whether or not the answer before has come late, and the wait for an answer counts from then.

use std::borrow::Cow;
use std::fmt;
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
    /// Whether an answer of 200 or 201 with this body is right.
    pub(crate) accept: fn(&[u8]) -> bool,
    /// Whether each has a number of its own, in the place of `{n}`: the first of them.
    pub(crate) numbered_from: Option<u64>,
    /// Whether a request to which a connection that was kept has been closed without an answer is sent once more, as clients
    /// do (RFC 9110, section 9.2.2).
    pub(crate) sends_again: bool,
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
    /// How many were sent once more.
    pub(crate) sent_again: u64,
    /// When each answer had come.
    ends: Vec<Instant>,
}

impl Report {
    /// The longest time in which nobody at all had an answer.
    pub(crate) fn longest_stall(&self) -> Duration {
        self.ends.windows(2).map(|two| two[1] - two[0]).max().unwrap_or_default()
    }
}

/// The time between two requests of a lane.
const PERIOD: Duration = Duration::from_millis(10);

impl Lane {
    pub(crate) fn get(path: &str, connections: Connections, accept: fn(&[u8]) -> bool) -> Self {
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes();
        Self { request, pause_at: None, connections, accept, numbered_from: None, sends_again: false }
    }

    /// One that changes something, with `{n}` in its path and no body.
    pub(crate) fn put(path: &str, connections: Connections, first: u64) -> Self {
        let request = format!("PUT {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").into_bytes();
        let accept: fn(&[u8]) -> bool = <[u8]>::is_empty;
        Self { request, pause_at: None, connections, accept, numbered_from: Some(first), sends_again: false }
    }

    /// With what a client does that has read the standard.
    pub(crate) fn sent_again(self) -> Self {
        Self { sends_again: true, ..self }
    }

    /// The request of this number.
    fn request(&self, number: u64) -> Cow<'_, [u8]> {
        let Some(first) = self.numbered_from else { return Cow::Borrowed(&self.request) };
        let text = String::from_utf8_lossy(&self.request);
        Cow::Owned(text.replace("{n}", &(first + number).to_string()).into_bytes())
    }

    /// A body of ten bytes, of which the second half comes later.
    pub(crate) fn post(path: &str, expect: &str, accept: fn(&[u8]) -> bool) -> Self {
        let head = format!("POST {path} HTTP/1.1\r\nHost: a\r\n{expect}Content-Length: 10\r\n\r\n");
        let request = (head + "0123456789").into_bytes();
        let (connections, numbered_from, sends_again) = (Connections::Kept, None, false);
        Self { pause_at: Some(request.len() - 5), request, connections, accept, numbered_from, sends_again }
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
            all.sent_again += report.sent_again;
            all.ends.extend(report.ends);
        }
        all.ends.sort();
        all
    }
}

fn run(lane: &Lane, address: &Address, ended: &Receiver<()>) -> Report {
    let (mut report, mut connection, mut intended) = (Report::default(), None, Instant::now());
    while ended.recv_timeout(intended.saturating_duration_since(Instant::now())) == Err(RecvTimeoutError::Timeout) {
        let was_kept = connection.is_some();
        let mut open = connection.take().unwrap_or_else(|| Connection::open(address));
        let request = lane.request(report.answered + report.lost.len() as u64);
        let mut outcome = ask(lane, &request, &mut open);
        if was_kept && lane.sends_again && outcome == Err(Failed::Closed) {
            report.sent_again += 1;
            open = Connection::open(address);
            outcome = ask(lane, &request, &mut open);
        }
        match outcome {
            Ok(persists) => {
                report.answered += 1;
                report.ends.push(Instant::now());
                connection = Some(open).filter(|_| persists && lane.connections == Connections::Kept);
            }
            Err(what) => {
                let request = String::from_utf8_lossy(&request);
                let line = request.lines().next().unwrap_or_default();
                report.lost.push(format!("{line} after {}: {what}", report.answered));
            }
        }
        report.longest = report.longest.max(intended.elapsed());
        intended += PERIOD;
    }
    report
}

/// Why there is no answer, or not the right one.
#[derive(Debug, PartialEq, Eq)]
enum Failed {
    /// The connection was closed before a byte of it.
    Closed,
    Otherwise(String),
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "closed without an answer",
            Self::Otherwise(what) => what,
        })
    }
}

/// Whether the connection stays open.
fn ask(lane: &Lane, request: &[u8], connection: &mut Connection) -> Result<bool, Failed> {
    let (first, second) = request.split_at(lane.pause_at.unwrap_or(request.len()));
    if connection.send(first) && !second.is_empty() {
        connection.send(second); // where that fails, there is no answer
    }
    let response = connection.receive("GET").map_err(|ended| match ended {
        Ended::Closed => Failed::Closed,
        Ended::Cut(come) => Failed::Otherwise(format!("cut after {} bytes", come.len())),
    })?;
    let is_right = matches!(response.status, 200 | 201) && (lane.accept)(&response.body);
    let told = || String::from_utf8_lossy(&response.body[..response.body.len().min(80)]).into_owned();
    let wrong = || Failed::Otherwise(format!("{}: {:?}", response.status, told()));
    is_right.then(|| response.persists()).ok_or_else(wrong)
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
