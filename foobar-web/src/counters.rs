//! What one worker counts, and the sum of all for a scrape.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use foobar_core::Metrics;
use http::StatusCode;

/// The figures of one worker. Each is written by that worker's thread and read by scrapes.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    responses: [AtomicU64; 5],
    at_once: AtomicU64,
    accepted: AtomicU64,
    closed: AtomicU64,
    turned_away: AtomicU64,
    failed_handshakes: AtomicU64,
    received: AtomicU64,
    sent: AtomicU64,
    refused: AtomicU64,
    bad_requests: AtomicU64,
    log_lines_lost: AtomicU64,
}

impl Counters {
    pub(crate) fn response(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100);
        if let Some(counter) = class.checked_sub(1).and_then(|class| self.responses.get(class)) {
            add(counter, 1);
        }
    }

    /// A request was answered by the fast path.
    pub(crate) fn at_once(&self) {
        add(&self.at_once, 1);
    }

    pub(crate) fn accepted(&self) {
        add(&self.accepted, 1);
    }

    pub(crate) fn closed(&self) {
        add(&self.closed, 1);
    }

    /// A connection was closed at once: its client has too many, or is no trusted proxy where one is expected.
    pub(crate) fn turned_away(&self) {
        add(&self.turned_away, 1);
    }

    /// A TLS handshake failed, or took too long.
    pub(crate) fn handshake_failed(&self) {
        add(&self.failed_handshakes, 1);
    }

    pub(crate) fn received(&self, bytes: usize) {
        add(&self.received, bytes as u64);
    }

    pub(crate) fn sent(&self, bytes: usize) {
        add(&self.sent, bytes as u64);
    }

    /// A request was not taken, for the reason that this status gives: it was malformed or beyond a limit.
    pub(crate) fn refused(&self, status: StatusCode) {
        match status.as_u16() {
            400 | 417 | 505 => add(&self.bad_requests, 1),
            408 | 413 | 414 | 431 => add(&self.refused, 1),
            _ => {}
        }
    }

    pub(crate) fn log_lines_lost(&self, lines: u64) {
        self.log_lines_lost.fetch_add(lines, Relaxed); // also by the log's thread
    }
}

/// Not atomic as a whole, and so without a locked instruction: only one thread writes.
fn add(counter: &AtomicU64, number: u64) {
    counter.store(counter.load(Relaxed).wrapping_add(number), Relaxed);
}

/// The connections that are open at all workers.
pub(crate) fn open(workers: &[Arc<Counters>]) -> u64 {
    sum(workers, |c| &c.accepted).saturating_sub(sum(workers, |c| &c.closed))
}

fn sum(workers: &[Arc<Counters>], counter: fn(&Counters) -> &AtomicU64) -> u64 {
    workers.iter().map(|c| counter(c).load(Relaxed)).sum()
}

/// Adds the sums over all workers to a scrape.
pub(crate) fn scrape(workers: &[Arc<Counters>], metrics: &mut Metrics) {
    let sum = |counter| sum(workers, counter);
    for (class, label) in ["1xx", "2xx", "3xx", "4xx", "5xx"].into_iter().enumerate() {
        let value: u64 = workers.iter().map(|c| c.responses[class].load(Relaxed)).sum();
        metrics.counter(
            "foobar_web_requests_total",
            "Requests by the class of their answer.",
            &[("class", label)],
            value,
        );
    }
    metrics.gauge("foobar_web_connections", "Connections that are open.", &[], open(workers));
    for (name, help, value) in [
        (
            "foobar_web_answered_at_once_total",
            "Requests that were answered from memory or open files.",
            sum(|c| &c.at_once),
        ),
        ("foobar_web_connections_total", "Connections that were accepted.", sum(|c| &c.accepted)),
        (
            "foobar_web_connections_turned_away_total",
            "Connections beyond those of one address, or not from a trusted proxy where one is expected.",
            sum(|c| &c.turned_away),
        ),
        (
            "foobar_web_tls_handshakes_failed_total",
            "TLS handshakes that failed or took too long.",
            sum(|c| &c.failed_handshakes),
        ),
        ("foobar_web_received_bytes_total", "Bytes received from clients.", sum(|c| &c.received)),
        ("foobar_web_sent_bytes_total", "Bytes sent to clients.", sum(|c| &c.sent)),
        ("foobar_web_refused_total", "Requests beyond a limit of size or time.", sum(|c| &c.refused)),
        ("foobar_web_bad_requests_total", "Requests that were malformed.", sum(|c| &c.bad_requests)),
        ("foobar_web_log_lines_lost_total", "Lines of the access log that were dropped.", sum(|c| &c.log_lines_lost)),
    ] {
        metrics.counter(name, help, &[], value);
    }
}
