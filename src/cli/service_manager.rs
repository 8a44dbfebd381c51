use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use sd_notify::NotifyState;

/// A service manager such as systemd, where one wants to know how this program is (`NOTIFY_SOCKET`). It is told on a thread
/// of its own: one that does not listen holds nobody up.
#[derive(Clone)]
pub(super) struct ServiceManager(Option<Arc<SyncSender<News>>>);

/// What it is told.
#[derive(Clone, Copy, Debug)]
pub(super) enum News {
    /// This process serves, which is another one than before where it takes its place.
    Serving,
    Reloading,
    /// As before [`Reloading`](Self::Reloading).
    Reloaded,
    Stopping,
    Alive,
}

/// News that wait until it listens.
const WAITING: usize = 64;
/// The shortest pause between two signs of life.
const SHORTEST: Duration = Duration::from_millis(1);

impl ServiceManager {
    pub(super) fn find() -> io::Result<Self> {
        if std::env::var_os("NOTIFY_SOCKET").is_none() {
            return Ok(Self(None));
        }
        let (sender, news) = sync_channel(WAITING);
        thread::Builder::new().name("foobar-notify".to_owned()).spawn(move || tell_all(&news))?;
        Ok(Self(Some(Arc::new(sender))))
    }

    pub(super) fn tell(&self, news: News) {
        let told = self.0.as_ref().map_or(Ok(()), |sender| sender.try_send(news));
        if told.is_err() && !matches!(news, News::Alive) {
            tracing::warn!(?news, "the service manager does not listen, and is not told");
        }
    }

    /// Says again and again that this program is alive, where the service manager wants to know it (`WATCHDOG_USEC`): twice
    /// in the time after which it would end it. On the thread of the signals, so that it says whether that goes on.
    pub(super) async fn say_that_it_lives(&self) {
        let time = sd_notify::watchdog_enabled().filter(|time| !time.is_zero() && self.0.is_some());
        let Some(time) = time else { return std::future::pending().await };
        loop {
            self.tell(News::Alive);
            tokio::time::sleep((time / 2).max(SHORTEST)).await;
        }
    }
}

fn tell_all(all: &Receiver<News>) {
    while let Ok(news) = all.recv() {
        if let Err(error) = tell(news) {
            tracing::warn!(%error, ?news, "the service manager cannot be told how this program is (`NOTIFY_SOCKET`)");
        }
    }
}

fn tell(news: News) -> io::Result<()> {
    match news {
        News::Serving => sd_notify::notify(&[NotifyState::MainPid(std::process::id()), NotifyState::Ready]),
        News::Reloading => sd_notify::notify(&[NotifyState::Reloading, NotifyState::monotonic_usec_now()?]),
        News::Reloaded => sd_notify::notify(&[NotifyState::Ready]),
        News::Stopping => sd_notify::notify(&[NotifyState::Stopping]),
        News::Alive => sd_notify::notify(&[NotifyState::Watchdog]),
    }
}
