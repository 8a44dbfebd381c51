//! Signals that end the command: what it has begun is dropped first, and so removed.

use std::fmt;
use std::io;

use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// A signal that ends the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interruption {
    HangUp,
    Interrupt,
    Quit,
    Terminate,
}

impl Interruption {
    const fn kind(self) -> SignalKind {
        match self {
            Self::HangUp => SignalKind::hangup(),
            Self::Interrupt => SignalKind::interrupt(),
            Self::Quit => SignalKind::quit(),
            Self::Terminate => SignalKind::terminate(),
        }
    }

    /// What a shell says of a program that a signal has ended: 128 and its number.
    pub(super) const fn exit_code(self) -> u8 {
        match self {
            Self::HangUp => 129,
            Self::Interrupt => 130,
            Self::Quit => 131,
            Self::Terminate => 143,
        }
    }
}

impl fmt::Display for Interruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HangUp => "SIGHUP",
            Self::Interrupt => "SIGINT",
            Self::Quit => "SIGQUIT",
            Self::Terminate => "SIGTERM",
        })
    }
}

/// What `work` gives; the signal that came first, where one did: then `work` is dropped where it waits.
pub(super) fn until_interrupted<T>(work: impl Future<Output = T>) -> io::Result<Result<T, Interruption>> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let mut signals = Signals::install()?;
        Ok(tokio::select! {
            biased;
            interruption = signals.next() => Err(interruption),
            done = work => Ok(done),
        })
    })
}

struct Signals {
    hang_up: Signal,
    interrupt: Signal,
    quit: Signal,
    terminate: Signal,
}

impl Signals {
    fn install() -> io::Result<Self> {
        Ok(Self {
            hang_up: signal(Interruption::HangUp.kind())?,
            interrupt: signal(Interruption::Interrupt.kind())?,
            quit: signal(Interruption::Quit.kind())?,
            terminate: signal(Interruption::Terminate.kind())?,
        })
    }

    async fn next(&mut self) -> Interruption {
        tokio::select! {
            _ = self.hang_up.recv() => Interruption::HangUp,
            _ = self.interrupt.recv() => Interruption::Interrupt,
            _ = self.quit.recv() => Interruption::Quit,
            _ = self.terminate.recv() => Interruption::Terminate,
        }
    }
}
