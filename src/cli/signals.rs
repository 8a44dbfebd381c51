use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that a server hears, as nginx does: SIGTERM, SIGINT and SIGQUIT stop it, SIGHUP has it read its configuration
/// again, SIGUSR1 open its logs anew, SIGUSR2 has a new program take its place.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
    hang_up: Signal,
    reopen: Signal,
    upgrade: Signal,
    /// Whether SIGHUP has come when there was nothing to reload yet.
    reload_later: bool,
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Stop,
    Reload,
    Reopen,
    Upgrade,
}

/// Those that are heard from the beginning, when they would end the program otherwise: SIGHUP, SIGUSR1 and SIGUSR2. Those that
/// stop it end it as long as there is nothing to be stopped.
pub(super) struct EarlySignals {
    hang_up: Signal,
    reopen: Signal,
    upgrade: Signal,
}

impl EarlySignals {
    pub(super) fn install() -> io::Result<Self> {
        Ok(Self {
            hang_up: signal(SignalKind::hangup())?,
            reopen: signal(SignalKind::user_defined1())?,
            upgrade: signal(SignalKind::user_defined2())?,
        })
    }

    pub(super) fn install_all(self) -> io::Result<Signals> {
        let Self { hang_up, reopen, upgrade } = self;
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            hang_up,
            reopen,
            upgrade,
            reload_later: false,
        })
    }
}

impl Signals {
    pub(super) fn install() -> io::Result<Self> {
        EarlySignals::install()?.install_all()
    }

    /// Completes at the next signal to stop, where there is nothing that others could change. A reload comes later.
    pub(super) async fn stop(&mut self) {
        loop {
            match self.wait().await {
                Order::Stop => return,
                Order::Reload => self.reload_later = true,
                Order::Reopen => {}
                Order::Upgrade => tracing::warn!("SIGUSR2 does nothing: the server is starting or stopping"),
            }
        }
    }

    /// The next order.
    pub(super) async fn next(&mut self) -> Order {
        if std::mem::take(&mut self.reload_later) { Order::Reload } else { self.wait().await }
    }

    async fn wait(&mut self) -> Order {
        tokio::select! {
            _ = self.terminate.recv() => Order::Stop,
            _ = self.interrupt.recv() => Order::Stop,
            _ = self.quit.recv() => Order::Stop,
            _ = self.reopen.recv() => Order::Reopen,
            _ = self.hang_up.recv() => Order::Reload,
            _ = self.upgrade.recv() => Order::Upgrade,
        }
    }
}
