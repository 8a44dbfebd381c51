use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::output::Output;

/// The lines on their way to the log's thread. Adding one never waits for a reader: without room it is lost, and
/// counted.
///
/// Once that thread has ended, whoever adds a line writes it: nobody else would.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    lines: VecDeque<Vec<u8>>,
    lost: u64,
    order: Option<Order>,
    phase: Phase,
}

#[derive(Default)]
enum Phase {
    #[default]
    Open,
    /// The log's thread ends once it has written all lines.
    Closing,
    /// It has ended, and left its output.
    Closed(Box<dyn Output>),
}

/// What becomes of the output, before the lines that come after.
pub(super) enum Order {
    /// Its file is opened anew.
    Reopen,
    /// Another takes its place.
    Replace(Box<dyn Output>),
}

/// What the log's thread does next.
pub(super) enum Next {
    Write(Vec<u8>),
    /// The time that it asked for has come.
    Tick,
    Output(Order),
    End,
}

/// How many lines may wait.
pub(super) const ROOM: usize = 1024;

impl Queue {
    pub(super) fn push(&self, line: &[u8]) {
        let mut state = self.lock();
        if state.lines.len() < ROOM {
            self.add(state, line);
        } else {
            state.lost += 1;
        }
    }

    /// Adds a line about the log itself. There are few of them, so there is always room.
    pub(super) fn push_own(&self, line: &[u8]) {
        self.add(self.lock(), line);
    }

    fn add(&self, mut state: MutexGuard<'_, State>, line: &[u8]) {
        if let Phase::Closed(output) = &mut state.phase {
            drop(output.put(line)); // nobody is left to tell
        } else {
            state.lines.push_back(line.to_owned());
            self.changed.notify_all();
        }
    }

    /// Counts lines that could not be written.
    pub(super) fn lose(&self, lines: u64) {
        self.lock().lost += lines;
    }

    /// Has the file re-opened.
    pub(super) fn reopen(&self) {
        self.lock().order.get_or_insert(Order::Reopen); // what takes its place has just been opened
        self.changed.notify_all();
    }

    /// Has another output take the place of this one.
    pub(super) fn replace(&self, output: Box<dyn Output>) {
        self.lock().order = Some(Order::Replace(output));
        self.changed.notify_all();
    }

    /// How many lines have been lost since the last call.
    pub(super) fn take_lost(&self) -> u64 {
        std::mem::take(&mut self.lock().lost)
    }

    /// Waits for the next line, until `tick`, or for the end.
    pub(super) fn next(&self, tick: Option<Instant>) -> Next {
        let mut state = self.lock();
        loop {
            let left = tick.map(|tick| tick.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Next::Tick;
            }
            if let Some(order) = state.order.take() {
                return Next::Output(order);
            }
            if let Some(line) = state.lines.pop_front() {
                return Next::Write(line);
            }
            if matches!(state.phase, Phase::Closing) {
                return Next::End;
            }
            state = match left {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(left) => self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
    }

    /// The log's thread ends, and leaves its output. What has come since it has seen no more is written.
    pub(super) fn closed(&self, mut output: Box<dyn Output>) {
        let mut state = self.lock();
        let lines = std::mem::take(&mut state.lines);
        lines.iter().for_each(|line| drop(output.put(line))); // nobody is left to tell
        state.phase = Phase::Closed(output);
        self.changed.notify_all();
    }

    /// Ends the log's thread once all lines have been written, and waits for that, but no longer than `patience`.
    pub(super) fn close(&self, patience: Duration) {
        let mut state = self.lock();
        state.phase = Phase::Closing;
        self.changed.notify_all();
        let is_closing = |state: &mut State| matches!(state.phase, Phase::Closing);
        drop(self.changed.wait_timeout_while(state, patience, is_closing)); // or given up
    }

    /// Nothing panics while the lock is held.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
