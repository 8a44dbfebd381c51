use std::sync::{Arc, OnceLock};
use std::time::Duration;

use foobar_core::{Histogram, Metrics};

use super::route_ids::{RouteId, RouteIds};

/// How long the requests of one worker took, by route and class of the answer. A route has memory once it has been asked
/// for; then a request takes neither a lock nor memory.
pub(super) struct Durations {
    ids: Arc<RouteIds>,
    routes: Box<[OnceLock<Box<ByClass>>]>,
}

/// The classes of answers.
pub(super) const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

type ByClass = [Histogram; CLASSES.len()];

const NAME: &str = "foobar_web_request_duration_seconds";
const HELP: &str = "From the first byte of a request until its answer was sent or given up, by site and route: `*` is a \
                    path without a route, `other` what is beyond the number of routes that are told apart, `-` a request \
                    that was refused before its site was known.";

impl Durations {
    pub(super) fn new(ids: Arc<RouteIds>) -> Self {
        Self { ids, routes: (0..RouteIds::MOST).map(|_| OnceLock::new()).collect() }
    }

    /// Only its worker's thread calls it.
    pub(super) fn observe(&self, route: RouteId, class: usize, duration: Duration) {
        self.routes[route.index()].get_or_init(Box::default)[class].observe_alone(duration);
    }

    /// Adds the sums over all workers of a tier, without what never was.
    pub(super) fn scrape(workers: &[&Self], metrics: &mut Metrics) {
        let Some(first) = workers.first() else { return };
        for (index, (site, route)) in first.ids.all().iter().enumerate() {
            for (class, label) in CLASSES.iter().enumerate() {
                let parts = workers.iter().filter_map(|worker| Some(&worker.routes[index].get()?[class]));
                let parts: Vec<_> = parts.filter(|part| part.count() > 0).collect();
                if !parts.is_empty() {
                    metrics.histogram(NAME, HELP, &[("site", site), ("route", route), ("class", label)], parts);
                }
            }
        }
    }
}

impl Default for Durations {
    fn default() -> Self {
        Self::new(Arc::default())
    }
}
