//! Connections over a network, a client and an application that do what a seed decides. A connection is polled only when
//! it has been woken, and time stands still, so one that waits for what will not happen is noticed at once.
//!
//! `FOOBAR_CONNECTIONS=1000000 FOOBAR_SEED=7 cargo test -p foobar-web simulated` runs longer and elsewhere.

use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::runtime::{Builder, Runtime};
use tokio::task::LocalSet;
use tokio::time::advance;

use super::answers::Answers;
use super::manner::{Ends, Manner};
use super::random::{Random, number_of};
use super::requests::{Content, Contents, End, Request};
use super::server::{HERE, MOST_REQUESTS, Server};
use super::socket::{Line, Socket};
use crate::deadline::Drain;
use crate::http1::connection::serve;
use crate::http1::outgoing::SEND_QUANTUM;
use crate::worker::{Beginning, ConnectionState};

/// How many connections are simulated.
const CONNECTIONS: u64 = 2500;
/// Longer than any deadline, and all that a client can meet one after the other.
const LONGEST: Duration = Duration::from_secs(150);
/// What a drain leaves to streams: no client is that slow.
const STREAM_TIME: Duration = Duration::from_secs(24 * 60 * 60);
/// Two turns, of the fast path and of the pipeline, each with a write of almost another, and what is written besides.
const MOST_AT_ONCE: usize = 6 * SEND_QUANTUM + (64 << 10);
/// The time that passes at once.
const STEP: Duration = Duration::from_millis(250);
/// How long a disk may take.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn a_simulated_client_gets_its_answers_without_waiting_for_a_deadline() {
    let runtime = Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let server = Server::new(&runtime);
    let first = number_of("FOOBAR_SEED", 3);
    for seed in first..first + number_of("FOOBAR_CONNECTIONS", CONNECTIONS) {
        let mut simulation = Simulation::new(&runtime, &server, seed);
        if catch_unwind(AssertUnwindSafe(|| simulation.run())).is_err() {
            panic!("FOOBAR_SEED={seed} FOOBAR_CONNECTIONS=1: {simulation}");
        }
    }
}

/// One connection and its client.
struct Simulation<'a> {
    runtime: &'a Runtime,
    server: &'a Server,
    random: Random,
    line: Arc<Mutex<Line>>,
    drain: Rc<Cell<Option<Drain>>>,
    state: Rc<ConnectionState>,
    connection: Pin<Box<dyn Future<Output = ()>>>,
    woken: Arc<Woken>,
    /// What the connection has begun besides, and whether that is to be polled.
    tasks: LocalSet,
    tasks_woken: Arc<Woken>,
    requests: Vec<Request>,
    /// The requests and the chunks of their contents: one piece at a time is handed on when it is asked for.
    pieces: usize,
    unsent: Bytes,
    answers: Answers,
    manner: Manner,
    moves: usize,
    polls: usize,
    waited: Duration,
}

/// What can happen besides that the connection is polled.
#[derive(Clone, Copy, Debug)]
enum Move {
    Send,
    Take,
    End,
    /// The application goes on.
    Open,
    /// The connection is woken for nothing, or told to end.
    Surprise,
}

/// Whether a connection is to be polled.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Relaxed);
    }
}

impl Woken {
    fn is_set(&self) -> bool {
        self.0.load(Relaxed)
    }

    /// It is polled now.
    fn take(self: &Arc<Self>) -> Waker {
        self.0.store(false, Relaxed);
        Arc::clone(self).into()
    }
}

impl<'a> Simulation<'a> {
    fn new(runtime: &'a Runtime, server: &'a Server, seed: u64) -> Self {
        let _time = runtime.enter();
        let mut random = Random::new(seed);
        let manner = Manner::choose(&mut random);
        let (most, most_sent) = (20 * manner.room.min(manner.takes), 20 * manner.sends);
        let many = random.one_in(100);
        let count = random.up_to(if many { MOST_REQUESTS + 3 } else { 12 });
        let mut requests: Vec<_> = (0..count).map(|_| server.contents.request(&mut random, most, most_sent)).collect();
        match random.below(12) {
            0 => requests.push(Contents::malformed(&mut random)),
            1 => requests.push(server.contents.cut(&mut random)),
            // In another protocol no deadline is for a client that says nothing.
            2 if !matches!(manner.ends, Ends::Stuck(_)) && count < MOST_REQUESTS - 1 => {
                requests.push(Contents::tunnel(&mut random, most.min(most_sent)));
            }
            _ => {}
        }
        let line = Line::new(Random::new(random.number()), manner.room);
        let drain = Rc::<Cell<Option<Drain>>>::default();
        let state = Rc::new(ConnectionState::new(drain.clone(), Rc::default(), Arc::default()));
        server.gate.close();
        Self {
            runtime,
            server,
            connection: Box::pin(serve(
                Socket::new(&line),
                Beginning::now(),
                HERE,
                server.worker.clone(),
                state.clone(),
            )),
            random,
            line,
            drain,
            state,
            woken: Arc::new(Woken(true.into())),
            tasks: LocalSet::new(),
            tasks_woken: Arc::new(Woken(true.into())),
            unsent: requests.iter().map(|request| &request.bytes[..]).collect::<Vec<_>>().concat().into(),
            pieces: requests.iter().map(Request::pieces).sum(),
            requests,
            answers: Answers::new(MOST_REQUESTS, matches!(manner.ends, Ends::Stuck(_))),
            manner,
            moves: 0,
            polls: 0,
            waited: Duration::ZERO,
        }
    }

    fn run(&mut self) {
        loop {
            let moves = self.moves();
            let (woken, tasks_woken) = (self.woken.is_set(), self.tasks_woken.is_set());
            if woken && self.random.one_in(2) {
                if self.poll().is_ready() {
                    return self.finish();
                }
            } else if tasks_woken && self.random.one_in(2) {
                self.poll_tasks();
            } else if !moves.is_empty() {
                let next = moves[self.random.below(moves.len())];
                self.make(next);
            } else if !woken && !tasks_woken {
                self.pass_time();
            }
        }
    }

    fn poll(&mut self) -> Poll<()> {
        self.count_poll();
        let before = self.line().written.len();
        let (_time, _tasks) = (self.runtime.enter(), self.tasks.enter());
        let polled = self.connection.as_mut().poll(&mut Context::from_waker(&self.woken.take()));
        let written = self.line().written.len() - before;
        assert!(written < MOST_AT_ONCE, "others wait for their turn: {written} bytes at once");
        if written > 0 {
            self.waited = Duration::ZERO; // the disk may have taken its time until now
        }
        polled
    }

    fn poll_tasks(&mut self) {
        self.count_poll();
        let _time = self.runtime.enter();
        _ = Pin::new(&mut self.tasks).poll(&mut Context::from_waker(&self.tasks_woken.take()));
    }

    /// There must be a reason for each. The connection and who reads content wake each other for each piece of it; the
    /// ten are for pieces that are no chunks, of less than 64 KiB.
    fn count_poll(&mut self) {
        self.polls += 1;
        let line = self.line();
        let reasons = self.moves + line.postponed + self.pieces + (line.moved >> 16);
        assert!(self.polls <= 10 + 3 * reasons, "it is busy with nothing: {} polls, {reasons} reasons", self.polls);
        assert!(line.calls <= 10 + 2 * (self.polls + reasons), "it reads or writes in vain: {} times", line.calls);
    }

    fn moves(&self) -> Vec<Move> {
        let line = self.line();
        let taken = line.written.is_empty();
        let stuck = matches!(self.manner.ends, Ends::Stuck(moves) if moves <= self.moves);
        let ends = (line.shut && taken)
            || self.unsent.is_empty()
                && match self.manner.ends {
                    Ends::Early => true,
                    Ends::Late => taken && self.is_answered(),
                    Ends::Never | Ends::Stuck(_) => false,
                };
        let possible = match self.manner.ends {
            // Nothing else wakes it later; with little room, while the last answer is on its way.
            Ends::Never if self.manner.evicts => {
                self.answers.count + usize::from(self.manner.room < 1 << 11) >= self.requests.len()
            }
            _ => !taken || !self.unsent.is_empty(),
        };
        let surprise = self.manner.surprises > 0 && possible;
        let moves = [
            (!self.unsent.is_empty() && !line.ended && !stuck, Move::Send),
            (!taken && !stuck, Move::Take),
            (ends && !line.ended && !stuck, Move::End),
            (self.server.gate.is_awaited(), Move::Open),
            (surprise && !stuck, Move::Surprise),
        ];
        moves.into_iter().filter_map(|(possible, next)| possible.then_some(next)).collect()
    }

    fn make(&mut self, next: Move) {
        self.moves += 1;
        match next {
            Move::Send => {
                let length = self.random.up_to(self.manner.sends.min(self.unsent.len()));
                let bytes = self.unsent.split_to(length);
                self.line().send(&bytes);
            }
            Move::Take => {
                self.pause();
                let most = self.line().written.len().min(self.manner.takes);
                let taken = self.random.up_to(most);
                let taken = self.line().take(taken);
                self.answers.receive(&taken, &self.requests);
            }
            Move::End => self.line().end(),
            Move::Open => self.server.gate.open(),
            Move::Surprise => self.surprise(),
        }
    }

    /// A client may take its time as long as nobody waits for it to send, and the application for nothing.
    fn pause(&mut self) {
        let waits = self.woken.is_set() || self.tasks_woken.is_set() || self.server.gate.is_awaited();
        if self.unsent.is_empty() && !waits && !self.manner.pause.is_zero() {
            self.runtime.block_on(advance(self.manner.pause));
        }
    }

    /// Wakes the connection for nothing, or tells it to end.
    fn surprise(&mut self) {
        self.manner.surprises -= 1;
        if !self.manner.evicts {
            return self.state.wake();
        }
        self.answers.may_end = true;
        if self.state.idle_since().is_some() {
            self.state.evict();
        } else {
            let _time = self.runtime.enter();
            self.drain.set(Some(Drain::begin(STREAM_TIME, tokio::time::Instant::now() + 2 * STREAM_TIME)));
            self.state.wake();
        }
    }

    /// Nothing can happen but that a deadline passes.
    fn pass_time(&mut self) {
        let in_grace = self.state.is_draining() && self.state.idle_since().is_some(); // another request may come
        let may_wait = match self.manner.ends {
            _ if in_grace => true,
            Ends::Early | Ends::Late => false,
            Ends::Never => self.is_answered() && (self.is_cut() || !self.answers.may_end),
            Ends::Stuck(_) => true,
        };
        if !may_wait || self.waited >= LONGEST {
            return self.wait_for_the_disk(if may_wait { "no deadline ends it" } else { "it waits for nothing" });
        }
        self.moves += 1;
        self.waited += STEP;
        self.runtime.block_on(advance(STEP));
    }

    /// Where the system has not a file in memory, or cannot tell, another thread reads it, which takes real time.
    fn wait_for_the_disk(&self, complaint: &str) {
        let begun = Instant::now();
        while !self.woken.is_set() && !self.tasks_woken.is_set() {
            assert!(begun.elapsed() < PATIENCE, "{complaint}");
            std::thread::yield_now();
        }
    }

    /// Whether the client has all that it has asked for.
    fn is_answered(&self) -> bool {
        self.answers.complete || self.answers.count >= self.requests.len() - usize::from(self.is_cut())
    }

    /// Whether the last request does not come whole.
    fn is_cut(&self) -> bool {
        self.requests.last().is_some_and(|request| request.end == End::Cut)
    }

    /// Whether the last request leads to another protocol.
    fn is_tunnel(&self) -> bool {
        self.requests.last().is_some_and(|request| matches!(request.content, Content::Tunnel(_)))
    }

    /// The server has left.
    fn finish(&mut self) {
        let left = self.line().written.split();
        self.answers.receive(&left, &self.requests);
        if !matches!(self.manner.ends, Ends::Stuck(_)) {
            assert!(self.is_answered() || self.answers.may_end, "an answer is missing");
            let may_break_off = self.is_cut() || (self.is_tunnel() && self.answers.may_end);
            assert!(may_break_off || self.answers.rest().is_empty(), "something follows the last answer");
            assert!(self.is_cut() || !self.line().reset, "the client may not get its last answer");
        }
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner) // also where the test has failed
    }
}

impl fmt::Display for Simulation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { manner, moves, polls, waited, .. } = self;
        writeln!(f, "{manner:?}, {moves} moves, {polls} polls, {waited:?}")?;
        writeln!(f, "{:?}, {:?}, {} not sent", self.line(), self.state.idle_since(), self.unsent.len())?;
        writeln!(f, "{} answers, then {} bytes, to", self.answers.count, self.answers.rest().len())?;
        self.requests.iter().try_for_each(|request| writeln!(f, "{request}"))
    }
}
