use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{SetOnce, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{timeout, timeout_at};

use crate::{BoxError, Chain, panics};

/// What a [`PersistentStart`] starts.
pub trait Attempt: Send + Sync + 'static {
    /// Why an attempt fails.
    type Error: Error + Send + Sync;

    /// The name of the tier, for the log.
    const TIER: &'static str;

    /// Tries once to start. What an attempt before it has done stands. It must not block: all but the first run on the
    /// runtime of whoever started the tier.
    fn attempt(&self) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Whether a later attempt may succeed.
    fn may_pass(error: &Self::Error) -> bool;

    /// Makes known, in the tier's readiness, why it has not started yet or cannot start.
    fn explain(&self, error: &(dyn Error + 'static));
}

/// The start of a tier, which goes on trying in the background where what it needs is not there.
///
/// The log has each reason to wait once, when it is a new one. A failure that cannot pass, also a panic, ends the
/// start: at the first attempt it is the error of [`start`](Self::start), later that of [`failed`](Self::failed).
pub struct PersistentStart<T> {
    what: Arc<T>,
    failure: Arc<SetOnce<Failure>>,
    waiting: Mutex<Option<Waiting>>,
}

/// An error that can be told more than once.
type Failure = Arc<dyn Error + Send + Sync>;

/// The task that goes on trying, until it is told to stop or what tells it is dropped.
struct Waiting {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

impl<T: Attempt> PersistentStart<T> {
    /// Of `what`; nothing is tried yet.
    pub fn new(what: Arc<T>) -> Self {
        Self { what, failure: Arc::default(), waiting: Mutex::default() }
    }

    /// Tries to start; where that fails for now, it goes on in the background and this is `Ok`.
    pub async fn start(&self) -> Result<(), BoxError> {
        let mut attempts = Attempts { what: Arc::clone(&self.what), reason: String::new() };
        if attempts.next().await? == Outcome::Waits {
            let (stop, stopped) = oneshot::channel();
            let task = tokio::spawn(attempts.go_on(stopped, Arc::clone(&self.failure)));
            *self.waiting() = Some(Waiting { stop, task });
        }
        Ok(())
    }

    /// Completes when a later attempt has failed for good, with its error.
    pub async fn failed(&self) -> BoxError {
        Arc::clone(self.failure.wait().await).into()
    }

    /// Begins no further attempt, and waits until `deadline` for the end of one that has begun.
    pub async fn stop(&self, deadline: Instant) {
        let Some(Waiting { stop, mut task }) = self.waiting().take() else { return };
        drop(stop);
        if timeout_at(deadline.into(), &mut task).await.is_err() {
            task.abort();
        }
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Option<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner) // it is whole at any time
    }
}

/// One attempt after the other.
struct Attempts<T> {
    what: Arc<T>,
    /// Why the last one failed.
    reason: String,
}

/// What comes of an attempt that has not failed for good.
#[derive(PartialEq)]
enum Outcome {
    Started,
    Waits,
}

impl<T: Attempt> Attempts<T> {
    async fn next(&mut self) -> Result<Outcome, BoxError> {
        let outcome = panics::catch_future(self.what.attempt()).await;
        match outcome.inspect_err(|panic| self.what.explain(panic))? {
            Ok(()) => Ok(Outcome::Started),
            Err(error) => {
                self.what.explain(&error);
                if !T::may_pass(&error) {
                    return Err(error.into());
                }
                self.log(&error);
                Ok(Outcome::Waits)
            }
        }
    }

    fn log(&mut self, error: &T::Error) {
        let reason = Chain(error).to_string();
        if reason != self.reason {
            tracing::warn!(tier = T::TIER, reason, "cannot start yet, and tries again");
            self.reason = reason;
        }
    }

    async fn go_on(mut self, mut stopped: oneshot::Receiver<()>, failure: Arc<SetOnce<Failure>>) {
        let mut pause = FIRST_PAUSE;
        while timeout(pause, &mut stopped).await.is_err() {
            match self.next().await {
                Ok(Outcome::Waits) => pause = (pause * 2).min(LONGEST_PAUSE),
                Ok(Outcome::Started) => return tracing::info!(tier = T::TIER, "has started, after a wait"),
                Err(error) => return drop(failure.set(error.into())), // it is set here alone
            }
        }
    }
}

#[cfg(test)]
mod tests;
