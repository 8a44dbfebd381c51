use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use foobar_core::panics;
use tokio::sync::oneshot;
use tokio::time::timeout_at;

use crate::endpoint::Endpoint;
use crate::failure::{deadline_passed, panicked};
use crate::queue::{Place, Queue, Refused};
use crate::timers::Timers;
use crate::{Error, Query, QueryKind, thread};

/// A bounded queue in front of one endpoint, with one thread per connection. A call that waits occupies no thread.
pub(crate) struct QueryThreads {
    endpoint: Arc<Endpoint>,
    jobs: Arc<Queue<Job>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    timers: Timers,
}

struct Job {
    kind: QueryKind,
    query: Query,
    since: Instant,
    acquire_by: Instant,
    reply: oneshot::Sender<Result<(), Error>>,
}

/// How much later than the deadline a caller gives up, so that the thread's own answer comes first: it ends the
/// statement on the server, which takes a second where that does not answer.
const GRACE: Duration = Duration::from_secs(2);
/// How long before the end of a drain what still runs is ended.
const LAST_MOMENTS: Duration = Duration::from_secs(2);
/// How long it has to end, at least, even where the drain has less time.
const LAST_WORDS: Duration = Duration::from_secs(1);

impl QueryThreads {
    /// Starts the threads, numbered from `first`.
    pub(crate) fn start(endpoint: Endpoint, first: u32) -> io::Result<Self> {
        let connections = endpoint.limits.connections;
        let (endpoint, jobs) = (Arc::new(endpoint), Arc::new(Queue::new(connections as usize)));
        let spawn = |number| {
            let (endpoint, jobs) = (Arc::clone(&endpoint), Arc::clone(&jobs));
            thread::spawn(format!("foobar-db-{number}"), move || work(&endpoint, &jobs))
        };
        let threads = (first..first + connections).map(spawn).collect::<io::Result<_>>();
        let threads = Mutex::new(threads.inspect_err(|_| drop(jobs.close()))?);
        Ok(Self { endpoint, jobs, threads, timers: Timers::default() })
    }

    /// Runs `query` on one of the threads.
    pub(crate) async fn run(&self, kind: QueryKind, query: Query) -> Result<(), Error> {
        let outcome = self.timers.provide(self.queue_and_run(kind, query)).await;
        let no_timers = |source| Err(Error::Open { database: self.database(), source });
        outcome.unwrap_or_else(no_timers).inspect_err(|error| self.endpoint.stats.failed(error))
    }

    async fn queue_and_run(&self, kind: QueryKind, query: Query) -> Result<(), Error> {
        let limits = &self.endpoint.limits;
        let since = Instant::now();
        let acquire_by = since + limits.acquire;
        let (reply, answer) = oneshot::channel();
        let queued = self.enqueue(Job { kind, query, since, acquire_by, reply })?;
        let mut answer = pin!(answer);
        let no_answer = |_dropped| Err(Error::Closed); // it was not run, since the pool was closed
        if let Ok(answer) = timeout_at(acquire_by.into(), &mut answer).await {
            return answer.unwrap_or_else(no_answer);
        }
        if queued.leave() {
            self.endpoint.stats.queue.observe(since.elapsed());
            return Err(Error::Busy { database: self.database(), limit: limits.acquire });
        }
        let latest = acquire_by + limits.connect + limits.of(kind) + GRACE;
        match timeout_at(latest.into(), answer).await {
            Ok(answer) => answer.unwrap_or_else(no_answer),
            Err(_elapsed) if kind == QueryKind::Read => {
                Err(Error::Deadline { database: self.database(), limit: limits.of(kind) })
            }
            // Its thread may be in the COMMIT.
            Err(_elapsed) => Err(Error::OutcomeUnknown { database: self.database(), source: deadline_passed() }),
        }
    }

    fn enqueue(&self, job: Job) -> Result<Queued<'_>, Error> {
        let most = self.endpoint.limits.queue;
        let place = self.jobs.push(job, most).map_err(|refused| match refused {
            Refused::Closed => Error::Closed,
            Refused::Full => Error::QueueFull { database: self.database(), most },
        })?;
        if place.waits {
            self.endpoint.stats.waits.fetch_add(1, Relaxed);
        }
        Ok(Queued { jobs: &self.jobs, place })
    }

    fn database(&self) -> String {
        self.endpoint.database().to_owned()
    }

    /// How many calls wait for a thread.
    pub(crate) fn waiting(&self) -> usize {
        self.jobs.waiting()
    }

    pub(crate) const fn endpoint(&self) -> &Arc<Endpoint> {
        &self.endpoint
    }

    /// Takes no new calls, lets the running ones end and closes the connections. Shortly before `deadline` it ends what
    /// still runs, so that the server has no statement of ours after it.
    async fn drain(self: Arc<Self>, deadline: Instant) {
        let timers = Timers::default();
        if timers.provide(Arc::clone(&self).drain_by(deadline)).await.is_err() {
            self.close(); // without a thread there is no time to wait
        }
    }

    async fn drain_by(self: Arc<Self>, deadline: Instant) {
        self.close();
        let end = Arc::clone(&self.endpoint.end);
        let close = thread::run("foobar-db-drain", move || {
            for thread in self.threads.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
                let _panicked = thread.join(); // its caller was told
            }
            drop(self);
        });
        let mut close = pin!(close);
        let left = deadline.saturating_duration_since(Instant::now());
        let last_moments = deadline - left.min(LAST_MOMENTS);
        if timeout_at(last_moments.into(), &mut close).await.is_err() {
            end.come();
            let deadline = deadline.max(Instant::now() + LAST_WORDS);
            let _given_up = timeout_at(deadline.into(), close).await; // the process ends anyway
        }
    }

    /// Refuses what waits, and what comes.
    fn close(&self) {
        self.jobs.close().into_iter().for_each(|job| discard(job.query));
    }
}

impl Drop for QueryThreads {
    fn drop(&mut self) {
        self.close();
    }
}

fn work(endpoint: &Endpoint, jobs: &Queue<Job>) {
    let own = Arc::default();
    while let Some(Job { kind, mut query, since, acquire_by, reply }) = jobs.pop(&own) {
        if reply.is_closed() {
            discard(query);
            jobs.release();
            continue;
        }
        let now = Instant::now();
        endpoint.stats.queue.observe(now - since);
        let outcome = panics::catch(|| endpoint.run(kind, &mut query, now, acquire_by));
        let outcome = outcome.unwrap_or_else(|panic| Err(panicked(kind, panic, endpoint.database())));
        discard(query);
        jobs.release(); // what the caller does next finds the thread free
        let _caller_has_gone = reply.send(outcome);
    }
}

/// Not even the destructor of what a query has captured may end a thread: a pool never gets another.
fn discard(query: Query) {
    let _panicked = catch_unwind(AssertUnwindSafe(|| drop(query))); // the hook has told of it
}

/// A call in the queue, which it leaves when its caller goes away.
struct Queued<'a> {
    jobs: &'a Queue<Job>,
    place: Place,
}

impl Queued<'_> {
    /// Takes it out of the queue, where it still waits.
    fn leave(&self) -> bool {
        self.jobs.take_back(&self.place).map(|job| discard(job.query)).is_some()
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}

/// A pool that runs from the start of its tier to the drain.
#[derive(Default)]
pub(crate) struct QueryThreadsSlot(RwLock<Option<Arc<QueryThreads>>>);

impl QueryThreadsSlot {
    pub(crate) fn start(&self, threads: QueryThreads) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(threads));
    }

    pub(crate) fn get(&self) -> Option<Arc<QueryThreads>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) async fn run(&self, kind: QueryKind, query: Query) -> Result<(), Error> {
        self.get().ok_or(Error::Closed)?.run(kind, query).await
    }

    pub(crate) async fn drain(&self, deadline: Instant) {
        let threads = self.0.write().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(threads) = threads {
            threads.drain(deadline).await;
        }
    }
}

#[cfg(feature = "sqlite")]
#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use diesel::connection::SimpleConnection;
    use foobar_core::Period;

    use super::*;
    use crate::endpoint::Present;
    use crate::limits::Limits;
    use crate::{Conn, ConnectError, DatabaseSettings, Ending, Isolation};

    /// One thread for a database in memory, whose calls wait for their connection as long as it takes.
    fn alone(
        connect: impl Fn() -> Result<(), ConnectError> + Send + Sync + 'static,
        present: Arc<Present>,
    ) -> QueryThreads {
        let long = Period::new(Duration::from_secs(600));
        let settings = DatabaseSettings { acquire_timeout: long, query_timeout: long, ..DatabaseSettings::default() };
        let open = move || connect().map(|()| Conn::Sqlite(crate::sqlite::tests::connection()));
        let limits = Limits::lasting(&settings, 1);
        let endpoint = Endpoint::new("sqlite::memory:".to_owned(), limits, Arc::new(open), present, Arc::default());
        QueryThreads::start(endpoint.unwrap(), 0).unwrap()
    }

    async fn ask(threads: &QueryThreads, kind: QueryKind) -> Result<(), Error> {
        let ask = |conn: &mut Conn| conn.batch_execute("SELECT 1").map(|()| Ending::Commit);
        threads.run(kind, Query::new(ask)).await
    }

    /// Panics at the first call.
    fn panics_once() -> impl Fn() -> Result<(), ConnectError> + Send + Sync {
        let calls = AtomicU32::new(0);
        move || match calls.fetch_add(1, Relaxed) {
            0 => panic!("in the driver"),
            _ => Ok(()),
        }
    }

    #[tokio::test]
    async fn a_panic_before_a_query_is_an_error_of_its_caller_and_the_thread_goes_on() {
        let threads = alone(|| Ok(()), Arc::new(panics_once()));
        let error = ask(&threads, QueryKind::Read).await.unwrap_err();
        assert!(matches!(error, Error::Panicked(_)), "{error:?}");
        ask(&threads, QueryKind::Read).await.unwrap();
    }

    #[tokio::test]
    async fn a_panic_around_a_write_leaves_its_outcome_unknown_and_the_thread_goes_on() {
        let (threads, write) = (alone(|| Ok(()), Arc::new(panics_once())), QueryKind::Write(Isolation::Server));
        let error = ask(&threads, write).await.unwrap_err();
        assert!(matches!(error, Error::OutcomeUnknown { .. }), "{error:?}");
        ask(&threads, write).await.unwrap();
    }

    #[tokio::test]
    async fn a_connection_whose_opening_panics_is_opened_again() {
        let threads = alone(panics_once(), Arc::new(|| Ok(())));
        ask(&threads, QueryKind::Read).await.unwrap();
    }
}
