use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Hands work to threads: the item that came first, to the thread that was used last. What the allocator keeps for a
/// thread after a large result is used again, and threads that are not needed keep nothing.
pub(crate) struct Queue<T>(Mutex<State<T>>);

struct State<T> {
    items: VecDeque<T>,
    /// The threads that wait, the one that was used last behind all others.
    idle: Vec<Arc<Condvar>>,
    closed: bool,
}

impl<T> Queue<T> {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(State { items: VecDeque::new(), idle: Vec::new(), closed: false }))
    }

    /// Adds `item`, unless the queue is closed.
    pub(crate) fn push(&self, item: T) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        state.items.push_back(item);
        let thread = state.idle.pop();
        drop(state); // else it would wake to wait for that
        if let Some(thread) = thread {
            thread.notify_one();
        }
    }

    /// The next item, as soon as there is one; `None` once the queue is closed and empty. `thread` is the caller's own.
    pub(crate) fn pop(&self, thread: &Arc<Condvar>) -> Option<T> {
        let mut state = self.lock();
        loop {
            if let Some(item) = state.items.pop_front() {
                return Some(item);
            }
            if state.closed {
                return None;
            }
            state.idle.push(Arc::clone(thread));
            state = thread.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle.retain(|idle| !Arc::ptr_eq(idle, thread)); // it may have woken by itself
        }
    }

    /// Takes nothing new; what is in it will still be handed out.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.idle.drain(..).for_each(|thread| thread.notify_one());
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn work_goes_to_the_thread_that_was_used_last() {
        let queue = Queue::new();
        let (done, outcomes) = mpsc::channel();
        std::thread::scope(|scope| {
            for number in 0..4 {
                let (queue, done) = (&queue, done.clone());
                scope.spawn(move || {
                    let own = Arc::default();
                    while let Some(()) = queue.pop(&own) {
                        done.send(number).unwrap();
                    }
                });
            }
            let all_idle = || {
                while queue.lock().idle.len() < 4 {
                    std::thread::yield_now();
                }
            };
            all_idle();
            queue.push(());
            let first = outcomes.recv().unwrap();
            for _round in 0..20 {
                all_idle();
                queue.push(());
                assert_eq!(outcomes.recv().unwrap(), first);
            }
            queue.close();
        });
    }

    #[test]
    fn what_was_pushed_before_the_close_is_handed_out_in_its_order_and_nothing_after_it() {
        let (queue, own) = (Queue::new(), Arc::default());
        queue.push(1);
        queue.push(2);
        queue.close();
        queue.push(3);
        assert_eq!([queue.pop(&own), queue.pop(&own), queue.pop(&own)], [Some(1), Some(2), None]);
    }
}
