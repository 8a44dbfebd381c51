//! Panics that are caught, so that they are reported once and with their place.
//!
//! [`catch`] and [`catch_future`] turn a panic into a [`Panic`], which whoever caught it reports. A program that
//! installs a panic hook asks [`is_caught`] there: such a panic is not the hook's to report.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// A panic that was caught: what it said and, where the program's hook has called [`is_caught`], where it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panic {
    message: String,
    place: Option<String>,
}

/// Runs `work`, and catches its panic.
pub fn catch<T>(work: impl FnOnce() -> T) -> Result<T, Panic> {
    let _catching = Catching::begin();
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| Panic::new(&*payload))
}

/// Runs `future`, and catches its panic.
pub async fn catch_future<F: Future>(future: F) -> Result<F::Output, Panic> {
    let mut future = pin!(future);
    std::future::poll_fn(|cx| match catch(|| future.as_mut().poll(cx)) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}

/// For a panic hook: whether the panic is caught on this thread and reported there. Remembers its place if so.
pub fn is_caught(info: &PanicHookInfo<'_>) -> bool {
    let caught = DEPTH.get() > 0;
    if caught {
        PLACE.set(info.location().map(ToString::to_string));
    }
    caught
}

thread_local! {
    /// How many catches are around what runs on this thread.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    /// Where the last caught panic of this thread happened.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Counts a catch for as long as it lives.
struct Catching;

impl Catching {
    fn begin() -> Self {
        DEPTH.set(DEPTH.get() + 1);
        Self
    }
}

impl Drop for Catching {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
    }
}

impl Panic {
    fn new(payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<&str>().copied().or(payload.downcast_ref::<String>().map(String::as_str));
        Self { message: text.unwrap_or("a panic without a message").to_owned(), place: PLACE.take() }
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(f, "panicked at {place}: {}", self.message),
            None => write!(f, "panicked: {}", self.message),
        }
    }
}

impl std::error::Error for Panic {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caught_panic_keeps_its_message() {
        assert_eq!(catch(|| 1), Ok(1));
        let panic = catch(|| panic!("number {}", 7)).expect_err("it panics");
        assert_eq!(panic.to_string(), "panicked: number 7");
        assert_eq!(DEPTH.get(), 0);
    }

    #[tokio::test]
    async fn a_future_is_caught_at_whichever_poll_it_panics() {
        let future = async {
            tokio::task::yield_now().await;
            panic!("later")
        };
        let caught: Result<(), Panic> = catch_future(future).await;
        assert_eq!(caught.expect_err("it panics").to_string(), "panicked: later");
    }
}
