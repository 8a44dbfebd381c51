//! A steady load of many kinds of requests, each of which has to be answered: each is recorded, and what is lost is told. A lane
//! asks at its own times, whether or not the answer before has come late, and the wait for an answer counts from then.

mod authority;
mod exchange;
mod lane;
mod report;
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::Connection;
use exchange::{Done, Failed, Pace, exchange};
use report::Tally;

pub(crate) use authority::Authority;
pub(crate) use lane::{Connections, Lane};
pub(crate) use report::{Outcome, Report};

/// A load that goes on.
pub(crate) struct Load {
    lanes: Vec<(Sender<()>, JoinHandle<Tally>)>,
    answered: Arc<AtomicU64>,
}

impl Load {
    pub(crate) fn start(address: &str, lanes: &[Lane]) -> Self {
        let answered = Arc::<AtomicU64>::default();
        let start = |lane: &Lane| {
            let (lane, address, (end, ended)) = (lane.clone(), address.to_owned(), channel());
            let answered = Arc::clone(&answered);
            (end, std::thread::spawn(move || run(&lane, &address, &ended, &answered)))
        };
        Self { lanes: lanes.iter().map(start).collect(), answered }
    }

    /// How many requests have been answered so far.
    pub(crate) fn answered(&self) -> u64 {
        self.answered.load(Relaxed)
    }

    /// Ends it when the requests under way are answered.
    pub(crate) fn stop(self) -> Report {
        let ended = Instant::now();
        let lanes: Vec<_> = self.lanes.into_iter().map(|(end, lane)| (drop(end), lane).1).collect();
        Report::of(lanes.into_iter().map(|lane| lane.join().expect("a lane does not panic")).collect(), ended)
    }
}

fn run(lane: &Lane, address: &str, ended: &Receiver<()>, answered: &AtomicU64) -> Tally {
    let started = Instant::now();
    let (mut tally, mut client, mut intended) = (Tally::default(), Client { lane, address, kept: None }, started);
    tally.lane = lane.name();
    while ended.recv_timeout(intended.saturating_duration_since(Instant::now())) == Err(RecvTimeoutError::Timeout) {
        let (number, mut pace) = (tally.asked(), Pace::until(ended));
        let Asked { attempt, is_second } = client.ask(&lane.request(number), &mut pace);
        tally.sent_again += u64::from(is_second);
        let took = intended.elapsed();
        match attempt.outcome {
            Ok(done) => {
                let outcome = match done {
                    Done::Persists | Done::Closes => Outcome::Answered,
                    Done::GoneAway => Outcome::GoneAway,
                    Done::GoneAtOnce => Outcome::GoneAtOnce,
                };
                tally.closed += u64::from(done == Done::Closes && lane.connections == Connections::Kept);
                *tally.counts.entry(outcome).or_default() += 1;
                answered.fetch_add(1, Relaxed);
                tally.ends.push(Instant::now());
                let waited = took.saturating_sub(pace.spent);
                tally.longest = tally.longest.max(waited);
                tally.slow += u64::from(waited > SLOW);
            }
            Err(Failed { outcome, told }) => {
                *tally.counts.entry(outcome).or_default() += 1;
                let connected = attempt.connected.map(|at| at.saturating_duration_since(intended));
                let (lane, intended) = (tally.lane.clone(), intended - started);
                tally.lost.push(report::Record { lane, number, outcome, told, intended, connected, ended: took });
            }
        }
        intended += lane.period;
    }
    tally
}

/// What an operator would call slow.
const SLOW: Duration = Duration::from_secs(1);

/// Who asks in a lane.
struct Client<'a> {
    lane: &'a Lane,
    address: &'a str,
    kept: Option<Connection>,
}

struct Asked {
    attempt: Attempt,
    is_second: bool,
}

struct Attempt {
    outcome: Result<Done, Failed>,
    /// When it had a connection of its own.
    connected: Option<Instant>,
}

impl Client<'_> {
    /// Asks, and once more where clients do.
    fn ask(&mut self, request: &[u8], pace: &mut Pace<'_>) -> Asked {
        let attempt = self.attempt(request, pace);
        let is_closed = attempt.outcome.as_ref().is_err_and(|failed| failed.outcome == Outcome::ClosedOnKept);
        if is_closed && self.lane.sends_again {
            return Asked { attempt: self.attempt(request, pace), is_second: true };
        }
        Asked { attempt, is_second: false }
    }

    fn attempt(&mut self, request: &[u8], pace: &mut Pace<'_>) -> Attempt {
        let (kept, mut connected) = (self.kept.take(), None);
        let is_new = kept.is_none();
        let mut connection = match kept.map_or_else(|| self.lane.open(self.address), Ok) {
            Ok(connection) => connection,
            Err(error) => return Attempt { outcome: Err(Failed::to_connect(&error)), connected },
        };
        if is_new {
            connected = Some(Instant::now());
        }
        let outcome = exchange(self.lane, request, &mut connection, is_new, pace).map_err(|mut failed| {
            if failed.outcome == Outcome::ClosedOnNew && !is_new {
                failed.outcome = Outcome::ClosedOnKept;
            }
            failed
        });
        if matches!(outcome, Ok(Done::Persists)) && self.lane.connections == Connections::Kept {
            self.kept = Some(connection);
        }
        Attempt { outcome, connected }
    }
}
