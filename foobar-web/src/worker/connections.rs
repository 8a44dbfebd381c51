use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::select;
use slab::Slab;
use tokio::sync::Notify;
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::{Instant, timeout_at};

use super::connection_state::{ConnectionState, IdleNotifier};
use super::high_water::HighWater;
use crate::counters::Counters;
use crate::deadline::Drain;

/// The open connections of one worker.
pub(crate) struct Connections {
    most: Cell<usize>,
    counters: Arc<Counters>,
    drain: Rc<Cell<Option<Drain>>>,
    open: RefCell<Slab<(Rc<ConnectionState>, AbortHandle)>>,
    high_water: HighWater,
    changed: Notify,
    idle: Rc<IdleNotifier>,
    /// Whether one more waits, and none is idle.
    short: Cell<bool>,
}

impl Connections {
    pub(crate) fn new(most: usize, counters: Arc<Counters>) -> Self {
        Self {
            most: Cell::new(most),
            counters,
            drain: Rc::default(),
            open: RefCell::default(),
            high_water: HighWater::default(),
            changed: Notify::new(),
            idle: Rc::default(),
            short: Cell::default(),
        }
    }

    /// Runs a connection as a task of its own on this thread.
    pub(crate) fn open<C: Future<Output = ()> + 'static>(
        self: &Rc<Self>,
        serve: impl FnOnce(Rc<ConnectionState>) -> C,
    ) {
        self.counters.accepted();
        let state = Rc::new(ConnectionState::new(self.drain.clone(), self.idle.clone(), self.counters.clone()));
        let place = self.open.borrow().vacant_key();
        let open = Open { place, connections: self.clone() };
        let connection = serve(state.clone());
        let task = spawn_local(async move {
            let _open = open;
            connection.await;
        });
        self.open.borrow_mut().insert((state, task.abort_handle()));
        self.high_water.opened(self.count());
    }

    /// From now on there may be so many.
    pub(crate) fn set_most(&self, most: usize) {
        self.most.set(most);
        self.changed.notify_waiters();
    }

    /// Has all of them look at what has changed.
    pub(crate) fn wake_all(&self) {
        self.open.borrow().iter().for_each(|(_, (state, _))| state.wake());
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.open.borrow().len()
    }

    /// Whether one more waits until a connection that is at work ends: the next to be answered is to be the last on its own.
    pub(crate) fn is_short(&self) -> bool {
        self.short.get()
    }

    /// Waits until there may be one more, or a drain begins. The connection that has been idle longest makes room; where
    /// none is, the first that is [answered](Self::is_short).
    pub(crate) async fn room(&self) {
        while self.count() >= self.most.get() && self.drain.get().is_none() {
            self.short.set(!self.is_one_leaving() && !self.evict());
            select(pin!(self.changed.notified()), pin!(self.idle.next())).await;
        }
        self.short.set(false);
    }

    fn is_one_leaving(&self) -> bool {
        self.open.borrow().iter().any(|(_, (state, _))| state.is_leaving())
    }

    /// Closes the connection that has been idle longest; `false` if none is.
    pub(crate) fn evict(&self) -> bool {
        let open = self.open.borrow();
        let idle = open.iter().filter_map(|(_, (state, _))| state.idle_since().map(|since| (since, state)));
        let longest = idle.min_by_key(|(since, _)| *since);
        longest.inspect(|(_, state)| state.evict()).is_some()
    }

    /// Closes those that have been idle longest, until so many are left or none is idle.
    pub(crate) fn evict_down_to(&self, most: usize) {
        let open = self.open.borrow();
        let staying = open.iter().filter(|(_, (state, _))| !state.is_evicted()).count();
        let mut idle: Vec<_> = open.iter().filter_map(|(_, (state, _))| Some((state.idle_since()?, state))).collect();
        idle.sort_by_key(|(since, _)| *since);
        idle.iter().take(staying.saturating_sub(most)).for_each(|(_, state)| state.evict());
    }

    /// Closes idle connections, and the others after the request they are at.
    /// Streams without an end have `stream_time` at most.
    pub(crate) fn begin_drain(&self, stream_time: Duration, deadline: Instant) {
        self.drain.set(Some(Drain::begin(stream_time, deadline)));
        self.wake_all();
        self.changed.notify_waiters();
    }

    /// Completes when a drain has begun.
    pub(crate) async fn draining(&self) {
        while self.drain.get().is_none() {
            self.changed.notified().await;
        }
    }

    /// Waits for the connections to end, and drops what is left at the deadline.
    pub(crate) async fn finish(&self, deadline: Instant) {
        if timeout_at(deadline, self.all_closed()).await.is_err() {
            tracing::warn!(connections = self.open.borrow().len(), "dropping connections at the drain's deadline");
            self.open.borrow().iter().for_each(|(_, (_, task))| task.abort());
            self.all_closed().await;
        }
    }

    async fn all_closed(&self) {
        while !self.open.borrow().is_empty() {
            self.changed.notified().await;
        }
    }
}

/// Strikes a connection from the list when its task ends, in whatever way.
struct Open {
    place: usize,
    connections: Rc<Connections>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.connections.open.borrow_mut().try_remove(self.place); // not there if it ended before it began
        self.connections.counters.closed();
        self.connections.changed.notify_waiters();
        self.connections.high_water.closed(self.connections.count());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use std::future::pending;
    use tokio::task::LocalSet;

    #[tokio::test]
    async fn the_next_answer_is_the_last_of_its_connection_only_where_one_waits_and_none_is_idle() {
        let local = LocalSet::new();
        let _entered = local.enter();
        for (busy, short) in [(true, true), (false, false)] {
            let connections = Rc::new(Connections::new(1, Arc::default()));
            connections.open(|state| {
                if busy {
                    state.set_active();
                }
                pending()
            });
            assert!(!connections.is_short(), "nobody waits");
            assert!(connections.room().now_or_never().is_none());
            assert_eq!(connections.is_short(), short, "{busy}");
        }
    }
}
