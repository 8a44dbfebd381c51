//! What the admin listener says, all the time.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use crate::http::{Answer, Http};
use crate::load::Doors;
use crate::patience::{STEP, Stop};

/// Asks one program again and again for `/livez`, `/readyz` and `/metrics`.
pub(crate) struct Watch {
    thread: Option<JoinHandle<()>>,
    shared: Arc<Shared>,
}

struct Shared {
    doors: Arc<Doors>,
    number: usize,
    stop: Stop,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// When the latest question was asked to which the answer was "ready".
    ready: Option<Instant>,
    /// When the latest question was asked to which it was not, and the answer.
    not_ready: Option<(Instant, String)>,
    /// How often queries have been tried again.
    retries: u64,
    violations: Vec<String>,
}

impl Watch {
    /// Watches the program that client `number` speaks to.
    pub(crate) fn start(doors: &Arc<Doors>, number: usize) -> Self {
        let shared = Shared { doors: Arc::clone(doors), number, stop: Stop::default(), seen: Mutex::default() };
        let shared = Arc::new(shared);
        let watching = Arc::clone(&shared);
        Self { thread: Some(thread::spawn(move || watching.run())), shared }
    }

    /// Whether `/readyz` was 200 when it was last asked, which was after `start`.
    pub(crate) fn is_ready_since(&self, start: Instant) -> bool {
        let seen = self.shared.seen();
        seen.ready > Some(start) && seen.ready > seen.not_ready.as_ref().map(|(asked, _)| *asked)
    }

    /// Why the database was not ready, if `/readyz` has said so after `start`.
    pub(crate) fn told_since(&self, start: Instant) -> Option<String> {
        let seen = self.shared.seen();
        let (_, answer) = seen.not_ready.as_ref().filter(|(asked, _)| *asked > start)?;
        answer.lines().find_map(|line| line.strip_prefix("database: not ready: ")).map(str::to_owned)
    }

    /// How often queries have been tried again so far, since the program started.
    pub(crate) fn retries(&self) -> u64 {
        self.shared.seen().retries
    }

    /// What was seen that must not be.
    pub(crate) fn stop(mut self) -> Vec<String> {
        self.shared.stop.come();
        self.thread.take().map(JoinHandle::join).transpose().expect("nothing panics there");
        std::mem::take(&mut self.shared.seen().violations)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.stop.come();
    }
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().expect("nothing panics while it holds them")
    }

    fn run(&self) {
        while !self.stop.comes_within(STEP) {
            let Some(door) = self.doors.of(self.number) else { continue };
            let looked = self.look(&mut Http::to(door.admin));
            // A program that is stopped meanwhile may say anything or nothing.
            if self.doors.of(self.number) == Some(door) {
                looked.unwrap_or_else(|error| self.blame(format!("the admin listener: {error}")));
            }
        }
    }

    fn look(&self, admin: &mut Http) -> io::Result<()> {
        let alive = admin.ask("GET", "/livez")?;
        if alive.status != 200 {
            self.blame(format!("/livez: {} {}", alive.status, alive.body));
        }
        let asked = Instant::now();
        let ready = admin.ask("GET", "/readyz")?;
        let retries = retries(&admin.ask("GET", "/metrics")?);
        let mut seen = self.seen();
        seen.retries = retries;
        match ready.status {
            200 => seen.ready = Some(asked),
            _ => seen.not_ready = Some((asked, ready.body)),
        }
        Ok(())
    }

    fn blame(&self, violation: String) {
        self.seen().violations.push(violation);
    }
}

fn retries(metrics: &Answer) -> u64 {
    let counters = metrics.body.lines().filter(|line| line.starts_with("foobar_database_retries_total"));
    counters.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum() // another form is none of ours
}
