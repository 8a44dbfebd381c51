use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use futures_util::FutureExt;
use tokio::sync::Semaphore;

use super::*;

/// A start that goes as it is told, one attempt after the other.
struct Script {
    outcomes: Mutex<VecDeque<End>>,
    /// Why it has not started.
    said: Mutex<String>,
    begun: AtomicUsize,
    /// One for each attempt that may end.
    gate: Semaphore,
}

#[derive(Clone, Copy)]
enum End {
    Starts,
    Waits,
    Fails,
    Panics,
}

use End::{Fails, Panics, Starts, Waits};

#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("the sea is rough")]
    Passing,
    #[error("there is no ship")]
    Lasting,
}

impl Attempt for Script {
    type Error = Trouble;

    const TIER: &'static str = "ship";

    async fn attempt(&self) -> Result<(), Trouble> {
        self.begun.fetch_add(1, SeqCst);
        self.gate.acquire().await.expect("it is open").forget();
        let outcome = self.outcomes.lock().unwrap().pop_front().expect("the script has an end");
        match outcome {
            Starts => Ok(()),
            Waits => Err(Trouble::Passing),
            Fails => Err(Trouble::Lasting),
            Panics => panic!("man overboard"),
        }
    }

    fn may_pass(error: &Trouble) -> bool {
        matches!(error, Trouble::Passing)
    }

    fn explain(&self, error: &(dyn Error + 'static)) {
        *self.said.lock().unwrap() = error.to_string();
    }
}

/// A start of which this many attempts may end.
fn start(outcomes: &[End], may_end: usize) -> (PersistentStart<Script>, Arc<Script>) {
    let outcomes = Mutex::new(outcomes.iter().copied().collect());
    let script = Arc::new(Script {
        outcomes,
        said: Mutex::default(),
        begun: AtomicUsize::new(0),
        gate: Semaphore::new(may_end),
    });
    (PersistentStart::new(Arc::clone(&script)), script)
}

fn far() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_first_attempt_that_fails_for_good_or_panics_is_the_error_of_the_start() {
    for (outcome, error) in [(Fails, "there is no ship"), (Panics, "panicked: man overboard")] {
        let (start, _) = start(&[outcome], 1);
        assert_eq!(start.start().await.unwrap_err().to_string(), error);
    }
}

#[tokio::test]
async fn what_may_pass_is_tried_again_until_it_starts() {
    let (start, script) = start(&[Waits, Waits, Starts], 3);
    start.start().await.unwrap();
    assert_eq!(*script.said.lock().unwrap(), "the sea is rough");
    until(|| script.outcomes.lock().unwrap().is_empty()).await;
    start.stop(far()).await;
    assert!(start.failed().now_or_never().is_none());
}

#[tokio::test]
async fn a_later_attempt_that_fails_for_good_or_panics_is_told_as_often_as_one_asks() {
    for (outcome, error) in [(Fails, "there is no ship"), (Panics, "panicked: man overboard")] {
        let (start, script) = start(&[Waits, outcome], 2);
        start.start().await.unwrap();
        for _ in 0..2 {
            assert_eq!(start.failed().await.to_string(), error);
            assert_eq!(*script.said.lock().unwrap(), error);
        }
    }
}

#[tokio::test]
async fn a_stop_waits_for_the_attempt_that_has_begun_and_begins_no_other() {
    let (start, script) = start(&[Waits, Waits, Starts], 1);
    start.start().await.unwrap();
    until(|| script.begun.load(SeqCst) == 2).await;
    let mut stop = Box::pin(start.stop(far()));
    assert!((&mut stop).now_or_never().is_none());
    script.gate.add_permits(2);
    stop.await;
    assert_eq!(script.begun.load(SeqCst), 2);
}

#[tokio::test]
async fn a_stop_gives_an_attempt_up_at_its_deadline() {
    let (start, script) = start(&[Waits, Starts], 1);
    start.start().await.unwrap();
    until(|| script.begun.load(SeqCst) == 2).await;
    start.stop(Instant::now()).await;
    until(|| Arc::strong_count(&script) == 2).await;
}
