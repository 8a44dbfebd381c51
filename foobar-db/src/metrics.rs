use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use foobar_core::{Histogram, Metrics};

use crate::Engine;
use crate::endpoint::Endpoint;
use crate::query_threads::{QueryThreads, QueryThreadsSlot};

/// A pool of a database.
pub(crate) struct Pool<'a> {
    /// Its name, which stays the same whatever its role.
    pub(crate) name: &'static str,
    /// What is behind it: the `primary`, a `replica`, or a `reader` of a file.
    pub(crate) role: &'static str,
    pub(crate) threads: &'a QueryThreadsSlot,
}

/// Adds the figures of all pools of the database with this name, if it has one; a pool that does not run has none.
pub(crate) fn add(metrics: &mut Metrics, engine: Engine, database: Option<&str>, pools: &[Pool<'_>]) {
    let runs = |pool: &Pool<'_>| Some((pool.role, labels(pool.name, database), pool.threads.get()?));
    let running = pools.iter().filter_map(runs).collect::<Vec<_>>();
    roles(metrics, engine, &running);
    let running = running.into_iter().map(|(_, labels, threads)| (labels, threads)).collect::<Vec<_>>();
    for (name, help, value) in GAUGES {
        for (labels, threads) in &running {
            metrics.gauge(name, help, labels, value(threads));
        }
    }
    for (name, help, value) in COUNTERS {
        for (labels, threads) in &running {
            metrics.counter(name, help, labels, value(threads));
        }
    }
    for (name, help, durations) in HISTOGRAMS {
        for (labels, threads) in &running {
            metrics.histogram(name, help, labels, [durations(threads.endpoint())]);
        }
    }
    connections(metrics, &running);
    retries(metrics, &running);
    errors(metrics, &running);
}

/// Which pool it is, and of which database.
pub(crate) type Labels<'a> = Vec<(&'a str, &'a str)>;

/// The labels of the pool of this name, of the database with that one, if it has one.
pub(crate) fn labels<'a>(pool: &'a str, database: Option<&'a str>) -> Labels<'a> {
    [Some(("pool", pool)), database.map(|name| ("database", name))].into_iter().flatten().collect()
}

type Figure<T> = (&'static str, &'static str, fn(&QueryThreads) -> T);

const GAUGES: &[Figure<usize>] = &[
    ("foobar_database_connections_max", "Connections that the pool may open.", |threads| {
        threads.endpoint().limits.connections as usize
    }),
    ("foobar_database_waiting", "Calls that wait for a connection.", QueryThreads::waiting),
    ("foobar_database_waiting_max", "Calls that may wait for a connection.", |threads| threads.endpoint().limits.queue),
];

const COUNTERS: &[Figure<u64>] = &[
    ("foobar_database_waits_total", "Calls that had to wait.", |threads| load(&threads.endpoint().stats.waits)),
    (
        "foobar_database_slow_statements_total",
        "Statements that took longer than `database.slow_query_time`.",
        |threads| threads.endpoint().slow_statements(),
    ),
];

type Durations = fn(&Endpoint) -> &Histogram;

const HISTOGRAMS: &[(&str, &str, Durations)] = &[
    (
        "foobar_database_queue_duration_seconds",
        "How long calls waited for a thread, also those that gave up.",
        |endpoint| &endpoint.stats.queue,
    ),
    (
        "foobar_database_acquire_duration_seconds",
        "How long calls that had a thread waited for a connection of the pool, also those that got none.",
        |endpoint| &endpoint.stats.acquire,
    ),
    (
        "foobar_database_query_duration_seconds",
        "How long calls took once they had a connection, with all their attempts.",
        |endpoint| &endpoint.stats.queries,
    ),
    (
        "foobar_database_connect_duration_seconds",
        "How long connections took to open, without those that could not be opened.",
        |endpoint| endpoint.connections.opened(),
    ),
];

fn roles(metrics: &mut Metrics, engine: Engine, running: &[(&str, Labels<'_>, Arc<QueryThreads>)]) {
    for (role, labels, threads) in running {
        let own = [("engine", engine.feature()), ("role", *role), ("endpoint", threads.endpoint().database())];
        let labels = [&labels[..], &own].concat();
        metrics.gauge("foobar_database_info", "Always 1: what is behind the pool, and in which role.", &labels, 1);
    }
}

fn connections(metrics: &mut Metrics, running: &[(Labels<'_>, Arc<QueryThreads>)]) {
    for (labels, threads) in running {
        let (open, idle) = threads.endpoint().size();
        for (state, count) in [("active", open.saturating_sub(idle)), ("idle", idle)] {
            let labels = [&labels[..], &[("state", state)]].concat();
            metrics.gauge("foobar_database_connections", "Connections that are open.", &labels, count);
        }
    }
}

fn retries(metrics: &mut Metrics, running: &[(Labels<'_>, Arc<QueryThreads>)]) {
    for (labels, threads) in running {
        for (cause, count) in threads.endpoint().stats.retries() {
            let labels = [&labels[..], &[("cause", cause)]].concat();
            let help = "Attempts after the first, by why the one before failed.";
            metrics.counter("foobar_database_retries_total", help, &labels, count);
        }
    }
}

fn errors(metrics: &mut Metrics, running: &[(Labels<'_>, Arc<QueryThreads>)]) {
    for (labels, threads) in running {
        for (kind, count) in threads.endpoint().stats.errors() {
            let labels = [&labels[..], &[("kind", kind)]].concat();
            metrics.counter(
                "foobar_database_errors_total",
                "Calls that failed, by kind; a row that is not there is an answer.",
                &labels,
                count,
            );
        }
    }
}

fn load(counter: &AtomicU64) -> u64 {
    counter.load(Relaxed)
}
