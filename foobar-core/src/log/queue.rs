use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::format::LogFormat;
use super::output::Output;

/// The lines on their way to the log's thread. Adding one never waits for a reader: without room it is lost, and
/// counted.
///
/// Once that thread has ended, whoever adds a line writes it: nobody else would.
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    waiting: VecDeque<Waiting>,
    /// How the next line has to look.
    format: LogFormat,
    lost: u64,
    reopen: bool,
    phase: Phase,
}

/// What the log's thread comes to in its turn.
enum Waiting {
    Line(Vec<u8>),
    /// Another output, for the lines after it.
    Output(Box<dyn Output>),
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

/// What the log's thread does next.
pub(super) enum Next {
    Write(Vec<u8>),
    /// The time that it asked for has come.
    Tick,
    /// The file of the output is opened anew.
    Reopen,
    /// Another output takes the place of this one.
    Replace(Box<dyn Output>),
    End,
}

/// How many lines may wait.
pub(super) const ROOM: usize = 1024;

impl Queue {
    pub(super) fn new(format: LogFormat) -> Self {
        let (waiting, phase) = (VecDeque::new(), Phase::default());
        let state = State { waiting, format, lost: 0, reopen: false, phase };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// How lines look now.
    pub(super) fn format(&self) -> LogFormat {
        self.lock().format
    }

    /// Adds a line in this format, or gives the one that holds by now. There is always room for a line of the log's
    /// own: there are few of them.
    pub(super) fn push(&self, line: Vec<u8>, format: LogFormat, own: bool) -> Result<(), LogFormat> {
        let mut state = self.lock();
        if state.format != format {
            return Err(state.format);
        }
        if let Phase::Closed(output) = &mut state.phase {
            drop(output.put(&line)); // nobody is left to tell
        } else if own || state.waiting.len() < ROOM {
            state.waiting.push_back(Waiting::Line(line));
            self.changed.notify_all();
        } else {
            state.lost += 1;
        }
        Ok(())
    }

    /// Counts lines that could not be written.
    pub(super) fn lose(&self, lines: u64) {
        self.lock().lost += lines;
    }

    /// Has the file re-opened.
    pub(super) fn reopen(&self) {
        self.lock().reopen = true;
        self.changed.notify_all();
    }

    /// Has another output take the place of this one, and lines in this format go there. Those that wait go to the one
    /// before.
    pub(super) fn replace(&self, output: Box<dyn Output>, format: LogFormat) {
        let mut state = self.lock();
        state.format = format;
        match &mut state.phase {
            Phase::Closed(before) => *before = output,
            Phase::Open | Phase::Closing => state.waiting.push_back(Waiting::Output(output)),
        }
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
            if std::mem::take(&mut state.reopen) {
                return Next::Reopen;
            }
            match state.waiting.pop_front() {
                Some(Waiting::Line(line)) => return Next::Write(line),
                Some(Waiting::Output(output)) => return Next::Replace(output),
                None => {}
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
        for waiting in std::mem::take(&mut state.waiting) {
            match waiting {
                Waiting::Line(line) => drop(output.put(&line)), // nobody is left to tell
                Waiting::Output(other) => output = other,
            }
        }
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
