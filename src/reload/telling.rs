use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use foobar_app::AppTier;
use foobar_core::{Chain, on_own_thread_in, panics};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};
use tokio::time::timeout;
use tracing::instrument::WithSubscriber;

/// How the application is told of reloads: of one at a time, on a thread of its own, since it may block.
#[derive(Default)]
pub(crate) struct Telling {
    /// Held by the thread that tells it, also where nobody waits for that any more.
    turn: Arc<Mutex<()>>,
    /// Whether there has been a reload of which the thread that has the turn is to tell too.
    is_behind: AtomicBool,
}

impl Telling {
    /// What the application says of a failure of its own, which takes nothing back.
    pub(super) async fn tell(self: &Arc<Self>, app: &Arc<dyn AppTier>, runtime: &Handle) -> Result<(), String> {
        let Some(turn) = self.turn().await else {
            return Err(
                "`App::reloaded` of a reload before has not returned; it is called again once it has".to_owned()
            );
        };
        let (answer, answered) = oneshot::channel();
        let work = Arc::clone(self).work(turn, Arc::clone(app), answer);
        let handle = runtime.clone();
        let thread = async move { on_own_thread_in(&handle, "app-reloaded", work).await };
        let thread = runtime.spawn(thread.with_current_subscriber()); // it goes on where nobody waits for it any more
        match timeout(TIME, answered).await {
            Ok(Ok(told)) => told,
            Ok(Err(_no_answer)) => match thread.await {
                Ok(Err(error)) => Err(Chain(&error).to_string()),
                _ => Err("its runtime has been shut down".to_owned()),
            },
            Err(_elapsed) => Err(late()),
        }
    }

    /// `None` where whoever has it does not give it back in time, and tells of this reload too.
    async fn turn(&self) -> Option<OwnedMutexGuard<()>> {
        if let Ok(turn) = timeout(TIME, Arc::clone(&self.turn).lock_owned()).await {
            return Some(turn);
        }
        self.is_behind.store(true, SeqCst);
        self.try_turn() // it may have been given back before that was seen
    }

    fn try_turn(&self) -> Option<OwnedMutexGuard<()>> {
        Arc::clone(&self.turn).try_lock_owned().ok()
    }

    /// Tells it, and again as long as there has been another reload meanwhile.
    async fn work(
        self: Arc<Self>,
        mut turn: OwnedMutexGuard<()>,
        app: Arc<dyn AppTier>,
        answer: oneshot::Sender<Result<(), String>>,
    ) {
        let mut answer = Some(answer);
        loop {
            self.is_behind.store(false, SeqCst); // before it is asked for the newest configuration
            let told = once(&*app).await;
            match answer.take() {
                Some(answer) => drop(answer.send(told)), // whoever waited has been told that it is late
                None => told.unwrap_or_else(|error| tracing::warn!("{NOT_TAKEN}: {error}")),
            }
            drop(turn);
            if !self.is_behind.load(SeqCst) {
                return;
            }
            let Some(next) = self.try_turn() else { return }; // whoever has it tells of the newest configuration
            turn = next;
        }
    }
}

async fn once(app: &dyn AppTier) -> Result<(), String> {
    match timeout(TIME, panics::catch_future(async { app.reloaded().await })).await {
        Ok(Ok(Ok(()))) => Ok(()),
        Ok(Ok(Err(error))) => Err(Chain(&*error).to_string()),
        Ok(Err(panic)) => Err(format!("`App::reloaded` {panic}")),
        Err(_elapsed) => Err(late()),
    }
}

fn late() -> String {
    format!("`App::reloaded` has not returned within {TIME:?}")
}

pub(super) const NOT_TAKEN: &str = "the application has not taken the new configuration";
/// How long the application may take for what it does with a new configuration. The rest of it is in use by then.
const TIME: Duration = Duration::from_secs(5);
