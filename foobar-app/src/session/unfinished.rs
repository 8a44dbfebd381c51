use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::mem::take;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use tokio::sync::oneshot;

/// What a request has begun to keep of its session, an `S`. It can be brought to its end where whoever has waited for it is
/// gone, as the handler is at the deadline of the request: what the database has then, the browser has to know.
pub(super) struct Unfinished<S>(Cell<Option<Begun<S>>>);

struct Begun<S> {
    work: Work<S>,
    waiting: Arc<Waiting>,
}

type Work<S> = Pin<Box<dyn Future<Output = Finish<S>>>>;

/// What is left to do once it is kept.
type Finish<S> = Box<dyn FnOnce(&S)>;

/// All who wait for it, each in a task of its own: whoever has polled last may be gone.
#[derive(Default)]
struct Waiting(Mutex<Vec<Waker>>);

impl Waiting {
    fn add(&self, waker: &Waker) {
        let mut wakers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !wakers.iter().any(|known| known.will_wake(waker)) {
            wakers.push(waker.clone());
        }
    }

    fn wake_all(&self) {
        let wakers = take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Wake for Waiting {
    fn wake(self: Arc<Self>) {
        self.wake_all();
    }
}

impl<S> Default for Unfinished<S> {
    fn default() -> Self {
        Self(Cell::default())
    }
}

impl<S> Unfinished<S> {
    /// Gives what `finish` makes of the outcome of `work`. Of two at once the second waits for the first.
    pub(super) async fn run<W: 'static, T: 'static>(
        &self,
        session: &S,
        work: impl Future<Output = W> + 'static,
        finish: impl FnOnce(&S, W) -> T + 'static,
    ) -> T {
        self.finish(session).await;
        let (done, mut is_done) = oneshot::channel();
        let work = Box::pin(async {
            let worked = work.await;
            Box::new(move |session: &S| _ = done.send(finish(session, worked))) as Finish<S> // or nobody waits any more
        });
        self.0.set(Some(Begun { work, waiting: Arc::default() }));
        let both = poll_fn(|context| {
            _ = self.poll(session, context); // the channel says when
            Pin::new(&mut is_done).poll(context)
        });
        both.await.expect("whoever brings it to its end says so")
    }

    /// Brings to its end what was begun.
    pub(super) async fn finish(&self, session: &S) {
        poll_fn(|context| self.poll(session, context)).await;
    }

    fn poll(&self, session: &S, context: &mut Context<'_>) -> Poll<()> {
        let Some(mut begun) = self.0.take() else { return Poll::Ready(()) };
        begun.waiting.add(context.waker());
        let waker = Waker::from(Arc::clone(&begun.waiting));
        match begun.work.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(finish) => {
                finish(session);
                begun.waiting.wake_all();
                Poll::Ready(())
            }
            Poll::Pending => {
                self.0.set(Some(begun));
                Poll::Pending
            }
        }
    }

    /// Whether something has begun and not ended.
    #[cfg(test)]
    pub(super) fn is_some(&self) -> bool {
        let work = self.0.take();
        let is_some = work.is_some();
        self.0.set(work);
        is_some
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

    use futures_util::FutureExt;
    use futures_util::future::join;

    use super::*;

    type Log = RefCell<Vec<&'static str>>;

    fn finish(log: &Log, worked: Result<&'static str, oneshot::error::RecvError>) -> usize {
        log.borrow_mut().push(worked.expect("it was sent"));
        log.borrow().len()
    }

    #[tokio::test]
    async fn what_was_begun_ends_where_nobody_waits_for_it_any_more() {
        let (log, unfinished) = (Log::default(), Unfinished::default());
        let (done, is_done) = oneshot::channel();
        assert_eq!(unfinished.run(&log, is_done, finish).now_or_never(), None);
        assert!(unfinished.is_some() && unfinished.finish(&log).now_or_never().is_none());
        done.send("kept").unwrap();
        unfinished.finish(&log).await;
        assert!(!unfinished.is_some());
        assert_eq!(log.into_inner(), ["kept"]);
    }

    #[tokio::test]
    async fn of_two_at_once_the_second_begins_after_the_first() {
        let (log, unfinished) = (Log::default(), Unfinished::default());
        let (done, is_done) = oneshot::channel();
        let second = async {
            log.borrow_mut().push("asked");
            done.send("first").unwrap();
            unfinished.run(&log, async { Ok("second") }, finish).await
        };
        assert_eq!(join(unfinished.run(&log, is_done, finish), second).await, (2, 3));
        assert_eq!(log.into_inner(), ["asked", "first", "second"]);
    }

    #[derive(Default)]
    struct Task(AtomicBool);

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Relaxed);
        }
    }

    #[tokio::test]
    async fn of_tasks_that_wait_each_is_woken() {
        let (log, unfinished) = (Log::default(), Unfinished::default());
        let (done, is_done) = oneshot::channel();
        assert_eq!(unfinished.run(&log, is_done, finish).now_or_never(), None);
        let tasks: [Arc<Task>; 2] = Default::default();
        for task in &tasks {
            let waker = Waker::from(Arc::clone(task));
            assert!(unfinished.poll(&log, &mut Context::from_waker(&waker)).is_pending());
        }
        done.send("kept").unwrap();
        assert!(tasks.iter().all(|task| task.0.load(Relaxed)));
    }

    #[tokio::test]
    async fn without_anything_begun_there_is_nothing_to_wait_for() {
        assert!(Unfinished::default().finish(&()).now_or_never().is_some());
    }
}
