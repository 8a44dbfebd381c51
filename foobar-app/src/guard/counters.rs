use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foobar_core::Metrics;
use http::StatusCode;

/// The figures of one worker thread: only that thread writes them, so threads do not wait for each other.
#[derive(Default)]
pub(crate) struct Counters {
    begun: AtomicU64,
    ended: AtomicU64,
    panics: AtomicU64,
    timeouts: AtomicU64,
    not_started: AtomicU64,
    responses: [AtomicU64; CLASSES.len()],
}

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

impl Counters {
    /// Counts a request as in flight until the guard is dropped.
    pub(crate) fn enter(&self) -> InFlight<'_> {
        add(&self.begun);
        InFlight(self)
    }

    pub(crate) fn panicked(&self) {
        add(&self.panics);
    }

    pub(crate) fn timed_out(&self) {
        add(&self.timeouts);
    }

    /// A request came before the application had started.
    pub(crate) fn refused(&self) {
        add(&self.not_started);
    }

    pub(crate) fn responded(&self, status: StatusCode) {
        if let Some(class) = self.responses.get(usize::from(status.as_u16() / 100).wrapping_sub(1)) {
            add(class);
        }
    }

    /// Writes the sums over all threads.
    pub(crate) fn write(threads: &[Arc<Self>], metrics: &mut Metrics) {
        let sum = |figure: &dyn Fn(&Self) -> &AtomicU64| {
            threads.iter().map(|counters| figure(counters).load(Ordering::Relaxed)).sum::<u64>()
        };
        let ended = sum(&|counters| &counters.ended);
        let in_flight = sum(&|counters| &counters.begun).saturating_sub(ended);
        metrics.gauge("foobar_app_requests_in_flight", "Requests that handlers are answering.", &[], in_flight);
        for (position, class) in CLASSES.iter().enumerate() {
            let responses = sum(&|counters| &counters.responses[position]);
            metrics.counter("foobar_app_responses_total", "Responses by class.", &[("class", class)], responses);
        }
        let help = "Requests that came before the application had started.";
        let not_started = sum(&|counters| &counters.not_started);
        metrics.counter("foobar_app_requests_refused_total", help, &[("reason", "not_started")], not_started);
        let panics = sum(&|counters| &counters.panics);
        metrics.counter("foobar_app_panics_total", "Handlers and bodies that panicked.", &[], panics);
        let timeouts = sum(&|counters| &counters.timeouts);
        metrics.counter("foobar_app_timeouts_total", "Handlers that passed their deadline.", &[], timeouts);
    }
}

/// A request in flight; made by [`Counters::enter`].
pub(crate) struct InFlight<'a>(&'a Counters);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        add(&self.0.ended);
    }
}

fn add(figure: &AtomicU64) {
    figure.fetch_add(1, Ordering::Relaxed);
}
