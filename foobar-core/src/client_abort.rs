use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::Method;

/// What becomes of a handler whose client goes before it is answered: it is cancelled, which drops it where it waits,
/// or it runs to its end.
///
/// The web tier puts one into the extensions of each request: `GET` and `HEAD`, which change nothing, are cancelled,
/// and every other method runs to its end. Whoever answers may decide otherwise for its request, as long as the client
/// is there.
///
/// A handler that runs on is counted as before: against its connection, the streams of that, and its client's address;
/// and a drain waits for it. Its answer is dropped.
#[derive(Clone, Debug)]
pub struct ClientAbort(Arc<AtomicBool>);

impl ClientAbort {
    /// That of a request of this method.
    pub fn of(method: &Method) -> Self {
        Self(Arc::new(AtomicBool::new(!matches!(*method, Method::GET | Method::HEAD))))
    }

    /// Cancels the handler when its client goes.
    pub fn cancel(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    /// Lets the handler run to its end.
    pub fn run_to_end(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it does.
    pub fn runs_to_end(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// What the handler's `work` comes to; `None` where `gone` completes before it, as the client goes. Then the work
    /// is dropped where it waits, or what it comes to at its end.
    pub async fn unless_gone<T>(&self, work: impl Future<Output = T>, gone: impl Future<Output = ()>) -> Option<T> {
        let mut work = pin!(work);
        tokio::select! {
            biased;
            () = gone => {}
            outcome = &mut work => return Some(outcome),
        }
        if self.runs_to_end() {
            drop(work.await);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_get_and_head_are_cancelled_unless_somebody_decides_otherwise() {
        for (method, runs_to_end) in [("GET", false), ("HEAD", false), ("POST", true), ("DELETE", true), ("BREW", true)]
        {
            let abort = ClientAbort::of(&Method::from_bytes(method.as_bytes()).unwrap());
            assert_eq!(abort.runs_to_end(), runs_to_end, "{method}");
            let shared = abort.clone();
            shared.run_to_end();
            assert!(abort.runs_to_end(), "{method}");
            shared.cancel();
            assert!(!abort.runs_to_end(), "{method}");
        }
    }
}
