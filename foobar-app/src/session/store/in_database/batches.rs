use std::collections::VecDeque;
use std::iter::{self, zip};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use diesel::result::{DatabaseErrorKind, Error as DieselError};
use foobar_db::{Conn, Error, QueryResult};
use tokio::select;
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::Db;

/// Calls of one kind that are made together: what requests ask for while a call runs is asked in the next one. So many
/// requests at once share a change of threads, and those that write share a transaction and its way to the disk.
///
/// Only for what may be asked twice: where a call fails that several have shared, each asks again by itself, and gets
/// an error that is its own.
pub(super) struct Batches<I, O> {
    db: Db,
    call: Call,
    query: fn(&mut Conn, &I) -> QueryResult<O>,
    waiting: Arc<Mutex<VecDeque<Entry<I, O>>>>,
    /// Whoever has it makes the next call.
    turn: tokio::sync::Mutex<()>,
}

/// How the database is called.
#[derive(Clone, Copy)]
pub(super) enum Call {
    Read,
    Write,
}

/// What one request asks for.
struct Entry<I, O> {
    item: Arc<Item<I>>,
    reply: oneshot::Sender<O>,
}

/// With how far it has come, by which a request knows what has been done of it when its time is over.
struct Item<I> {
    item: I,
    stage: Mutex<Stage>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing was done, or what was done has been rolled back.
    Untouched,
    /// A call has it in hand, or had, and has not told how it ended.
    Begun,
    /// Nothing was done, nor will be.
    GivenUp,
}

/// What one call has taken of those that wait; `None` before it has a connection.
type Batch<I, O> = Arc<Mutex<Option<Vec<Entry<I, O>>>>>;

/// How many go together at most: one call has one deadline for all.
const MOST: usize = 64;

impl<I: Send + Sync + 'static, O: Send + 'static> Batches<I, O> {
    pub(super) fn new(db: Db, call: Call, query: fn(&mut Conn, &I) -> QueryResult<O>) -> Self {
        Self { db, call, query, waiting: Arc::default(), turn: tokio::sync::Mutex::default() }
    }

    /// Asks for `item`, with others, and gives up when a call of its own would have ended: what it may wait for, the call
    /// that goes on, its own and one alone, have that limit each.
    pub(super) async fn together(&self, item: I) -> Result<O, Error> {
        let (item, (reply, answer)) = (Item::new(item), oneshot::channel());
        lock(&self.waiting).push_back(Entry { item: Arc::clone(&item), reply });
        let answered = self.answered(&item, answer);
        match self.db.call_limit() {
            None => answered.await,
            Some(limit) => timeout(limit, answered).await.unwrap_or_else(|_elapsed| Err(self.too_late(&item, limit))),
        }
    }

    async fn answered(&self, item: &Arc<Item<I>>, mut answer: oneshot::Receiver<O>) -> Result<O, Error> {
        let answered = loop {
            let turn = select! {
                biased;
                answered = &mut answer => break answered,
                turn = self.turn.lock() => turn,
            };
            if !self.waits(item) {
                drop(turn);
                break answer.await; // in a call whose request has gone; it ends without an answer
            }
            yield_now().await; // those whose requests have come at the same moment go with it
            self.call_next(item).await?;
        };
        match answered {
            Ok(outcome) => Ok(outcome),
            Err(_shared_failure) => self.ask(Arc::clone(item)).await,
        }
    }

    /// What becomes of `item` when its time is over: where no call has begun with it, nothing was done, and none will.
    fn too_late(&self, item: &Arc<Item<I>>, limit: Duration) -> Error {
        lock(&self.waiting).retain(|entry| !Arc::ptr_eq(&entry.item, item));
        let database = self.db.describe();
        match self.call {
            _ if item.give_up() => Error::Busy { database, limit },
            Call::Read => Error::Deadline { database, limit },
            Call::Write => {
                let late = Box::new(format!("it has not ended within {limit:?}"));
                let source = DieselError::DatabaseError(DatabaseErrorKind::ClosedConnection, late);
                Error::OutcomeUnknown { database, source }
            }
        }
    }

    /// Asks for `item` in a call of its own.
    pub(super) async fn alone(&self, item: I) -> Result<O, Error> {
        self.ask(Item::new(item)).await
    }

    async fn ask(&self, item: Arc<Item<I>>) -> Result<O, Error> {
        let query = self.query;
        let ask = move |conn: &mut Conn| match item.begin() {
            true => query(conn, &item.item),
            false => Err(DieselError::RollbackTransaction), // nobody is told
        };
        self.call(ask).await
    }

    fn waits(&self, item: &Arc<Item<I>>) -> bool {
        lock(&self.waiting).iter().any(|entry| Arc::ptr_eq(&entry.item, item))
    }

    /// Makes a call for those that wait when it has a connection; `own` is one of them. An error is that of `own` alone.
    async fn call_next(&self, own: &Arc<Item<I>>) -> Result<(), Error> {
        let batch = Batch::default();
        let (waiting, taken, query) = (Arc::clone(&self.waiting), Arc::clone(&batch), self.query);
        let called = self.call(move |conn| {
            let items = take(&waiting, &taken);
            let ask = |item: &Arc<Item<I>>| item.begin().then(|| query(conn, &item.item)).transpose();
            items.iter().map(ask).collect::<QueryResult<Vec<_>>>()
        });
        let outcomes = called.await;
        let mut batch = lock(&batch).replace(Vec::new()).unwrap_or_default(); // there was no connection
        match outcomes {
            Ok(outcomes) => {
                for (entry, outcome) in zip(batch, outcomes) {
                    _ = outcome.map(|outcome| entry.reply.send(outcome)); // unless its request has gone
                }
                Ok(())
            }
            Err(error) => {
                if !matches!(error, Error::OutcomeUnknown { .. }) {
                    batch.iter().for_each(|entry| entry.item.undo());
                }
                batch.extend(lock(&self.waiting).drain(..)); // they do not wait for one failure after the other
                let is_of_own = batch.iter().all(|entry| Arc::ptr_eq(&entry.item, own));
                if is_of_own { Err(error) } else { Ok(()) }
            }
        }
    }

    async fn call<T: Send + 'static>(
        &self,
        query: impl Fn(&mut Conn) -> QueryResult<T> + Send + 'static,
    ) -> Result<T, Error> {
        match self.call {
            Call::Read => self.db.read(query).await,
            Call::Write => self.db.write(query).await,
        }
    }
}

impl<I> Item<I> {
    fn new(item: I) -> Arc<Self> {
        Arc::new(Self { item, stage: Mutex::new(Stage::Untouched) })
    }

    /// Whether a call may begin with it; then it has.
    fn begin(&self) -> bool {
        let mut stage = lock(&self.stage);
        if *stage == Stage::Untouched {
            *stage = Stage::Begun;
        }
        *stage == Stage::Begun
    }

    /// What a call did of it has been rolled back.
    fn undo(&self) {
        let mut stage = lock(&self.stage);
        if *stage == Stage::Begun {
            *stage = Stage::Untouched;
        }
    }

    /// Whether it can be given up with nothing done; then it is.
    fn give_up(&self) -> bool {
        let mut stage = lock(&self.stage);
        if *stage == Stage::Untouched {
            *stage = Stage::GivenUp;
        }
        *stage == Stage::GivenUp
    }
}

/// What a call asks for: the same at each attempt.
fn take<I, O>(waiting: &Mutex<VecDeque<Entry<I, O>>>, taken: &Mutex<Option<Vec<Entry<I, O>>>>) -> Vec<Arc<Item<I>>> {
    let mut taken = lock(taken);
    let batch = taken.get_or_insert_with(|| {
        let mut waiting = lock(waiting);
        let open = iter::from_fn(|| waiting.pop_front()).filter(|entry| !entry.reply.is_closed());
        open.take(MOST).collect()
    });
    batch.iter().map(|entry| Arc::clone(&entry.item)).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner) // nothing in it is ever half done
}

#[cfg(feature = "sqlite")]
#[cfg(test)]
mod tests;
