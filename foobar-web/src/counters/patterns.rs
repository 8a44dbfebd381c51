use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use super::route_ids::{OTHER, RouteId, RouteIds};

/// What one worker knows of its handler's own patterns, so that a known one takes no lock. The handler may have any number
/// of them: no more are remembered than there is room for.
pub(crate) struct Patterns {
    ids: Arc<RouteIds>,
    known: RefCell<HashMap<RouteId, HashMap<Box<str>, RouteId>>>,
}

impl Patterns {
    pub(crate) fn new(ids: Arc<RouteIds>) -> Self {
        Self { ids, known: RefCell::default() }
    }

    /// The route that a pattern is at the site that has `of_site`.
    pub(crate) fn route(&self, of_site: RouteId, pattern: &str) -> RouteId {
        let mut known = self.known.borrow_mut();
        let known = known.entry(of_site).or_default();
        if let Some(route) = known.get(pattern) {
            return *route;
        }
        let pattern = if known.len() < RouteIds::MOST { pattern } else { OTHER };
        *known.entry(pattern.into()).or_insert_with(|| self.ids.of_route(of_site, pattern))
    }
}
