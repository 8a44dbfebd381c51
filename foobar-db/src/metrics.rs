use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use foobar_core::Metrics;

use crate::query_threads::{QueryThreads, QueryThreadsSlot};

/// Adds the figures of all pools; a pool that does not run has none.
pub(crate) fn add(metrics: &mut Metrics, pools: &[(&str, &QueryThreadsSlot)]) {
    let running = pools.iter().filter_map(|(pool, slot)| Some((*pool, slot.get()?))).collect::<Vec<_>>();
    for (name, help, value) in GAUGES {
        for (pool, threads) in &running {
            metrics.gauge(name, help, &[("pool", pool)], value(threads));
        }
    }
    for (name, help, value) in COUNTERS {
        for (pool, threads) in &running {
            metrics.counter(name, help, &[("pool", pool)], value(threads));
        }
    }
    for (pool, threads) in &running {
        let seconds = load(&threads.endpoint().stats.microseconds) as f64 / 1e6;
        metrics.counter(SECONDS.0, SECONDS.1, &[("pool", pool)], seconds);
    }
    errors(metrics, &running);
}

type Figure<T> = (&'static str, &'static str, fn(&QueryThreads) -> T);

const GAUGES: &[Figure<usize>] = &[
    ("foobar_database_connections_max", "Connections that the pool may open.", |threads| {
        threads.endpoint().limits.connections as usize
    }),
    ("foobar_database_connections", "Open connections.", |threads| threads.endpoint().size().0 as usize),
    ("foobar_database_connections_idle", "Open connections that do nothing.", |threads| {
        threads.endpoint().size().1 as usize
    }),
    ("foobar_database_waiting", "Calls that wait for a connection.", QueryThreads::waiting),
];

const COUNTERS: &[Figure<u64>] = &[
    ("foobar_database_queries_total", "Calls that got a thread.", |threads| load(&threads.endpoint().stats.queries)),
    ("foobar_database_waits_total", "Calls that had to wait.", |threads| load(&threads.endpoint().stats.waits)),
    ("foobar_database_retries_total", "Attempts after the first.", |threads| load(&threads.endpoint().stats.retries)),
];

const SECONDS: (&str, &str) = ("foobar_database_query_seconds_total", "Time that calls spent on threads.");

fn errors(metrics: &mut Metrics, running: &[(&str, Arc<QueryThreads>)]) {
    for (pool, threads) in running {
        for (kind, count) in threads.endpoint().stats.errors() {
            let labels = [("pool", *pool), ("kind", kind)];
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
