//! Waiting for what tells no other way that it has happened.

use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use foobar::BoxError;

/// How long anything may take before its trial has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// How soon after the end of a fault, or of a program, what it has disturbed is as it was.
pub(crate) const SOON: Duration = Duration::from_secs(10);
/// How long until it is asked again.
pub(crate) const STEP: Duration = Duration::from_millis(20);

/// Asks again and again until the answer is yes; how long it took.
pub(crate) fn until(what: &str, ask: impl FnMut() -> Result<bool, BoxError>) -> Result<Duration, BoxError> {
    within(PATIENCE, what, ask)
}

/// The same with a limit of its own.
pub(crate) fn within(
    limit: Duration,
    what: &str,
    mut ask: impl FnMut() -> Result<bool, BoxError>,
) -> Result<Duration, BoxError> {
    let start = Instant::now();
    while !ask()? {
        if start.elapsed() > limit {
            return Err(format!("not within {limit:?}: {what}").into());
        }
        pause(STEP);
    }
    Ok(start.elapsed())
}

/// Waits this long: a load and its faults have a pace.
pub(crate) fn pause(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        thread::park_timeout(time.saturating_sub(start.elapsed())); // may end early
    }
}

/// Tells threads that go on until then to stop.
#[derive(Default)]
pub(crate) struct Stop {
    has_come: Mutex<bool>,
    comes: Condvar,
}

impl Stop {
    pub(crate) fn come(&self) {
        *self.has_come.lock().expect("nothing panics while it holds the flag") = true;
        self.comes.notify_all();
    }

    /// Waits for it, this long at most; whether it has come.
    pub(crate) fn comes_within(&self, time: Duration) -> bool {
        let has_come = self.has_come.lock().expect("nothing panics while it holds the flag");
        let waited = self.comes.wait_timeout_while(has_come, time, |has_come| !*has_come);
        *waited.expect("nothing panics while it holds the flag").0
    }
}
