use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use foobar_core::Metrics;

use crate::lane::{Lane, LaneSlot};

/// Adds the figures of all pools; a pool that does not run has none.
pub(crate) fn add(metrics: &mut Metrics, pools: &[(&str, &LaneSlot)]) {
    let lanes = pools.iter().filter_map(|(pool, slot)| Some((*pool, slot.get()?))).collect::<Vec<_>>();
    for (name, help, value) in GAUGES {
        for (pool, lane) in &lanes {
            metrics.gauge(name, help, &[("pool", pool)], value(lane));
        }
    }
    for (name, help, value) in COUNTERS {
        for (pool, lane) in &lanes {
            metrics.counter(name, help, &[("pool", pool)], value(lane));
        }
    }
    for (pool, lane) in &lanes {
        let seconds = load(&lane.endpoint().stats.microseconds) as f64 / 1e6;
        metrics.counter(SECONDS.0, SECONDS.1, &[("pool", pool)], seconds);
    }
    errors(metrics, &lanes);
}

type Figure<T> = (&'static str, &'static str, fn(&Lane) -> T);

const GAUGES: &[Figure<usize>] = &[
    ("foobar_database_connections_max", "Connections that the pool may open.", |lane| {
        lane.endpoint().limits.connections as usize
    }),
    ("foobar_database_connections", "Open connections.", |lane| lane.endpoint().size().0 as usize),
    ("foobar_database_connections_idle", "Open connections that do nothing.", |lane| lane.endpoint().size().1 as usize),
    ("foobar_database_waiting", "Calls that wait for a connection.", Lane::waiting),
];

const COUNTERS: &[Figure<u64>] = &[
    ("foobar_database_queries_total", "Calls that got a thread.", |lane| load(&lane.endpoint().stats.queries)),
    ("foobar_database_waits_total", "Calls that had to wait.", |lane| load(&lane.endpoint().stats.waits)),
    ("foobar_database_retries_total", "Attempts after the first.", |lane| load(&lane.endpoint().stats.retries)),
];

const SECONDS: (&str, &str) = ("foobar_database_query_seconds_total", "Time that calls spent on threads.");

fn errors(metrics: &mut Metrics, lanes: &[(&str, Arc<Lane>)]) {
    for (pool, lane) in lanes {
        for (kind, count) in lane.endpoint().stats.errors() {
            let labels = [("pool", *pool), ("kind", kind)];
            metrics.counter("foobar_database_errors_total", "Calls that failed, by kind.", &labels, count);
        }
    }
}

fn load(counter: &AtomicU64) -> u64 {
    counter.load(Relaxed)
}
