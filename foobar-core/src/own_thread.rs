use std::io;
use std::thread;

use tokio::runtime::Handle;
use tokio::select;
use tokio::sync::oneshot;
use tracing::instrument::WithSubscriber;

use crate::panics::{self, Panic};

/// Runs somebody else's `work` on a thread of its own, so that code in it that blocks holds nobody else.
///
/// The thread drives the work alone: what the work spawns lives on the caller's tokio runtime, which also has its
/// timers and sockets. Dropping this future drops the work once it no longer blocks.
///
/// # Errors
///
/// The outer one if the thread cannot be started, the inner one if the work panicked.
///
/// # Panics
///
/// Outside a tokio runtime.
pub async fn on_own_thread<T: Send + 'static>(
    name: &str,
    work: impl Future<Output = T> + Send + 'static,
) -> io::Result<Result<T, Panic>> {
    on_own_thread_in(&Handle::current(), name, work).await
}

/// The same with what the work spawns, its timers and its sockets on another `runtime`.
pub async fn on_own_thread_in<T: Send + 'static>(
    runtime: &Handle,
    name: &str,
    work: impl Future<Output = T> + Send + 'static,
) -> io::Result<Result<T, Panic>> {
    let runtime = runtime.clone();
    let (mut result, outcome) = oneshot::channel();
    let work = async move {
        let done = select! {
            biased;
            () = result.closed() => return,
            done = panics::catch_future(work) => done,
        };
        drop(result.send(done)); // nobody waits for it any more
    };
    let work = work.with_current_subscriber();
    thread::Builder::new().name(name.to_owned()).spawn(move || runtime.block_on(work))?;
    outcome.await.map_err(|_| io::Error::other("its runtime has been shut down"))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn work_that_blocks_does_not_hold_the_callers_thread() {
        let (release, blocked) = mpsc::channel::<()>();
        let work = on_own_thread("blocking", async move { blocked.recv().is_ok() });
        let waiter = async { release.send(()).expect("it waits") };
        let (done, ()) = tokio::join!(work, waiter);
        assert_eq!(done.expect("a thread starts"), Ok(true));
    }

    #[tokio::test]
    async fn its_timers_and_tasks_are_those_of_the_callers_runtime() {
        let work = on_own_thread("waiting", async {
            assert!(timeout(Duration::from_millis(1), std::future::pending::<()>()).await.is_err());
            tokio::spawn(async { 7 }).await.ok()
        });
        assert_eq!(work.await.expect("a thread starts"), Ok(Some(7)));
    }

    #[tokio::test]
    async fn a_panic_is_returned() {
        let done: Result<(), Panic> =
            on_own_thread("panicking", async { panic!("a bug") }).await.expect("a thread starts");
        assert_eq!(done.expect_err("it panics").to_string(), "panicked: a bug");
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_any_more_is_dropped() {
        let (alive, dropped) = oneshot::channel::<()>();
        let work = on_own_thread("abandoned", async move {
            let _alive = alive;
            std::future::pending::<()>().await;
        });
        assert!(timeout(Duration::from_millis(1), work).await.is_err());
        assert!(dropped.await.is_err());
    }
}
