//! Clients that go on asking, each at a steady pace.

use std::io;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::http::Http;
use crate::patience::Stop;
use crate::request::{Kind, Outcome, Request};
use crate::site::Door;

/// What one client asks for, in turn.
pub(crate) type Habit = &'static [Kind];

/// How long a client pauses after each answer.
const PAUSE: Duration = Duration::from_millis(10);

/// The programs that may be asked now; `None` for one that is stopped.
#[derive(Default)]
pub(crate) struct Doors(Mutex<Vec<Option<Door>>>);

pub(crate) struct Load {
    clients: Vec<JoinHandle<Vec<Request>>>,
    shared: Arc<Shared>,
}

struct Shared {
    doors: Arc<Doors>,
    stop: Stop,
    next_id: AtomicI32,
    acknowledged: AtomicUsize,
    refused: AtomicUsize,
    /// When the latest of the writes was sent that have been acknowledged.
    latest: Mutex<Option<Instant>>,
}

struct Client {
    number: usize,
    habit: Habit,
    shared: Arc<Shared>,
    http: Option<(Door, Http)>,
    /// A write of its own that was acknowledged.
    acknowledged: Option<i32>,
    requests: Vec<Request>,
}

impl Doors {
    /// From now on clients go to `doors`.
    pub(crate) fn set(&self, doors: Vec<Option<Door>>) {
        *self.doors() = doors;
    }

    /// The one for this client, if it is open.
    pub(crate) fn of(&self, client: usize) -> Option<Door> {
        let doors = self.doors();
        doors.get(client % doors.len().max(1)).copied().flatten()
    }

    fn doors(&self) -> MutexGuard<'_, Vec<Option<Door>>> {
        self.0.lock().expect("nothing panics while it holds the doors")
    }
}

impl Load {
    /// A client for each of `habits`.
    pub(crate) fn start(habits: &[Habit], doors: &Arc<Doors>) -> Self {
        let shared = Arc::new(Shared {
            doors: Arc::clone(doors),
            stop: Stop::default(),
            next_id: AtomicI32::new(1),
            acknowledged: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            latest: Mutex::default(),
        });
        let client = |(number, habit): (usize, &Habit)| {
            let shared = Arc::clone(&shared);
            let client = Client { number, habit, shared, http: None, acknowledged: None, requests: Vec::new() };
            thread::spawn(|| client.run())
        };
        Self { clients: habits.iter().enumerate().map(client).collect(), shared }
    }

    /// How many writes have been acknowledged.
    pub(crate) fn acknowledged(&self) -> usize {
        self.shared.acknowledged.load(Relaxed)
    }

    /// Whether a write that was sent after `start` has been acknowledged.
    pub(crate) fn is_acknowledged_since(&self, start: Instant) -> bool {
        *self.shared.latest() > Some(start)
    }

    /// How many requests have been refused.
    pub(crate) fn refused(&self) -> usize {
        self.shared.refused.load(Relaxed)
    }

    /// Waits for the answers to what has been asked; all requests.
    pub(crate) fn stop(mut self) -> Vec<Request> {
        self.shared.stop.come();
        self.clients.drain(..).flat_map(|client| client.join().expect("no client panics")).collect()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.shared.stop.come();
    }
}

impl Shared {
    fn latest(&self) -> MutexGuard<'_, Option<Instant>> {
        self.latest.lock().expect("nothing panics while it holds it")
    }
}

impl Client {
    fn run(mut self) -> Vec<Request> {
        let habit = self.habit;
        for kind in habit.iter().cycle() {
            if self.shared.stop.comes_within(PAUSE) {
                break;
            }
            match self.shared.doors.of(self.number) {
                Some(door) => self.ask(*kind, door),
                None => self.http = None, // it closes with the program
            }
        }
        self.requests
    }

    fn ask(&mut self, kind: Kind, door: Door) {
        let id = match (kind, self.acknowledged) {
            (Kind::Read, None) => return,
            (Kind::Read, Some(id)) => id,
            _ => self.shared.next_id.fetch_add(1, Relaxed),
        };
        let sent = Instant::now();
        let outcome = self.exchange(kind, id, door);
        let request = Request { id, kind, sent, took: sent.elapsed(), outcome };
        self.note(&request);
        self.requests.push(request);
    }

    fn exchange(&mut self, kind: Kind, id: i32, door: Door) -> Outcome {
        let mut http = match self.http.take() {
            Some((leads_to, http)) if leads_to == door => http,
            _ => Http::to(door.web),
        };
        let (method, target) = kind.line(id);
        let outcome = match http.ask(method, &target) {
            Ok(answer) => Outcome::of(kind, &answer),
            Err(error) => self.unanswered(&error, door),
        };
        self.http = Some((door, http));
        outcome
    }

    /// Only a program that is stopped may leave a request without an answer.
    fn unanswered(&self, error: &io::Error, door: Door) -> Outcome {
        let is_stopped = self.shared.doors.of(self.number) != Some(door);
        if is_stopped && error.kind() != io::ErrorKind::WouldBlock {
            Outcome::Unknown
        } else {
            Outcome::Wrong(format!("no answer: {error}"))
        }
    }

    fn note(&mut self, request: &Request) {
        match request.outcome {
            Outcome::Done if request.kind.writes() => {
                let mut latest = self.shared.latest();
                *latest = latest.max(Some(request.sent));
                self.shared.acknowledged.fetch_add(1, Relaxed);
                self.acknowledged = Some(request.id);
            }
            Outcome::Refused => _ = self.shared.refused.fetch_add(1, Relaxed),
            _ => {}
        }
    }
}
