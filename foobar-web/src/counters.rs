//! What one worker counts, and the sum of all for a scrape. It must not know what it counts.
//!
//! - A worker's figures are written by its thread alone, and so without locked instructions.
//! - No label comes from a client, and the routes that are told apart are limited in number: a scrape stays small, whoever
//!   asks for whatever.

mod durations;
mod patterns;
mod route_ids;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use foobar_core::Metrics;
use http::StatusCode;

use durations::{CLASSES, Durations};

pub(crate) use patterns::Patterns;
pub(crate) use route_ids::{RouteId, RouteIds};

/// The figures of one worker. Each is written by that worker's thread and read by scrapes.
#[derive(Default)]
pub(crate) struct Counters {
    responses: [AtomicU64; CLASSES.len()],
    durations: Durations,
    at_once: AtomicU64,
    accepted: AtomicU64,
    closed: AtomicU64,
    became_idle: AtomicU64,
    became_active: AtomicU64,
    turned_away: [AtomicU64; TURNED_AWAY.len()],
    failed_handshakes: [AtomicU64; FAILED_HANDSHAKES.len()],
    received: AtomicU64,
    sent: AtomicU64,
    refused: [AtomicU64; REFUSED.len()],
    log_lines_lost: AtomicU64,
}

/// In the order of [`TurnedAway`].
const TURNED_AWAY: [&str; 2] = ["address_limit", "untrusted_proxy"];
/// In the order of [`FailedHandshake`].
const FAILED_HANDSHAKES: [&str; 4] = ["plain_http", "timeout", "gone", "protocol"];
/// Why requests are not taken, and the statuses that say so.
const REFUSED: [(&str, &[u16]); 8] = [
    ("malformed", &[400]),
    ("timeout", &[408]),
    ("content_too_large", &[413]),
    ("line_too_long", &[414]),
    ("fields_too_large", &[431]),
    ("misdirected", &[421]),
    ("address_limit", &[429]),
    ("unsupported", &[405, 417, 501, 505]),
];

/// Why a connection is closed as soon as it has been accepted.
#[derive(Clone, Copy)]
pub(crate) enum TurnedAway {
    /// Its client has too many.
    AddressLimit,
    /// It is not from a trusted proxy, where one is expected.
    UntrustedProxy,
}

/// Why a TLS handshake comes to nothing.
#[derive(Clone, Copy)]
pub(crate) enum FailedHandshake {
    /// The client speaks HTTP without TLS.
    PlainHttp,
    /// It took too long.
    Timeout,
    /// The connection has ended.
    Gone,
    /// The two sides do not agree.
    Protocol,
}

impl FailedHandshake {
    pub(crate) fn of(error: &io::Error) -> Self {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut, UnexpectedEof};
        match error.kind() {
            TimedOut => Self::Timeout,
            BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof => Self::Gone,
            _ => Self::Protocol,
        }
    }
}

impl Counters {
    /// Those of a worker of a tier with these routes.
    pub(crate) fn new(ids: Arc<RouteIds>) -> Self {
        Self { durations: Durations::new(ids), ..Self::default() }
    }

    /// A request of this route was answered, or given up, after so long.
    pub(crate) fn answered(&self, route: RouteId, status: StatusCode, duration: Duration) {
        let class = usize::from(status.as_u16() / 100).wrapping_sub(1);
        if let Some(counter) = self.responses.get(class) {
            add(counter, 1);
            self.durations.observe(route, class, duration);
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

    /// A connection begins to wait for a request.
    pub(crate) fn became_idle(&self) {
        add(&self.became_idle, 1);
    }

    /// One that has waited does so no more.
    pub(crate) fn became_active(&self) {
        add(&self.became_active, 1);
    }

    pub(crate) fn turned_away(&self, why: TurnedAway) {
        add(&self.turned_away[why as usize], 1);
    }

    pub(crate) fn handshake_failed(&self, why: FailedHandshake) {
        add(&self.failed_handshakes[why as usize], 1);
    }

    pub(crate) fn received(&self, bytes: usize) {
        add(&self.received, bytes as u64);
    }

    pub(crate) fn sent(&self, bytes: usize) {
        add(&self.sent, bytes as u64);
    }

    /// A request was not taken, for the reason that this status gives: it was malformed or beyond a limit.
    pub(crate) fn refused(&self, status: StatusCode) {
        if let Some(reason) = REFUSED.iter().position(|(_, statuses)| statuses.contains(&status.as_u16())) {
            add(&self.refused[reason], 1);
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

/// Those among them that wait for no request.
pub(crate) fn active(workers: &[Arc<Counters>]) -> u64 {
    let idle = sum(workers, |c| &c.became_idle).saturating_sub(sum(workers, |c| &c.became_active));
    open(workers).saturating_sub(idle)
}

fn sum(workers: &[Arc<Counters>], counter: impl Fn(&Counters) -> &AtomicU64) -> u64 {
    workers.iter().map(|c| counter(c).load(Relaxed)).sum()
}

/// Adds the sums over all workers to a scrape.
pub(crate) fn scrape(workers: &[Arc<Counters>], metrics: &mut Metrics) {
    connections(workers, metrics);
    requests(workers, metrics);
    let sum = |counter: fn(&Counters) -> &AtomicU64| sum(workers, counter);
    for (name, help, value) in [
        ("foobar_web_received_bytes_total", "Bytes received from clients.", sum(|c| &c.received)),
        ("foobar_web_sent_bytes_total", "Bytes sent to clients.", sum(|c| &c.sent)),
        ("foobar_web_log_lines_lost_total", "Lines of the access log that were dropped.", sum(|c| &c.log_lines_lost)),
    ] {
        metrics.counter(name, help, &[], value);
    }
}

fn connections(workers: &[Arc<Counters>], metrics: &mut Metrics) {
    let active = active(workers);
    for (state, value) in [("active", active), ("idle", open(workers).saturating_sub(active))] {
        let help = "Connections that are open: with a request, or waiting for one.";
        metrics.gauge("foobar_web_connections", help, &[("state", state)], value);
    }
    let accepted = sum(workers, |c| &c.accepted);
    metrics.counter("foobar_web_connections_total", "Connections that were accepted.", &[], accepted);
    for (index, reason) in TURNED_AWAY.into_iter().enumerate() {
        let help = "Connections beyond those of one address, or not from a trusted proxy where one is expected.";
        let value = sum(workers, |c| &c.turned_away[index]);
        metrics.counter("foobar_web_connections_turned_away_total", help, &[("reason", reason)], value);
    }
    for (index, reason) in FAILED_HANDSHAKES.into_iter().enumerate() {
        let help = "TLS handshakes that failed or took too long.";
        let value = sum(workers, |c| &c.failed_handshakes[index]);
        metrics.counter("foobar_web_tls_handshakes_failed_total", help, &[("reason", reason)], value);
    }
}

fn requests(workers: &[Arc<Counters>], metrics: &mut Metrics) {
    for (index, class) in CLASSES.into_iter().enumerate() {
        let help = "Requests by the class of their answer.";
        let value = sum(workers, |c| &c.responses[index]);
        metrics.counter("foobar_web_requests_total", help, &[("class", class)], value);
    }
    let at_once = sum(workers, |c| &c.at_once);
    let help = "Requests that were answered from memory or open files.";
    metrics.counter("foobar_web_answered_at_once_total", help, &[], at_once);
    for (index, (reason, _)) in REFUSED.into_iter().enumerate() {
        let help = "Requests that were not taken: malformed, for nobody here, or beyond a limit.";
        let value = sum(workers, |c| &c.refused[index]);
        metrics.counter("foobar_web_requests_refused_total", help, &[("reason", reason)], value);
    }
    let durations: Vec<_> = workers.iter().map(|worker| &worker.durations).collect();
    Durations::scrape(&durations, metrics);
}
