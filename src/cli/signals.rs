use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGTERM, SIGINT and SIGQUIT, which stop, SIGUSR1, which opens the access log anew as in nginx, and those that are
/// orders to nginx and must not end this process: SIGHUP and SIGUSR2.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
    hang_up: Signal,
    reopen: Signal,
    upgrade: Signal,
}

impl Signals {
    pub(super) fn install() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            hang_up: signal(SignalKind::hangup())?,
            reopen: signal(SignalKind::user_defined1())?,
            upgrade: signal(SignalKind::user_defined2())?,
        })
    }

    /// Completes at the next signal to stop.
    pub(super) async fn next(&mut self) {
        self.serve(|| {}).await;
    }

    /// The same, with what SIGUSR1 does.
    pub(super) async fn serve(&mut self, reopen: impl Fn()) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.quit.recv() => return,
                _ = self.reopen.recv() => reopen(),
                _ = self.hang_up.recv() => tracing::warn!("SIGHUP does nothing: to take a new configuration, restart"),
                _ = self.upgrade.recv() => tracing::warn!("SIGUSR2 does nothing: to run a new program, restart"),
            }
        }
    }
}
