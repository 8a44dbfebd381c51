use std::sync::{Mutex, MutexGuard, PoisonError};

/// Which durations belong together: those of one route of one site. A number that is cheap to keep with a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct RouteId(u16);

/// The routes whose durations are told apart, by their labels. They are limited in number, whatever the configuration and
/// the application have.
pub(crate) struct RouteIds(Mutex<Vec<Labels>>);

/// The site, and the route as it was written.
pub(crate) type Labels = (String, String);

/// Paths without a route of their own.
const ANY: &str = "*";
/// What there is no room for.
pub(super) const OTHER: &str = "other";

impl RouteId {
    /// A request that is refused before its site is known.
    pub(crate) const NONE: Self = Self(0);
    const OTHER: Self = Self(1);

    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl RouteIds {
    /// The most of them.
    pub(crate) const MOST: usize = 512;

    /// The paths of a site that have no route of their own.
    pub(crate) fn of_site(&self, site: &str) -> RouteId {
        let mut labels = self.labels();
        let any = find_or_add(&mut labels, site, ANY);
        find_or_add(&mut labels, site, OTHER); // before there is no room left
        any.unwrap_or(RouteId::OTHER)
    }

    /// A route of the site that has `of_site`.
    pub(crate) fn of_route(&self, of_site: RouteId, route: &str) -> RouteId {
        let mut labels = self.labels();
        let (site, _) = labels[of_site.index()].clone();
        find_or_add(&mut labels, &site, route).or_else(|| find(&labels, &site, OTHER)).unwrap_or(RouteId::OTHER)
    }

    /// All there are, in the order of their numbers.
    pub(super) fn all(&self) -> Vec<Labels> {
        self.labels().clone()
    }

    fn labels(&self) -> MutexGuard<'_, Vec<Labels>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner) // it is whole at any time
    }
}

impl Default for RouteIds {
    fn default() -> Self {
        let both = |label: &str| (label.to_owned(), label.to_owned());
        Self(Mutex::new(vec![both("-"), both(OTHER)]))
    }
}

fn find(labels: &[Labels], site: &str, route: &str) -> Option<RouteId> {
    let place = labels.iter().position(|(of, label)| of == site && label == route)?;
    u16::try_from(place).map(RouteId).ok() // there are fewer
}

/// `None` if there is no room.
fn find_or_add(labels: &mut Vec<Labels>, site: &str, route: &str) -> Option<RouteId> {
    let found = find(labels, site, route);
    if found.is_some() || labels.len() >= RouteIds::MOST {
        return found;
    }
    labels.push((site.to_owned(), route.to_owned()));
    find(labels, site, route)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ids: &RouteIds, id: RouteId) -> (String, String) {
        ids.all()[id.index()].clone()
    }

    #[test]
    fn the_routes_of_sites_are_told_apart_by_their_labels() {
        let ids = RouteIds::default();
        let (a, b) = (ids.of_site("a"), ids.of_site("b"));
        let of_a = ids.of_route(a, "/x/");
        assert_eq!(labels(&ids, of_a), ("a".to_owned(), "/x/".to_owned()));
        assert_eq!((ids.of_site("a"), ids.of_route(a, "/x/")), (a, of_a));
        assert_ne!(ids.of_route(b, "/x/"), of_a);
    }

    #[test]
    fn what_there_is_no_room_for_is_other_by_site_and_then_by_none() {
        let ids = RouteIds::default();
        let a = ids.of_site("a");
        (0..RouteIds::MOST).for_each(|route| _ = ids.of_route(a, &route.to_string()));
        assert_eq!(ids.all().len(), RouteIds::MOST);
        assert_eq!(labels(&ids, ids.of_route(a, "one more")), ("a".to_owned(), "other".to_owned()));
        let late = ids.of_site("late");
        assert_eq!(labels(&ids, late), ("other".to_owned(), "other".to_owned()));
        assert_eq!(ids.of_route(late, "/x/"), late);
    }
}
