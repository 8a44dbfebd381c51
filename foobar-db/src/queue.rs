use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Hands work to threads: the item that came first, to the thread that was used last. What the allocator keeps for a
/// thread after a large result is used again, and threads that are not needed keep nothing.
///
/// A thread that is done takes the next item itself: nobody has to be woken to hand it over.
pub(crate) struct Queue<T>(Mutex<State<T>>);

struct State<T> {
    /// In their order, with their numbers.
    items: VecDeque<(u64, T)>,
    /// The number of the next item.
    next: u64,
    /// How many threads have nothing to do. That many items are certain to be taken at once; those behind them wait.
    free: usize,
    /// The threads that sleep, the one that was used last behind all others.
    idle: Vec<Arc<Condvar>>,
    closed: bool,
}

/// Where an item stands.
pub(crate) struct Place {
    number: u64,
    /// Whether no thread was free for it.
    pub(crate) waits: bool,
}

/// Why an item is not taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Closed,
    /// As many wait as may.
    Full,
}

impl<T> Queue<T> {
    /// For this many threads, which are free.
    pub(crate) const fn new(threads: usize) -> Self {
        let free = threads;
        Self(Mutex::new(State { items: VecDeque::new(), next: 0, free, idle: Vec::new(), closed: false }))
    }

    /// Adds `item`, unless it would wait and `most` do already.
    pub(crate) fn push(&self, item: T, most: usize) -> Result<Place, Refused> {
        let mut state = self.lock();
        if state.closed {
            return Err(Refused::Closed);
        }
        let waits = state.items.len() >= state.free;
        if waits && state.waiting() >= most {
            return Err(Refused::Full);
        }
        let number = state.next;
        state.next += 1;
        state.items.push_back((number, item));
        let thread = state.idle.pop();
        drop(state); // or it would wake up only to wait for the lock
        if let Some(thread) = thread {
            thread.notify_one();
        }
        Ok(Place { number, waits })
    }

    /// The next item, as soon as there is one; `None` once the queue is closed and empty. `thread` is the caller's own.
    /// With an item the caller is not free until it says so.
    pub(crate) fn pop(&self, thread: &Arc<Condvar>) -> Option<T> {
        let mut state = self.lock();
        loop {
            if let Some((_, item)) = state.items.pop_front() {
                state.free -= 1;
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

    /// The calling thread is free again.
    pub(crate) fn release(&self) {
        self.lock().free += 1;
    }

    /// Takes an item back that waits; not one that a thread has, or a free thread is about to take.
    pub(crate) fn take_back(&self, place: &Place) -> Option<T> {
        let mut state = self.lock();
        let position = state.items.binary_search_by_key(&place.number, |(number, _)| *number).ok()?;
        if position < state.free {
            return None;
        }
        state.items.remove(position).map(|(_, item)| item)
    }

    /// How many items wait for a thread.
    pub(crate) fn waiting(&self) -> usize {
        self.lock().waiting()
    }

    /// Takes nothing new, and gives back what waits; free threads still take theirs.
    pub(crate) fn close(&self) -> Vec<T> {
        let mut state = self.lock();
        state.closed = true;
        state.idle.drain(..).for_each(|thread| thread.notify_one());
        let taken = state.free.min(state.items.len());
        state.items.drain(taken..).map(|(_, item)| item).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    fn waiting(&self) -> usize {
        self.items.len().saturating_sub(self.free)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn work_goes_to_the_thread_that_was_used_last() {
        let queue = Queue::new(4);
        let (done, outcomes) = mpsc::channel();
        std::thread::scope(|scope| {
            for number in 0..4 {
                let (queue, done) = (&queue, done.clone());
                scope.spawn(move || {
                    let own = Arc::default();
                    while let Some(()) = queue.pop(&own) {
                        queue.release();
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
            queue.push((), 0).unwrap();
            let first = outcomes.recv().unwrap();
            for _round in 0..20 {
                all_idle();
                queue.push((), 0).unwrap();
                assert_eq!(outcomes.recv().unwrap(), first);
            }
            queue.close();
        });
    }

    #[test]
    fn a_close_gives_back_what_waits_and_free_threads_take_the_rest_in_its_order() {
        let (queue, own) = (Queue::new(2), Arc::default());
        for item in 1..=4 {
            queue.push(item, 9).unwrap();
        }
        assert_eq!(queue.close(), [3, 4]);
        assert_eq!(queue.push(5, 9).err(), Some(Refused::Closed));
        assert_eq!([queue.pop(&own), queue.pop(&own), queue.pop(&own)], [Some(1), Some(2), None]);
    }

    #[test]
    fn what_finds_no_free_thread_waits_and_of_that_only_so_many_are_taken() {
        let (queue, own) = (Queue::new(1), Arc::default());
        let waits = |item, most| queue.push(item, most).map(|place| place.waits);
        assert_eq!(waits(1, 0), Ok(false));
        assert_eq!(waits(2, 0), Err(Refused::Full));
        assert_eq!(waits(3, 1), Ok(true));
        assert_eq!(waits(4, 1), Err(Refused::Full));
        assert_eq!((queue.pop(&own), queue.waiting()), (Some(1), 1));
        queue.release();
        assert_eq!(queue.waiting(), 0);
        assert_eq!(queue.pop(&own), Some(3));
    }

    #[test]
    fn only_what_waits_is_taken_back() {
        let (queue, own) = (Queue::new(1), Arc::default());
        let places = [1, 2, 3].map(|item| queue.push(item, 9).unwrap());
        assert_eq!(queue.take_back(&places[0]), None);
        assert_eq!(queue.take_back(&places[1]), Some(2));
        assert_eq!(queue.take_back(&places[1]), None);
        assert_eq!(queue.pop(&own), Some(1));
        assert_eq!(queue.take_back(&places[0]), None);
        assert_eq!((queue.take_back(&places[2]), queue.waiting()), (Some(3), 0));
    }
}
